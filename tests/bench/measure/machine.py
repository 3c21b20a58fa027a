# SPDX-License-Identifier: Apache-2.0
"""What the machine must have for a measurement, and how it describes itself in the results."""

import os
import platform
import resource
import shutil

SERVER_CORE = 0
LOAD_CORE = 1
DESCRIPTORS = 40000  # what is asked for; without root the hard limit decides (lighttpd counts in 16 bits)

PACKAGES = {  # program: Debian package
    "wrk": "wrk",
    "nginx": "nginx-light",
    "lighttpd": "lighttpd",
    "h2o": "h2o",
    "fcgiwrap": "fcgiwrap",
    "php-fpm8.2": "php-fpm",
    "inetd": "openbsd-inetd",
    "clang-19": "clang-19",
    "apache2": "apache2",
    "uwsgi": "uwsgi-core",
    "gunicorn": "gunicorn",
    "starman": "starman",
}


class CannotMeasure(Exception):
    """The reason why a measurement is impossible here, in words for the person who asked for it."""


def is_root() -> bool:
    return os.geteuid() == 0


def program(name: str) -> str:
    """The absolute path of a program; the error names the package that brings it."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        package = PACKAGES.get(name, name)
        raise CannotMeasure(f"{name} is missing: `./dev setup bench` installs it (Debian package {package})")
    return path


def require_cores() -> None:
    """The server and the load need a core each: on one core they would measure each other."""
    usable = os.sched_getaffinity(0)
    if not {SERVER_CORE, LOAD_CORE} <= usable:
        raise CannotMeasure(f"needs cores {SERVER_CORE} and {LOAD_CORE}, has {sorted(usable)}")


def raise_descriptor_limit() -> int:
    """Raises RLIMIT_NOFILE for this process and all it starts, as far as it may; returns the limit in force."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < DESCRIPTORS:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
            return DESCRIPTORS
        except (ValueError, OSError):
            pass
    limit = min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def require_descriptors(count: int, purpose: str) -> None:
    """Refuses a measurement that needs more descriptors in one process than the limit allows."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < count:
        raise CannotMeasure(f"{purpose} needs {count} descriptors, the hard limit is {limit} (ulimit -Hn); root may raise it")


def describe() -> dict[str, str]:
    """Processor, cores and kernel: without them the figures mean nothing."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"processor": model, "cores": str(os.cpu_count()), "kernel": platform.release()}
