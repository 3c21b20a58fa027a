# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "ripper"

module Remuda
  # A CGI program, loaded once and run in every fork.
  class Script
    # What belongs to the machine, not to the application, and so does nothing when it is loaded but define.
    TRUSTED = [*Forking::STANDARD, *Gem.path, *RbConfig::CONFIG.values_at("vendordir", "sitedir")].freeze
    OWN = [__FILE__, $PROGRAM_NAME].freeze

    def initialize(path)
      @path = path
      @warnings = []
    end

    def load(template)
      template.watch_closely(@path)
      source = File.binread(@path)
      template.step(@path)
      compile(template)
      names_required(source).each do |name|
        template.step("require #{name}")
        require name
      end
      @data_at = source.match(/^__END__\r?\n/)&.end(0)
    end

    # As Ruby runs its main program. Frames of a loader are nobody's business.
    def run
      become_main_program
      @code.eval
    rescue SystemExit, SignalException
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException
      e.set_backtrace(e.backtrace&.reject { |frame| frame.start_with?(*OWN) })
      raise e
    end

    private

    # A script with a mistake in it is executed, and Ruby says so itself.
    def compile(template)
      collected = @warnings
      Warning.singleton_class.prepend(Module.new { define_method(:warn) { |text, **| collected << text } })
      @code = RubyVM::InstructionSequence.compile_file(@path)
    rescue SyntaxError => e
      template.unfit(e.message.lines.first.chomp)
      exit!(1)
    ensure
      Warning.singleton_class.ancestors.first.send(:remove_method, :warn)
    end

    # Of `require "name"` at the top of the script, what the machine has.
    def names_required(source)
      program = Ripper.sexp(source) or return []
      names = program[1].filter_map do |kind, call, arguments|
        next unless kind == :command && call[1] == "require"

        literal = arguments.flatten
        literal[literal.index(:@tstring_content) + 1] if literal.include?(:@tstring_content)
      end
      names.select { |name| trusted?(name) }
    end

    def trusted?(name)
      _, file = $LOAD_PATH.resolve_feature_path(name)
      file ? TRUSTED.any? { |folder| file.to_s.start_with?(folder) } : Gem::Specification.find_by_path(name)
    rescue LoadError
      false
    end

    def become_main_program
      $PROGRAM_NAME = @path
      ARGV.clear
      @warnings.each { |text| $stderr.write(text) }
      return unless @data_at

      Object.const_set(:DATA, File.open(@path).tap { |file| file.seek(@data_at) })
    end
  end
end
