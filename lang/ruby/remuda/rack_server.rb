# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "remuda/rack_exchange"

module Remuda
  # Answers requests with a Rack application until the process is to end.
  class RackServer
    def initialize(application, one_only:, threads: 1, show_errors: false)
      @application = application
      @threads = threads
      @show_errors = show_errors
      @base = {
        "rack.version" => [1, 6].freeze, "rack.multithread" => threads > 1, "rack.multiprocess" => true,
        "rack.run_once" => one_only, "rack.hijack?" => false, "SCRIPT_NAME" => "", "PATH_INFO" => "",
        "QUERY_STRING" => ""
      }.freeze
    end

    # Gives the exit status that the process should have.
    def serve(served)
      others = Array.new(@threads - 1) { Thread.new { work(served) } }
      work(served)
      others.each(&:join)
      served.close
    end

    private

    def work(served)
      while (request = served.accept)
        RackExchange.new(request).run(@application, @base, @show_errors)
      end
    end
  end
end
