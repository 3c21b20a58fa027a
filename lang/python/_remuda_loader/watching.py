# SPDX-License-Identifier: Apache-2.0
"""What a template has loaded and is to be loaded again when it changes: the files of all modules outside the
standard library, and what makes a virtual environment one."""
import os
import sys
import sysconfig


def standard_folders():
    paths = sysconfig.get_paths()
    return tuple({os.path.join(os.path.realpath(paths[name]), "") for name in ("stdlib", "platstdlib")})


def other_folders():
    """Those of installed packages, which lie below the standard library in many installations."""
    paths = sysconfig.get_paths()
    names = {os.path.join(os.path.realpath(paths[name]), "") for name in ("purelib", "platlib")}
    return tuple(names | {os.path.join(folder, name, "") for folder in standard_folders()
                          for name in ("site-packages", "dist-packages")})


def is_standard(path, standard, other):
    return path.startswith(standard) and not path.startswith(other)


def module_files(modules, own):
    standard, other = standard_folders(), other_folders()
    for module in modules:
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or path.startswith(own):
            continue
        if path.endswith(".pyc") and os.path.exists(path[:-1]):
            path = path[:-1]
        if not is_standard(path, standard, other):
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
    own = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
    paths = set(module_files(list(sys.modules.values()), own))
    paths.add(os.path.join(sys.prefix, "pyvenv.cfg"))
    # How the directory was called when it was entered: "current" may lead elsewhere tomorrow.
    called = os.environ.get("PWD")
    if called and os.path.realpath(called) == os.getcwd() and called != os.getcwd():
        paths |= {path.replace(os.getcwd(), called, 1) for path in paths if path.startswith(os.getcwd() + "/")}
    watch(template, sorted(paths))
