"""The web's entry for WSGI servers: everything but the live stream, which needs ASGI."""

import os

from django.core.wsgi import get_wsgi_application

from ordertrack.embedded import join_running

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordertrack.settings")
join_running()

application = get_wsgi_application()
