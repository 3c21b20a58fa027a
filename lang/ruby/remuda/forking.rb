# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module Remuda
  # The template's life after the application has been loaded, for every Ruby loader.
  module Forking
    STANDARD = [RbConfig::CONFIG["rubylibdir"], RbConfig::CONFIG["rubyarchdir"]].freeze

    module_function

    # Returns in each process that is forked; the template itself never does.
    def fork_on_demand(template, *files)
      watch(template, files)
      refuse_threads(template)
      tidy
      exit!(1) unless template.ready
      while template.wait
        pid = fork
        return become(template) unless pid

        template.parent(pid)
      end
      exit!(0)
    end

    def watch(template, files)
      own = $LOADED_FEATURES.select { |path| path.start_with?("/") && STANDARD.none? { |folder| path.start_with?(folder) } }
      (own + files).each do |path|
        template.watch(path)
      rescue SystemCallError => e
        template.warn("#{path} is not watched: #{e.message}")
        break if e.is_a?(Errno::ENOSPC)
      end
    end

    # A fork has the thread that forks, and no other.
    def refuse_threads(template)
      harmless, needed = (Thread.list - [Thread.current]).partition { |thread| harmless?(thread) }
      return template.expect_threads(harmless.size) if needed.empty?

      template.unfit("threads run: #{needed.map { |thread| thread.name || thread.inspect }.join(', ')}")
      exit!(1)
    end

    # Those that say so (Puma's word for it), and the one that tidies up behind concurrent-ruby's thread locals: every Rails
    # has it, and its forks do without.
    def harmless?(thread)
      thread.thread_variable_get(:fork_safe) || thread.inspect.include?("/concurrent/atomic/ruby_thread_local_var.rb")
    end

    # What the forks share stays shared: garbage is gone, and what lives lies together.
    def tidy
      return Process.warmup if Process.respond_to?(:warmup)

      3.times { GC.start }
      GC.compact if GC.respond_to?(:compact)
    rescue NotImplementedError
      nil
    end

    def become(template)
      exit!(1) unless template.child
      srand
    end
  end
end
