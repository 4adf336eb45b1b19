"""The WSGI application, for gunicorn, mod_wsgi and others."""

from __future__ import annotations

from django.core.handlers.wsgi import WSGIHandler

from potomac.server.setup import prepare

prepare()

application = WSGIHandler()
