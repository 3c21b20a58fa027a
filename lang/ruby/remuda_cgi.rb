# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# The template of a CGI program in Ruby: ruby [SWITCHES] remuda_cgi.rb SCRIPT. Loads what the script requires of Ruby itself and
# of gems, compiles it, and runs it in each process that is forked, as its main program.

$LOAD_PATH.unshift(__dir__)
require "remuda_native"
require "remuda/forking"
require "remuda/script"
$LOAD_PATH.shift

template = Remuda::Template.open or abort("remuda_cgi.rb: is started by Remuda's spawner alone")
script = Remuda::Script.new(ARGV.fetch(0))
script.load(template)
Remuda::Forking.fork_on_demand(template)
script.run
