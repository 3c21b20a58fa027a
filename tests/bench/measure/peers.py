# SPDX-License-Identifier: Apache-2.0
"""The servers that Remuda is measured beside, each on a port of its own."""

from measure.documents import Documents
from measure.machine import program
from measure.server import Server

PORTS = {"nginx": 8001, "nginx-fcgiwrap": 8002, "lighttpd": 8021, "h2o": 8031, "epoll": 8061}
LIMIT = "epoll"  # not a server but the bound: it is no peer to be compared with


def nginx(documents: Documents) -> Server:
    port = PORTS["nginx"]
    command = [program("nginx"), "-c", str(documents.configuration("nginx.conf", port))]
    return Server("nginx", port, documents.folder, [(command, port)])


def nginx_with_fcgiwrap(documents: Documents) -> Server:
    """nginx starts no CGI programs itself: fcgiwrap, four of it, does, behind a Unix socket."""
    port = PORTS["nginx-fcgiwrap"]
    socket = documents.folder / "fcgiwrap.sock"
    socket.unlink(missing_ok=True)  # that of an earlier one, which leaves it
    wrapper = [program("fcgiwrap"), "-c", "4", "-s", f"unix:{socket}"]
    front = [program("nginx"), "-c", str(documents.configuration("nginx.conf", port))]
    return Server("nginx-fcgiwrap", port, documents.folder, [(wrapper, socket), (front, port)])


def lighttpd(documents: Documents) -> Server:
    port = PORTS["lighttpd"]
    command = [program("lighttpd"), "-D", "-f", str(documents.configuration("lighttpd.conf", port))]
    return Server("lighttpd", port, documents.folder, [(command, port)])


def h2o(documents: Documents) -> Server:
    port = PORTS["h2o"]
    command = [program("h2o"), "-m", "worker", "-c", str(documents.configuration("h2o.conf", port))]
    return Server("h2o", port, documents.folder, [(command, port)])


def epoll(documents: Documents) -> Server:
    """The bare epoll loop: answers every request with the same 1 KiB."""
    port = PORTS["epoll"]
    return Server("epoll", port, documents.folder, [([str(documents.folder / "epoll_limit"), str(port)], port)])
