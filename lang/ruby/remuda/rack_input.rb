# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "stringio"
require "tempfile"

module Remuda
  # rack.input: a request's body, read as it comes. Rack 2 may rewind it, so what was read is kept: in memory, then in a file
  # without a name.
  class RackInput
    MEMORY = 256 * 1024 # bytes
    BLOCK = 64 * 1024

    def initialize(request)
      @request = request
      @size = 0 # bytes that came so far, all of them kept
      @ended = false
    end

    def read(length = nil, buffer = nil)
      raise ArgumentError, "negative length #{length} given" if length&.negative?

      receive(length ? length - (@size - kept.pos) : Float::INFINITY)
      kept.read(length, *buffer)
    end

    def gets(*limits)
      receive_line
      kept.gets(*limits)
    end

    def each
      while (line = gets)
        yield line
      end
      self
    end

    def rewind
      @kept&.rewind
      0
    end

    def size
      receive(Float::INFINITY)
      @size
    end

    def external_encoding = Encoding::BINARY

    def close
      @kept&.close
    end

    private

    # Most requests have no body, and nobody asks.
    def kept = @kept ||= StringIO.new(String.new(encoding: Encoding::BINARY))

    # At least so many bytes more, if there are.
    def receive(wanted)
      while wanted.positive? && !@ended
        bytes = @request.read(BLOCK)
        return @ended = true unless bytes

        keep(bytes)
        wanted -= bytes.bytesize
      end
    end

    # Until what follows has a whole line.
    def receive_line
      from = kept.pos
      until @ended || kept.gets&.end_with?("\n")
        kept.pos = from
        receive(1)
      end
      kept.pos = from
    end

    def keep(bytes)
      from = kept.pos
      move_to_file if kept.is_a?(StringIO) && @size + bytes.bytesize > MEMORY
      kept.seek(0, IO::SEEK_END)
      kept.write(bytes)
      @size += bytes.bytesize
      kept.pos = from
    end

    def move_to_file
      file = Tempfile.new("remuda", binmode: true)
      file.unlink
      file.write(kept.string)
      @kept = file
    end
  end
end
