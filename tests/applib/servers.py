# SPDX-License-Identifier: Apache-2.0
"""Other people's servers in front of the examples: one configuration each, everything in the test's own directory."""

import http.client
import os
import pwd
import signal
import socket
import subprocess
import threading
from pathlib import Path

from harness import IS_ROOT, Place, free_port, is_listening
from processes import eventually

NGINX = """
daemon off; master_process off; pid {place}/nginx.pid; error_log {place}/nginx.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 0; root {place};
  client_body_temp_path {place}/nginx-body; fastcgi_temp_path {place}/nginx-fastcgi; proxy_temp_path {place}/nginx-1;
  scgi_temp_path {place}/nginx-2; uwsgi_temp_path {place}/nginx-3;
  upstream app {{ server unix:{socket}; {keep} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass app; {keep_on}
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param REQUEST_URI $request_uri; fastcgi_request_buffering off; fastcgi_buffering off;
    }}
  }}
}}
"""

LIGHTTPD = """
server.document-root = "{place}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{place}/lighttpd.log"
server.modules = ("mod_fastcgi")
server.stream-request-body = 1
server.stream-response-body = 1
fastcgi.server = ("/" => (("socket" => "{place}/lighttpd.sock", "bin-path" => "{program}", "max-procs" => 2,
                           "check-local" => "disable", "bin-environment" => ("STARTED_BY" => "lighttpd"))))
"""

APACHE = """
ServerRoot {place}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {place}/apache.pid
ErrorLog {place}/apache.log
Mutex pthread
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
{user}
DocumentRoot {place}
<Directory {place}>
  Require all granted
</Directory>
"""

PROXY_FCGI = """
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_fcgi_module {modules}/mod_proxy_fcgi.so
<Location />
  SetHandler "proxy:unix:{socket}|fcgi://app/"
</Location>
<Proxy fcgi://app/ enablereuse=on max=10>
</Proxy>
"""

FCGID = """
LoadModule fcgid_module {modules}/mod_fcgid.so
LoadModule alias_module {modules}/mod_alias.so
FcgidIPCDir {place}/fcgid
FcgidProcessTableFile {place}/fcgid.table
FcgidMaxRequestLen 200000000
FcgidMaxProcessesPerClass 3
ScriptAlias / {program}/
<Location />
  SetHandler fcgid-script
  Options +ExecCGI
</Location>
"""

MODULES = "/usr/lib/apache2/modules"


class Peer:
    """A server that answers on 127.0.0.1:port, and ends with the test."""

    def __init__(self, place: Place, name: str, words: list[str]):
        self.port = int(words.pop(0))
        self.log = place / f"{name}.log"
        self.output = open(place / f"{name}.output", "ab")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                        start_new_session=True)
        eventually(f"{name} listens", lambda: is_listening(self.port) or self.process.poll() is not None)
        assert self.process.poll() is None, Path(self.output.name).read_text()

    def ask(self, target: str = "/", body: bytes = b"") -> tuple[int, bytes]:
        """Status and content. The body is sent while the answer is read."""
        lines = [f"{'POST' if body else 'GET'} {target} HTTP/1.1", "Host: localhost", "Connection: close",
                 f"Content-Length: {len(body)}", "", ""]
        head = "\r\n".join(lines)
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(head.encode())
            sender = threading.Thread(target=connection.sendall, args=(body,))
            sender.start()
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            content = answer.read()
            sender.join()
        return answer.status, content

    def finish(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.output.close()


def configure(place: Place, name: str, text: str, **values) -> tuple[str, Path]:
    port = free_port()
    return str(port), place.file(f"{name}.conf", text.format(place=place.path, port=port, modules=MODULES, **values))


def nginx(place: Place, examples: Path, program: str, application, keep: bool = False) -> Peer:
    port, file = configure(place, "nginx", NGINX, socket=application(program).path,
                           keep="keepalive 8;" if keep else "", keep_on="fastcgi_keep_conn on;" if keep else "")
    text = f"user root;\n{file.read_text()}" if IS_ROOT else file.read_text()
    file.write_text(text)
    return Peer(place, "nginx", [port, "/usr/sbin/nginx", "-e", str(place / "nginx.log"), "-c", str(file)])


def nginx_keeping(place: Place, examples: Path, program: str, application) -> Peer:
    return nginx(place, examples, program, application, keep=True)


def lighttpd(place: Place, examples: Path, program: str, application) -> Peer:
    port, file = configure(place, "lighttpd", LIGHTTPD, program=examples / program)
    return Peer(place, "lighttpd", [port, "/usr/sbin/lighttpd", "-D", "-f", str(file)])


def apache(place: Place, text: str, **values) -> Peer:
    user = "User www-data\nGroup www-data" if IS_ROOT else ""
    port, file = configure(place, "apache", APACHE + text, user=user, **values)
    return Peer(place, "apache", [port, "/usr/sbin/apache2", "-DFOREGROUND", "-f", str(file)])


def proxy_fcgi(place: Place, examples: Path, program: str, application) -> Peer:
    return apache(place, PROXY_FCGI, socket=application(program).path)


def fcgid(place: Place, examples: Path, program: str, application) -> Peer:
    made = place.directory("fcgid", 0o777)
    if IS_ROOT:
        os.chown(made, pwd.getpwnam("www-data").pw_uid, -1)
    return apache(place, FCGID, program=examples / program)


SERVERS = {"nginx": nginx, "nginx, keep-alive": nginx_keeping, "lighttpd": lighttpd, "mod_proxy_fcgi": proxy_fcgi,
           "mod_fcgid": fcgid}


