# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Remuda
  # What a body that is called reads from and writes to.
  class RackStream
    def initialize(request, input)
      @request = request
      @input = input
      @closed = false
    end

    def read(...) = @input.read(...)

    def write(*texts)
      raise IOError, "the stream is closed" if @closed

      texts.sum { |text| @request.write(text.to_s) }
    end

    def <<(text)
      write(text)
      self
    end

    def flush
      @request.flush
      self
    end

    def close(*)
      @closed = true
      nil
    end

    alias close_read close
    alias close_write close

    def closed? = @closed
  end
end
