# SPDX-License-Identifier: Apache-2.0
"""remuda_cgi.py SCRIPT: the template of an unmodified CGI program in Python (docs/templates.md).

The script is compiled and what it imports is loaded, once; each fork runs it as the interpreter would. Started
as no template, it runs the script. What is only needed to find out is done in other processes, so that the
template holds, and forks share, hardly more than an interpreter that has loaded the script.
"""
import sys

BASE = set(sys.modules)  # what is there when an interpreter begins

import os

OWN = os.path.dirname(os.path.abspath(__file__))
if OWN not in sys.path:  # -I
    sys.path.insert(0, OWN)
# What lies below the script on the stack: this file, main(); and, in older Python, template.run().
DEPTH = 2 if sys.version_info >= (3, 12) else 3


def prepare(script):
    """As if the interpreter had been started with the script: sys.path, sys.argv."""
    sys.path.remove(OWN)
    sys.path_importer_cache.pop(OWN, None)
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    if hasattr(sys, "orig_argv"):
        at = sys.orig_argv.index(script)
        del sys.orig_argv[at - 1]
    sys.argv = [script]


def read(script, path):
    from _remuda_loader import imports
    return imports.read(script, path)


def try_imports(steps, path):
    from _remuda_loader import trial
    return trial.trial(steps, path)


def give_up(template, why):
    template.unfit(why)
    os._exit(1)


def is_standard(name):
    return name.partition(".")[0] in getattr(sys, "stdlib_module_names", ())


def wanted(template, steps, refused):
    """The steps that are taken once for all."""
    from _remuda_loader.steps import name_of
    for number, step in enumerate(steps):
        name = name_of(step)
        if number in refused:
            template.warn("each process imports %s itself: it %s" % (name, refused[number]))
            if step[0] == "path":
                return
        elif step[0] == "import" and not step[3] and not is_standard(name):
            template.warn("each process imports %s itself: the script chooses where it lies" % name)
        else:
            yield step


def load(template, path, steps):
    """Loads what may be loaded once for all, and keeps the code of what may not say so only once."""
    from _remuda_loader.processes import in_a_process
    from _remuda_loader.steps import name_of, quietly, run
    template.step("try the imports")
    found = in_a_process(try_imports, steps, path)
    if not found:
        give_up(template, "an import ends the process")
    before = sys.path[:]
    for step in wanted(template, steps, found["refused"]):
        template.step("import " + name_of(step))
        quietly(run, step, path)
    for name in found["standard"]:
        if name not in sys.modules:
            quietly(__import__, name)
    sys.path[:] = before
    hide(found["speakers"])


def hide(speakers):
    """Takes out what each fork imports itself, and what lies beside the script under another's name."""
    if speakers:
        from _remuda_loader import keeping
        finder = keeping.KeptFinder()
        for name in speakers:
            if name in sys.modules:
                finder.keep(name)
        sys.meta_path.insert(0, finder)
    folder = sys.path[0]
    for name in [name for name in sys.modules if name not in BASE and "." not in name]:
        path = getattr(sys.modules[name], "__file__", None) or ""
        beside = os.path.join(folder, name)
        if os.path.dirname(path) != folder and (os.path.exists(beside + ".py") or os.path.exists(beside)):
            for one in [one for one in sys.modules if one == name or one.startswith(name + ".")]:
                del sys.modules[one]


def forget_loader():
    for name in [name for name in sys.modules if name.partition(".")[0] in ("_remuda", "_remuda_loader")]:
        del sys.modules[name]


def main():
    script = sys.argv[1]
    path = os.path.join(os.getcwd(), script)
    import _remuda
    from _remuda_loader import forking, freshness, processes, script as running, streams, watching
    template = _remuda.open_template()
    os.environ.pop("REMUDA_TEMPLATE", None)
    if template is None:
        os.execv(sys.executable, [sys.executable, *getattr(sys, "orig_argv", ())[1:-2], script])
    template.step("compile " + script)
    template.watch_closely(script)
    text = processes.in_a_process(read, script, path)
    if text is None or "wrong" in text:
        give_up(template, text["wrong"] if text else "the script cannot be read")
    from _remuda_loader import steps, trial  # noqa: F401  while nothing beside the script can be taken for the library
    prepare(script)
    freshness.begin()
    load(template, path, text["steps"])
    freshness.end()
    watching.watch_modules(template)
    forget_loader()
    streams.prepare()
    code, words = text["code"], text["words"]
    sys.setrecursionlimit(sys.getrecursionlimit() + DEPTH)
    forking.make_ready(template)
    running.make_main(path)  # after gc.freeze(): a fork's collector takes it apart at the end
    template.run(code, streams.renew_all, words or None)
    forking.leave(0)


main()
