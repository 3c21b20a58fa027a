# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Remuda
  # What there is in a directory that answers requests, and how it is loaded: config.ru, else Rails.
  class RackApplication
    NOT_FOUND = "no Rack application in %s: looked for config.ru and config/environment.rb (Rails)"

    def self.find(root, entry_point)
      file = entry_point || %w[config.ru config/environment.rb].find { |name| File.exist?(File.join(root, name)) }
      abort(format(NOT_FOUND, root)) unless file
      abort("the entry point #{file} is not there") unless File.exist?(File.expand_path(file, root))
      new(root, file)
    end

    def initialize(root, file)
      @root = root
      @file = File.expand_path(file, root)
    end

    # Says each step before it is taken.
    def load
      set_environment
      if File.exist?(ENV.fetch("BUNDLE_GEMFILE", File.join(@root, "Gemfile")))
        yield "bundler/setup"
        require "bundler/setup"
      end
      yield "rack"
      require "rack"
      require "uri" # Rack::Lint takes it for granted
      yield @file
      application = @file.end_with?(".ru") ? build : rails
      yield "eager load" if eager_load?
      ::Rails.application.eager_load! if eager_load?
      application
    end

    # What a change of means another application.
    def files
      [@file, *%w[Gemfile Gemfile.lock tmp/restart.txt].map { |name| File.join(@root, name) }].select { |path| File.exist?(path) }
    end

    # Connections that were opened while loading are not shared with forks.
    def disconnect
      ::ActiveRecord::Base.connection_handler.clear_all_connections! if defined?(::ActiveRecord::Base)
    rescue StandardError => e
      warn "the database's connections were not closed before forking: #{e.message}"
    end

    private

    def set_environment
      usual = ENV.key?("REMUDA_DEV") ? "development" : "production"
      ENV["RACK_ENV"] ||= ENV.fetch("RAILS_ENV", usual)
    end

    # Rack 2 gives the options of the file's first line as well.
    def build = Array(::Rack::Builder.parse_file(@file)).first

    def rails
      require @file
      ::Rails.application
    end

    def eager_load? = defined?(::Rails.application) && ::Rails.application && ::Rails.application.config.eager_load
  end
end
