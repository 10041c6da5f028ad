"""The web's entry for ASGI servers."""

import os

from django.core.asgi import get_asgi_application

from ordertrack.embedded import join_running

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordertrack.settings")
# Under ASGI each request has a thread of its own, and a connection belongs to a thread: one that
# were kept would never be used again.
os.environ.setdefault("DATABASE_CONNECTION_AGE", "0")
join_running()

django_application = get_asgi_application()

# only now: it needs the settings
from tracking.api.webhook_gate import WebhookGate  # noqa: E402

application = WebhookGate(django_application)
