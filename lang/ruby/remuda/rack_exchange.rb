# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "remuda/rack_errors"
require "remuda/rack_input"
require "remuda/rack_stream"

module Remuda
  # One request and its answer, as Rack 2 and 3 have them (rack.github.io, SPEC). Hijacking of the connection is not offered:
  # requests share it. A body that is called with a stream is (Rack 3, and rack.hijack among the headers of an answer).
  #
  # Each request makes one: three variables Ruby keeps in the object itself, more would take memory of their own.
  class RackExchange
    BLOCK = 256 * 1024
    WITHOUT_BODY = [204, 205, 304].freeze

    def initialize(request)
      @request = request
      @input = RackInput.new(request)
      @began = false
    end

    # Whatever fails in here is this request's failure; only what is to end the process goes on.
    def run(application, base, show_errors)
      environment = @request.environment(base)
      environment["rack.input"] = @input
      environment["rack.errors"] = RackErrors.new(@request)
      environment["rack.after_reply"] = after_reply = [] # Puma's and Unicorn's
      environment["rack.response_finished"] = response_finished = [] # Rack 3's
      status, headers, body = application.call(environment)
      send_answer(environment["REQUEST_METHOD"], status.to_i, headers, body)
      @request.finish(0)
    rescue Exception => failure # rubocop:disable Lint/RescueException
      fail_with(failure, show_errors)
      raise unless failure.is_a?(StandardError) || failure.is_a?(ScriptError)
    ensure
      @input.close
      after_reply&.each { |callable| attempt { callable.call } }
      response_finished&.each { |callable| attempt { callable.call(environment, status, headers, failure) } }
    end

    private

    def send_answer(method, status, headers, body)
      @request.head(status, headers)
      @began = true
      return if method == "HEAD" || WITHOUT_BODY.include?(status)

      send_body(headers["rack.hijack"] || body)
    ensure
      body.close if body.respond_to?(:close)
    end

    def send_body(body)
      if body.respond_to?(:to_path) && File.file?(body.to_path)
        send_file(body.to_path)
      elsif body.respond_to?(:each)
        body.each { |part| @request.write(part) }
      else
        body.call(RackStream.new(@request, @input))
      end
    end

    def send_file(path)
      File.open(path, "rb") do |file|
        block = String.new(capacity: BLOCK)
        @request.write(block) while file.read(BLOCK, block)
      end
    end

    # An answer that has begun and is not whole must not look whole. To a client that has gone nothing is said.
    def fail_with(failure, show_errors)
      return @request.finish(BROKEN) if failure.is_a?(Errno::ECANCELED)

      trace = failure.full_message(highlight: false, order: :top)
      @request.log(trace)
      return @request.finish(BROKEN) if @began

      @request.head(500, { "Content-Type" => "text/plain; charset=utf-8" })
      @request.write(show_errors ? trace : "The application failed. The server's log says why.\n")
      @request.finish(0)
    rescue Errno::ECANCELED
      @request.finish(BROKEN)
    end

    # What is called after the answer fails for itself.
    def attempt
      yield
    rescue StandardError => e
      warn e.full_message(highlight: false)
    end
  end
end
