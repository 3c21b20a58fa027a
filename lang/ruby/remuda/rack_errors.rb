# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Remuda
  # rack.errors: the server's log, under the request's id.
  class RackErrors
    def initialize(request)
      @request = request
    end

    def puts(*lines)
      write("\n") if lines.empty?
      lines.flatten.each { |line| write("#{line.to_s.chomp}\n") }
      nil
    end

    def write(*texts) = texts.sum { |text| @request.log(text.to_s) }

    def <<(text)
      write(text)
      self
    end

    def flush = self

    def sync = true
  end
end
