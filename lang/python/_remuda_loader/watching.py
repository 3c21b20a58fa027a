# SPDX-License-Identifier: Apache-2.0
"""What a template has loaded and is to be loaded again when it changes: the files of all modules outside the
standard library, and what makes a virtual environment one."""
import os
import sys

STANDARD = tuple({os.path.join(os.path.dirname(path), "") for path in (os.__file__, os.path.realpath(os.__file__))})
OWN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
PACKAGES = ("/site-packages/", "/dist-packages/")  # lie below the standard library in many installations


def is_standard(path):
    return path.startswith(STANDARD) and not any(name in path for name in PACKAGES)


def module_files():
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or path.startswith(OWN):
            continue
        if path.endswith(".pyc") and os.path.exists(path[:-1]):
            path = path[:-1]
        if not is_standard(path):
            yield os.path.abspath(path)


def watch(template, paths):
    full = None
    for path in paths:
        try:
            template.watch(path)
        except FileNotFoundError:
            pass  # a module that was never a file
        except OSError as error:
            full = error
    if full:
        template.warn("changes of some files will not be seen: %s" % full.strerror)


def watch_modules(template):
    paths = set(module_files())
    paths.add(os.path.join(sys.prefix, "pyvenv.cfg"))
    # How the directory was called when it was entered: "current" may lead elsewhere tomorrow.
    called, here = os.environ.get("PWD"), os.getcwd()
    if called and called != here and os.path.realpath(called) == here:
        paths |= {path.replace(here, called, 1) for path in paths if path.startswith(here + "/")}
    watch(template, sorted(paths))
