# SPDX-License-Identifier: Apache-2.0
"""What an attacker in an application tries, one word each: what came of it is "yes", text that was found, or an errno's name."""

import ctypes
import errno
import fcntl
import os
import socket
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
CALLS = {  # of x86_64; none of the arguments here is good, so that what is allowed fails otherwise
    "mount": (165, 0, 0, 0, 0, 0), "umount": (166, 0, 0), "chroot": (161, b"/"), "pivot_root": (155, 0, 0),
    "open_tree": (428, -100, b"/", 1), "fsopen": (430, b"tmpfs", 0), "setns": (308, 0, 0),
    "unshare_user": (272, 0x10000000), "unshare_mount": (272, 0x20000), "clone_user": (56, 0x10000000 | 17, 0, 0, 0, 0),
    "clone3": (435, 0, 0), "ptrace": (101, 0, 0, 0, 0), "process_vm_readv": (310, os.getpid(), 0, 0, 0, 0, 0),
    "keyctl": (250, 0, -3, 0), "add_key": (248, b"user", b"x", b"y", 1, -3), "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0), "userfaultfd": (323, 0), "io_uring": (425, 1, 0), "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, 0, 0, b""), "reboot": (169, 0, 0, 0, 0), "settimeofday": (164, 0, 0), "syslog": (103, 3, 0, 0),
    "personality": (135, 0x40000), "mknod": (133, b"/tmp/device", 0o20666, 0x103),
    "mknod_high_half": (133, b"/tmp/device", (1 << 32) | 0o20666, 0x103), "x32_mount": (0x40000000 | 165, 0, 0, 0, 0, 0),
}  # fmt: skip


def call(word: str) -> str:
    number, *arguments = CALLS[word]
    result = LIBC.syscall(ctypes.c_long(number), *(a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments))
    if word == "clone_user" and result == 0:
        os._exit(0)
    return "yes" if result >= 0 else errno.errorcode[ctypes.get_errno()]


def paste() -> str:
    fcntl.ioctl(0, (7 << 32) | 0x5412, b"x")
    return "yes"


def write(path: str) -> str:
    with open(path, "w", encoding="utf-8") as file:
        file.write("written")
    return "yes"


def make_socket(family: str, kind: str, protocol: str) -> str:
    socket.socket(int(family), int(kind), int(protocol)).close()
    return "yes"


def connect(address: str, port: str) -> str:
    socket.create_connection((address, int(port)), 5).close()
    return "yes"


def talk_to_itself() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return connect(*map(str, listener.getsockname()))


def signal(pid: str) -> str:
    os.kill(int(pid), 0)
    return "yes"


def processes() -> str:
    return ",".join(sorted(name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()))


def run(program: str) -> str:
    return os.popen(f"{program} -u 2>&1").read().strip()


ATTEMPTS = {
    "read": lambda path: open(path, encoding="utf-8").read(),
    "list": lambda path: ",".join(sorted(os.listdir(path))),
    "write": write,
    "socket": make_socket,
    "connect": connect,
    "talk_to_itself": talk_to_itself,
    "signal": signal,
    "processes": processes,
    "paste": paste,
    "run": run,
    "variable": lambda name: os.environ.get(name, "none"),
    "mounts": lambda: open("/proc/self/mountinfo", encoding="utf-8").read(),
}


def attempt(word: str) -> str:
    """`word` is "NAME" or "NAME:ARGUMENT:..."."""
    name, *arguments = word.split(":")
    try:
        return call(name) if name in CALLS else ATTEMPTS[name](*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
