# SPDX-License-Identifier: Apache-2.0
"""Rack applications: Rack::Lint, Sinatra and Rails, each started for a request, forked from a template, and kept in a pool."""

import re
import threading

import pytest

from applications import owner_lines
from harness import needs
from loaded import MODELS, is_cut, needs_loader
from processes import eventually
from wire import request

pytestmark = needs_loader("ruby/remuda_native.so", "ruby-dev, ruby-rack")

SITE = """
    [server]
    {owner}
    dev = {dev}
    [[route]]
    path = "{mount}"
    app = "ruby"
    [app.ruby]
    type = "rack"
    model = "{model}"
    root = "app"
    {lines}
"""

LINTED = """
require "rack/lint"
use Rack::Lint

class Parts
  def initialize(request) = @request = request
  def each
    3.times { |i| yield "part #{i}\\n" }
  end
  def close = @request["rack.errors"].puts("closed")
end

text = { "Content-Type" => "text/plain" }
run lambda { |env|
  case env["PATH_INFO"]
  when "/boom" then raise "it went wrong"
  when "/late" then [200, text, Enumerator.new { |out| out << "half" * 10_000; raise "too late" }]
  when "/parts" then [200, text, Parts.new(env)]
  when "/echo"
    body = env["rack.input"].read
    [200, { "Content-Type" => "application/octet-stream", "Content-Length" => body.bytesize.to_s }, [body]]
  when "/twice"
    first = 0
    env["rack.input"].each { |line| first += line.bytesize }
    env["rack.input"].rewind
    [200, text, ["#{first} #{env['rack.input'].read.bytesize} #{env['rack.input'].read(1).inspect}"]]
  when "/cookies" then [200, text.merge("Set-Cookie" => "a=1\\nb=2"), ["cookies"]]
  when "/file" then [200, text, File.open(__FILE__)]
  when "/nothing" then [204, {}, []]
  when "/random" then [200, text, ["#{rand(1 << 64)} #{Process.pid}"]]
  when "/slow"
    sleep 5
    [200, text, ["slow"]]
  else [200, text, [%w[SCRIPT_NAME PATH_INFO QUERY_STRING REQUEST_METHOD].map { |name| "#{name}=#{env[name]}\\n" }.join]]
  end
}
"""

SINATRA = """
require "sinatra/base"

class Shop < Sinatra::Base
  set :environment, :production
  enable :sessions
  set :session_secret, "s" * 64
  get("/hello/:name") { "Hello #{params['name']}" }
  post("/basket") { session["basket"] = (session["basket"] || 0) + params["count"].to_i; redirect "/basket", 303 }
  get("/basket") { "basket #{session['basket'] || 0}" }
  post("/picture") { "#{params['picture']['filename']} #{params['picture']['tempfile'].read.bytesize}" }
  get("/stream") { stream { |out| 3.times { |i| out << "piece #{i}\\n" } } }
end
run Shop
"""

RAILS = """
require "rails"
require "action_controller/railtie"

class Guestbook < Rails::Application
  config.load_defaults 6.1
  config.eager_load = true
  config.secret_key_base = "s" * 64
  config.hosts.clear
  config.logger = Logger.new($stderr)
  config.log_level = :warn
  routes.append { resource :guest, only: %i[show create], controller: "guest" }
end

class GuestController < ActionController::Base
  protect_from_forgery with: :exception
  def show
    render inline: <<~PAGE
      <p>guest <%= session[:name] || "nobody" %></p>
      <%= form_with url: "/guest", local: true do |form| %><%= form.text_field :name %><% end %>
    PAGE
  end

  def create
    session[:name] = params.require(:name)
    redirect_to "/guest"
  end
end

Guestbook.initialize!
run Guestbook
"""


@pytest.fixture
def serve(start, place):
    def begin(model: str, text: str, mount: str = "/", dev: bool = False, lines: str = ""):
        place.file("app/config.ru", text)
        return start(SITE.format(owner=owner_lines('user = "{0}"'), model=model, mount=mount, lines=lines,
                                 dev="true" if dev else "false"))

    return begin


@pytest.mark.parametrize("model", MODELS)
def test_rack_lint_finds_nothing(serve, model):
    server = serve(model, LINTED, mount="/app/")
    assert server.get("/app/a%20b?x=1").text == "SCRIPT_NAME=/app\nPATH_INFO=/a b\nQUERY_STRING=x=1\nREQUEST_METHOD=GET\n"
    assert server.head("/app/").text == ""
    body = bytes(range(256)) * 4096
    assert server.post("/app/echo", body).body == body
    lines = b"line\n" * 100_000
    assert server.post("/app/twice", lines).text == f"{len(lines)} {len(lines)} nil"
    assert server.post("/app/twice", b"").text == "0 0 nil"
    assert server.get("/app/parts").text == "part 0\npart 1\npart 2\n"
    server.wait_for_error("closed")
    answer = server.get("/app/cookies")
    assert answer.all("Set-Cookie") == ["a=1", "b=2"]
    assert server.get("/app/nothing").status == 204
    assert server.get("/app/file").text == LINTED


@pytest.mark.parametrize("model", MODELS)
def test_what_fails_is_told(serve, model):
    server = serve(model, LINTED)
    answer = server.get("/boom")
    assert answer.status == 500 and "it went wrong" not in answer.text
    server.wait_for_error(r"config\.ru:\d+:in .*it went wrong \(RuntimeError\)")
    assert is_cut(server, "/late")
    server.wait_for_error("too late")
    assert server.get("/").status == 200


def test_headers_cannot_be_split(serve):
    server = serve("pool", 'run ->(_) { [200, { "Content-Type" => "text/plain", "X-A" => "one\\r\\nX-B: two" }, []] }')
    assert server.get("/").status == 500
    server.wait_for_error("X-A: a value with a control character")


def test_a_developer_sees_the_trace(serve):
    answer = serve("pool", LINTED, dev=True).get("/boom")
    assert answer.status == 500 and "it went wrong" in answer.text and "config.ru" in answer.text


@pytest.mark.parametrize("model", ["fork", "pool"])
def test_forks_are_not_alike(serve, model):
    server = serve(model, LINTED, lines="instances = { min = 3, max = 3 }" if model == "pool" else "")
    seen = {server.get("/random").text.split()[0] for _ in range(12)}
    assert len(seen) == 12, "the same random numbers in several processes"


def test_threads_answer_beside_each_other(serve):
    server = serve("pool", LINTED, lines="threads = 4\n    instances = { min = 1, max = 1 }")
    assert server.get("/").status == 200
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.get("/slow").text)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert server.get("/").status == 200
    assert len(answers) == 0, "it waited for those that are slow"
    for thread in threads:
        thread.join()
    assert answers == ["slow"] * 3


@pytest.mark.parametrize("model", MODELS)
@needs("/usr/share/doc/ruby-sinatra")
def test_sinatra(serve, model):
    server = serve(model, SINATRA)
    assert server.get("/hello/world").text == "Hello world"
    answer = server.post("/basket", b"count=3", "Content-Type: application/x-www-form-urlencoded")
    assert answer.status == 303
    cookie = answer["Set-Cookie"].split(";")[0]
    assert server.get("/basket", f"Cookie: {cookie}").text == "basket 3"
    form = (b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n' + b"p" * 500_000 +
            b"\r\n--x--\r\n")
    assert server.post("/picture", form, "Content-Type: multipart/form-data; boundary=x").text == "a.png 500000"
    assert server.get("/stream").text == "piece 0\npiece 1\npiece 2\n"
    assert server.get("/nowhere").status == 404


@pytest.mark.parametrize("model", MODELS)
@needs("/usr/share/doc/ruby-railties")
def test_rails(serve, model):
    server = serve(model, RAILS)
    page = server.get("/guest")
    assert page.status == 200 and "guest nobody" in page.text, page.text
    token = re.search(r'name="authenticity_token" value="([^"]+)"', page.text).group(1)
    cookie = page["Set-Cookie"].split(";")[0]
    form = "Content-Type: application/x-www-form-urlencoded"
    assert server.post("/guest", b"name=eve", form).status == 422, "without its token a form was taken"
    body = f"name=ada&authenticity_token={token.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}".encode()
    answer = server.post("/guest", body, form, f"Cookie: {cookie}")
    assert answer.status == 302, answer.text
    cookie = answer["Set-Cookie"].split(";")[0]
    assert "guest ada" in server.get("/guest", f"Cookie: {cookie}").text


def test_a_changed_application_is_loaded_again(serve, place):
    server = serve("pool", LINTED)
    assert server.get("/").status == 200
    place.file("app/config.ru", 'run ->(_) { [200, { "Content-Type" => "text/plain" }, ["changed"]] }')
    eventually("the new one answers", lambda: server.get("/").text == "changed")
    place.file("app/config.ru", "this is ( no Ruby")
    server.wait_for_error("syntax error")
    assert server.get("/").text == "changed"


# --- CGI programs -----------------------------------------------------------------------------------------------------

CGI = """
    {owner}
    [[route]]
    host = "exec.test"
    path = "/cgi-bin/"
    app = "executed"
    [[route]]
    host = "fork.test"
    path = "/cgi-bin/"
    app = "forked"
    [app.executed]
    root = "cgi-bin"
    [app.forked]
    model = "fork"
    root = "cgi-bin"
"""

PROGRAMS = {
    "environment": r'''#!/usr/bin/ruby -w
require "cgi"
require 'json'
require "set"
cgi = CGI.new
unused = 1
puts "Content-Type: text/plain\n\n"
puts ENV.sort.map { |name, value| "#{name}=#{value}\n" }.reject { |line| line =~ /REMOTE_PORT|HTTP_HOST|SERVER_NAME/ }
puts $0 == __FILE__, $PROGRAM_NAME, ARGV.inspect, __dir__, Dir.pwd, self.inspect, Process.getpgrp == $$, $VERBOSE.inspect
puts cgi.params.inspect, JSON.generate(a: 1), Set[1].size, defined?(Remuda::Script).inspect.size > 0
puts DATA.read, STDIN.external_encoding.inspect, STDOUT.sync, Thread.list.size
at_exit { puts "the end" }
__END__
data of the program
''',
    "body": '#!/usr/bin/ruby\nprint "Content-Type: text/plain\\n\\n", (STDIN.read || "").bytesize\n',
    "raises": '#!/usr/bin/ruby\ndef deep = raise(ArgumentError, "it is wrong")\nprint "Content-Type: text/plain\\n\\nhalf"\ndeep\n',
    "status": '#!/usr/bin/ruby\nprint "Status: 404 Gone away\\nContent-Type: text/plain\\n\\ngone"\nexit 3\n',
    "aborts": '#!/usr/bin/ruby\nprint "Content-Type: text/plain\\n\\n"\nabort "no more"\n',
    "mistaken": '#!/usr/bin/ruby\nprint "a" +\n',
    "relative": '#!/usr/bin/ruby\nrequire_relative "part"\nprint "Content-Type: text/plain\\n\\n", Part::VALUE\n',
}


def test_programs_are_the_same_forked_and_executed(start, place):
    for name, text in PROGRAMS.items():
        place.script(name, text)
    place.file("cgi-bin/part.rb", "module Part\n  VALUE = 7\nend\n")
    server = start(CGI.format(owner=owner_lines('[server]\n    user = "{0}"')))

    def ask(model: str, name: str, body: bytes):
        answer = server.ask(request("POST", f"/cgi-bin/{name}?a=b", host=f"{model}.test", body=body))
        return answer.status, re.sub(r"Request [0-9a-f]+", "", answer.text)

    for name in PROGRAMS:
        ask("fork", name, b"")
    eventually("templates serve", lambda: server.errors().count(" ready after ") == len(PROGRAMS) - 1, 30)
    server.wait_for_error(r"/mistaken: runs under exec")
    for name in PROGRAMS:
        for body in (b"", b"x=1&y=2", b"z" * 100_000):
            assert ask("fork", name, body) == ask("exec", name, body), name
    said = [re.sub(r"^.*?: app (executed|forked): ", "", line).strip() for line in server.errors().splitlines() if "it is wrong" in line]
    assert len(set(said)) == 1, said
    place.script("status", PROGRAMS["status"].replace("gone\"", "changed\""))
    assert ask("fork", "status", b"") == (404, "changed")
