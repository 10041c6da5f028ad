"""
Every setting, read top to bottom from the environment (`.env.example` describes each variable).

Nothing secret has a default in production: without DEBUG or GENERATE_SECRETS a missing key stops
the process here. PostgreSQL only: other databases round decimals or ignore row locks.
"""

from __future__ import annotations

import decimal
import sys
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from redis.connection import parse_url

from ordertrack.environment import BASE_DIR, env, stored_secret, var_dir
