# SPDX-License-Identifier: Apache-2.0
"""The steps that lead to what a script imports, as plain tuples, which cross from the trial to the template:

    ("import", module, names, certain)     names: those of "from module import ...", which may be modules
    ("path", code)                         sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
"""
import os
import sys


def name_of(step):
    return step[1] if step[0] == "import" else "sys.path"


def run(step, path):
    """As the script would, so that what an import says is said about the script."""
    names = {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__}
    if step[0] == "path":
        exec(step[1], dict(names, sys=sys, os=os))
        return
    _, module, inner, _ = step
    exec(compile("import " + module, path, "exec"), names)
    for name in inner:
        owner = sys.modules[module]
        if name != "*" and not hasattr(owner, name) and hasattr(owner, "__path__"):
            exec(compile("import %s.%s" % (module, name), path, "exec"), names)


def quietly(work, *arguments):
    """Without Python's warnings, and without its module for them, which scripts may not have."""
    import _warnings
    rule = ("ignore", None, Warning, None, 0)
    changed = getattr(_warnings, "_filters_mutated", None) or getattr(_warnings, "_filters_mutated_lock_held")
    _warnings.filters.insert(0, rule)
    try:
        changed()
    except RuntimeError:
        pass
    try:
        return work(*arguments)
    finally:
        _warnings.filters.remove(rule)
        try:
            changed()
        except RuntimeError:
            pass
