# SPDX-License-Identifier: Apache-2.0
"""Where a WSGI application begins. Said: MODULE:CALLABLE, MODULE, or a file with or without :CALLABLE. Not said:
found in the application's root, which is the working directory.

    manage.py                           Django: its settings' WSGI_APPLICATION
    wsgi.py  app.py  application.py     a callable: application, app, create_app(), make_app()
    passenger_wsgi.py  main.py
    */wsgi.py                           the only one
"""
import glob
import importlib
import importlib.util
import os
import re
import sys

FILES = ("wsgi.py", "app.py", "application.py", "passenger_wsgi.py", "main.py")
NAMES = ("application", "app", "create_app()", "make_app()")
SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE['"]\s*(?:,|\]\s*=)\s*['"]([\w.]+)['"]""")


class NotFound(Exception):
    pass


def import_file(path):
    """By its dotted name where the root's path gives it one, so that it is no other module than an import's."""
    relative = os.path.relpath(os.path.abspath(path), os.getcwd())
    parts = os.path.splitext(relative)[0].split(os.sep)
    if all(part.isidentifier() for part in parts):
        return importlib.import_module(".".join(parts))
    folder, name = os.path.split(os.path.abspath(path))
    sys.path.insert(0, folder)
    name = re.sub(r"\W", "_", os.path.splitext(name)[0])
    loader = importlib.machinery.SourceFileLoader(name, os.path.abspath(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def take(module, name):
    """The callable of that name; with "()" what calling it gives. None: there is none."""
    called = name.endswith("()")
    value = module
    for part in (name[:-2] if called else name).split("."):
        value = getattr(value, part, None)
    if not callable(value):
        return None
    return value() if called else value


def take_any(module, where):
    for name in NAMES:
        application = take(module, name)
        if application is not None:
            return application
    raise NotFound("%s has none of %s" % (where, ", ".join(NAMES)))


def find_said(entry_point, template):
    where, _, name = entry_point.partition(":")
    template.step("import " + where)
    is_file = where.endswith(".py") or os.sep in where or where.endswith(".wsgi") and os.path.isfile(where)
    module = import_file(where) if is_file else importlib.import_module(where)
    if not name:
        return take_any(module, where)
    application = take(module, name)
    if application is None:
        raise NotFound("%s has no callable %s" % (where, name))
    return application


def find_django(template):
    """Of manage.py: the settings are named there, and the application in the settings. None: no Django."""
    with open("manage.py", encoding="utf-8", errors="replace") as file:
        found = SETTINGS.search(file.read())
    if not found and "DJANGO_SETTINGS_MODULE" not in os.environ:
        return None
    if found:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", found.group(1))
    template.step("import django")
    from django.conf import settings
    template.step("import " + os.environ["DJANGO_SETTINGS_MODULE"])
    path = settings.WSGI_APPLICATION
    if path:
        module, _, name = path.rpartition(".")
        template.step("import " + module)
        return getattr(importlib.import_module(module), name)
    from django.core.wsgi import get_wsgi_application
    template.step("django.setup()")
    return get_wsgi_application()


def find(template):
    if os.path.exists("manage.py"):
        application = find_django(template)
        if application is not None:
            return application
    deeper = glob.glob("*/wsgi.py")
    for path in [*FILES, *(deeper if len(deeper) == 1 else ())]:
        if os.path.exists(path):
            template.step("import " + path)
            return take_any(import_file(path), path)
    raise NotFound("%s holds no application: looked for manage.py, %s, */wsgi.py; name it with entry_point"
                   % (os.getcwd(), ", ".join(FILES)))
