# SPDX-License-Identifier: Apache-2.0
"""What frameworks would do at the first request, done once in the template; and connections that they have
opened on the way, closed, because all forks would share them. A framework that is not loaded is not touched."""
import sys


def warm_django(template):
    from django.conf import settings
    if not settings.configured:
        return
    from django.template import engines
    from django.urls import get_resolver
    template.step("django: templates")
    for engine in engines.all():
        getattr(engine, "engine", None) or getattr(engine, "env", None)
    template.step("django: URLs")
    resolver = get_resolver()
    populate = getattr(resolver, "_populate", None)
    populate() if populate else resolver.url_patterns


def close_django():
    from django.core.cache import caches
    from django.db import connections
    connections.close_all()
    getattr(caches, "close_all", lambda: None)()


def warm_flask(template, application):
    import flask
    if isinstance(application, flask.Flask):
        template.step("flask: templates, URLs")
        application.jinja_env
        application.url_map.update()


def warm(template, application):
    try:
        if "django.conf" in sys.modules:
            warm_django(template)
        if "flask" in sys.modules:
            warm_flask(template, application)
    except Exception as error:
        template.warn("not warmed up: %s: %s" % (type(error).__name__, error))
    if "django.db" in sys.modules:
        try:
            close_django()
        except Exception as error:
            template.warn("connections stay open: %s: %s" % (type(error).__name__, error))
