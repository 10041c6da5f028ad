"""
Every setting, read top to bottom from the environment (`.env.example` describes each variable).

Nothing secret has a default in production: without DEBUG or GENERATE_SECRETS a missing key stops
the process here. PostgreSQL only: other databases round decimals or ignore row locks.
"""

from __future__ import annotations

import decimal
from urllib.parse import urlsplit

import django_stubs_ext
from cryptography.fernet import Fernet

from ordertrack.environment import BASE_DIR, database, env, redis_options, secret, var_dir

# Types such as `models.TextField[str, str]` can then be written in class statements.
django_stubs_ext.monkeypatch()

# Amounts have 38 digits and their products more; Python's default precision of 28 would round them.
# Threads take a copy of DefaultContext when they begin; this one already has its own.
decimal.DefaultContext.prec = 60
decimal.setcontext(decimal.Context(prec=60))

# --- Who we are -----------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
#: one person, one machine: missing keys are made once and kept in var/
GENERATE_SECRETS = env.bool("GENERATE_SECRETS", default=DEBUG)
SECRET_KEY = secret("SECRET_KEY", generate=GENERATE_SECRETS)
#: Fernet keys for API secrets at rest, newest first; the older ones can still read
ENCRYPTION_KEYS = secret(
    "ENCRYPTION_KEYS", generate=GENERATE_SECRETS, make=lambda: Fernet.generate_key().decode()
).split(",")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=5001)
#: proxies in front of us: so many last entries of X-Forwarded-For are theirs
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
#: from where the nearest of them connects to us
TRUSTED_PROXY_ADDRESSES = env.list("TRUSTED_PROXY_ADDRESSES", default=["127.0.0.0/8", "::1"])
VAR_DIR = var_dir()

# --- Stores ---------------------------------------------------------------------------------------
DATABASES = {"default": database(env.str("DATABASE_URL", default=""))}
#: the broker (database 0), and beside it what processes tell each other and may forget: rate
#: budgets, leases, live events (database 1), so that clearing one never clears the other
REDIS_URL = env.str("REDIS_URL", default="redis://set-REDIS_URL-or-run-make-up.invalid/0")
REDIS_STATE_URL = urlsplit(REDIS_URL)._replace(path="/1").geturl()
# in each process: only throttles use it, and reads must not fail because Redis does
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Tracking -------------------------------------------------------------------------------------
SIMULATOR_URL = env.str("SIMULATOR_URL", default="")
VERIFY_DEADLINE = env.float("VERIFY_DEADLINE", default=0.7)
SYNC_INTERVAL = env.int("SYNC_INTERVAL", default=10)
EGRESS_IP = env.str("EGRESS_IP", default="default")
BINANCE_WEIGHT_PER_MINUTE = env.int("BINANCE_WEIGHT_PER_MINUTE", default=2400)
STREAM_EVENT_RETENTION_DAYS = env.int("STREAM_EVENT_RETENTION_DAYS", default=7)
EVIDENCE_RETENTION_DAYS = env.int("EVIDENCE_RETENTION_DAYS", default=STREAM_EVENT_RETENTION_DAYS)
CLOSED_ORDER_RETENTION_DAYS = env.int("CLOSED_ORDER_RETENTION_DAYS", default=90)
#: apprise's names of the services notices may be sent through
NOTICE_SCHEMES = env.str(
    "NOTICE_SCHEMES",
    default="apprise,apprises,bark,barks,dingtalk,discord,feishu,form,forms,gchat,gotify,gotifys,"
    "ifttt,json,jsons,kakaotalk,lark,line,mailgun,mailto,mailtos,matrix,matrixs,mmost,mmosts,"
    "nctalk,nctalks,ntfy,ntfys,opsgenie,pagerduty,pbul,pover,prowl,rocket,rockets,sendgrid,signal,"
    "signals,slack,tgram,twilio,webex,wecombot,wxteams,xml,xmls,zulip",
).split(",")
#: whether an address may lead into a private network, or to this machine
NOTICE_ALLOW_PRIVATE = env.bool("NOTICE_ALLOW_PRIVATE", default=False)
NOTICE_RETENTION_DAYS = env.int("NOTICE_RETENTION_DAYS", default=30)
SSE_QUEUE_SIZE = env.int("SSE_QUEUE_SIZE", default=50)
#: connections that all callers of webhooks share, in each web process
WEBHOOK_THREADS = env.int("WEBHOOK_THREADS", default=4)
#: seconds until the last byte of a webhook's body
WEBHOOK_BODY_TIMEOUT = env.float("WEBHOOK_BODY_TIMEOUT", default=10)
WEBHOOK_DELIVERY_RETENTION_DAYS = env.int("WEBHOOK_DELIVERY_RETENTION_DAYS", default=7)
BEAT_LEASE = env.int("BEAT_LEASE", default=10)

# --- The site -------------------------------------------------------------------------------------
ROOT_URLCONF = "ordertrack.urls"
ASGI_APPLICATION = "ordertrack.asgi.application"
WSGI_APPLICATION = "ordertrack.wsgi.application"
INSTALLED_APPS = [
    "ordertrack",
    "tracking.apps.TrackingConfig",
    "ordertrack.admin_config.OrderTrackAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_eventstream",
    "django_filters",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]
_CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": _CONTEXT_PROCESSORS},
    }
]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# straight from the packages: no collectstatic step before the first page
SERVESTATIC_USE_FINDERS = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [BASE_DIR / "tracking" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
LOGIN_URL = LOGOUT_REDIRECT_URL = "login"
LOGIN_REDIRECT_URL = "live"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{kind}Validator"}
    for kind in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword")
]

# --- The API --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "tracking.api.pagination.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tracking.api.errors.problem_response",
    "DEFAULT_THROTTLE_CLASSES": [
        f"rest_framework.throttling.{who}RateThrottle" for who in ("Anon", "User")
    ],
    # per process; a live page asks a few times a second at most
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "1200/min", "orders": "600/min"},
    # whom throttles count is not for the client to say
    "NUM_PROXIES": TRUSTED_PROXIES,
    "COERCE_DECIMAL_TO_STRING": True,
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Order Track",
    "DESCRIPTION": "Orders, executions, trades and positions as the exchanges' books have them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "MarketTypeEnum": "tracking.api.filters.MARKET_TYPES",
        "PlaceableTypeEnum": "tracking.api.order_bodies.PLACEABLE_TYPES",
        "RequestSourceEnum": "tracking.api.order_serializers.REQUEST_SOURCES",
        "RequestActionEnum": "tracking.api.order_serializers.REQUEST_ACTIONS",
    },
    # its files come with the package, not from somewhere else on the Internet
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
EVENTSTREAM_CHANNELMANAGER_CLASS = "tracking.sse.channels.UserChannelManager"
EVENTSTREAM_REDIS = redis_options(REDIS_STATE_URL, timeout=1)

# --- Safety ---------------------------------------------------------------------------------------
#: whether browsers reach us over TLS, ended by a proxy that sets X-Forwarded-Proto itself
HTTPS = env.bool("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
X_FRAME_OPTIONS = "DENY"

# --- Logs -----------------------------------------------------------------------------------------
# naming the user of each request would load them, on a connection of its own for every open stream
DJANGO_STRUCTLOG_USER_ID_FIELD = ""
LOGGING_CONFIG = "ordertrack.logs.configure"
LOGGING = {
    "level": env.str("LOG_LEVEL", default="INFO"),
    "directory": env.str("LOG_DIR", default=str(BASE_DIR / "logs")),
    "console": env.str("LOG_FORMAT", default="auto"),
    "console_level": env.str("LOG_CONSOLE_LEVEL", default=""),
}
