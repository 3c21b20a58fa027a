# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# remuda_rack.rb [--entry-point FILE] [--threads N]: loads the Rack application of the working directory and answers requests
# with it: as a template that is forked, as an instance (FastCGI on descriptor 0), or for one request (CGI).

$LOAD_PATH.unshift(__dir__)
require "optparse"
require "remuda_native"
require "remuda/forking"
require "remuda/rack_application"
require "remuda/rack_server"

options = { threads: 1 }
OptionParser.new do |parser|
  parser.on("--entry-point FILE") { |file| options[:entry_point] = file }
  parser.on("--threads N", Integer) { |threads| options[:threads] = threads }
end.parse!(ARGV)

$stdout.sync = $stderr.sync = true
template = Remuda::Template.open
found = Remuda::RackApplication.find(Dir.pwd, options[:entry_point])
application = found.load { |what| template&.step(what) }
if template
  found.disconnect
  Remuda::Forking.fork_on_demand(template, *found.files)
end

trap("TERM", "SYSTEM_DEFAULT") # the library's then, which ends gracefully
served = Remuda::Application.new(options[:threads])
server = Remuda::RackServer.new(application, one_only: served.cgi?, threads: options[:threads],
                                             show_errors: ENV.key?("REMUDA_DEV"))
exit(server.serve(served))
