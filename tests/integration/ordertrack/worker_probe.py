"""A task that tells in which surroundings a real worker ran it; `test_celery` starts the worker."""

from __future__ import annotations

import decimal
import json

import redis
from django.conf import settings
from django.db import connection

from ordertrack.celery import app

ANSWERS = "tests:worker-probe"


@app.task(name="tests.probe", queue="events")
def probe() -> None:
    """Tell the database session and the decimal precision."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (session,) = cursor.fetchone() or (0,)
    answer = {"session": session, "precision": decimal.getcontext().prec}
    redis.Redis.from_url(settings.REDIS_STATE_URL).rpush(ANSWERS, json.dumps(answer))
