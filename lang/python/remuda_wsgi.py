# SPDX-License-Identifier: Apache-2.0
"""remuda_wsgi.py [--entry-point MODULE:CALLABLE|FILE] [--threads N]: serves a WSGI application (PEP 3333).

How it runs follows from how it is started: a template (REMUDA_TEMPLATE), an instance that gets requests over
FastCGI (descriptor 0 is a listening socket), or a CGI program with one request. The working directory is the
application's root.
"""
import os
import sys


def enter_virtual_environment():
    """The interpreter of $VIRTUAL_ENV, where another was started: its packages are found from there."""
    folder = os.environ.get("VIRTUAL_ENV")
    python = os.path.join(folder, "bin", "python3") if folder else ""
    if folder and os.path.realpath(sys.prefix) != os.path.realpath(folder) and os.access(python, os.X_OK):
        os.execv(python, [python, *sys.argv])


def options_of(arguments):
    options = {"--entry-point": "", "--threads": "1"}
    while arguments:
        name, *arguments = arguments
        if name not in options or not arguments:
            sys.exit(__doc__.splitlines()[0])
        options[name], *arguments = arguments
    return options["--entry-point"], int(options["--threads"])


def load(template, entry_point):
    from _remuda_loader import finding, warming
    try:
        application = finding.find_said(entry_point, template) if entry_point else finding.find(template)
    except finding.NotFound as error:
        sys.exit(str(error))
    warming.warm(template, application)
    return application


def keep_signals(template):
    """An instance ends gracefully at SIGTERM: remuda_app.h does that, where nobody else has a handler."""
    import signal
    for number in (signal.SIGTERM, signal.SIGUSR1):
        if signal.getsignal(number) not in (signal.SIG_DFL, signal.SIG_IGN):
            template.warn("the application's handler of %s is taken back" % number.name)
            signal.signal(number, signal.SIG_DFL)


def serve(application, threads):
    import threading

    import _remuda
    from _remuda_loader import reporting
    server = _remuda.Server(application, reporting.report, threads)
    others = [threading.Thread(target=server.run, name="remuda-%d" % n) for n in range(2, threads + 1)]
    for thread in others:
        thread.start()
    server.run()
    for thread in others:
        thread.join()
    return server.close()


def leave(status):
    """What Python does at its end, but for taking itself apart."""
    import atexit
    import threading

    from _remuda_loader import forking
    getattr(threading, "_shutdown", lambda: None)()
    atexit._run_exitfuncs()
    forking.flush(sys.stderr)
    forking.leave(status)


def main():
    enter_virtual_environment()
    entry_point, threads = options_of(sys.argv[1:])
    import _remuda
    from _remuda_loader import forking, freshness, reporting, watching  # noqa: F401  all of them, before sys.path is the application's
    sys.stdout = sys.stderr  # descriptor 1 may be the answer
    sys.path[0] = os.getcwd()
    sys.argv = [sys.argv[0]]
    template = _remuda.open_template()
    os.environ.pop("REMUDA_TEMPLATE", None)
    if template:
        freshness.begin()
    application = load(template or forking.Nothing(), entry_point)
    keep_signals(template or forking.Nothing())
    if template:
        freshness.end()
        watching.watch_modules(template)
        forking.become_process(template)
    leave(serve(application, threads))


main()
