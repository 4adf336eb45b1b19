"""Django's settings, made from what the operator sets (:mod:`potomac.server.config`)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from potomac import __version__
from potomac.server import config, databases

CONFIG = config.read()
HOME = config.home()
VERSION = __version__

SECRET_KEY = config.secret()
DEBUG = CONFIG.debug
ALLOWED_HOSTS = [urlsplit(CONFIG.public_url).hostname or "localhost", "localhost", "127.0.0.1", "[::1]", *CONFIG.hosts]
CSRF_FAILURE_VIEW = "potomac.server.pages.errors.forged"
CSRF_TRUSTED_ORIGINS = [CONFIG.public_url.rstrip("/")]

INSTALLED_APPS = [
    "potomac.server.accounts.apps.Config",
    "potomac.server.catalog.apps.Config",
    "potomac.server.jobs.apps.Config",
    "potomac.server.pages.apps.Config",
    "potomac.server.people.apps.Config",
    "potomac.server.people.apps.Admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
]

MIDDLEWARE = [
    "potomac.server.ops.middleware.Observed",  # request id, log line, metrics
    "django.middleware.security.SecurityMiddleware",
    "potomac.server.ops.middleware.Headers",  # Content-Security-Policy and its like
    "potomac.server.api.ready.Ready",  # what visitors read again and again of public products
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "potomac.server.accounts.middleware.PasswordChange",
]

ROOT_URLCONF = "potomac.server.urls"
WSGI_APPLICATION = "potomac.server.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "potomac.server.pages.context.everywhere",
            ],
        },
    },
]

DATABASES: dict[str, dict[str, Any]] = {"default": databases.settings(CONFIG.database, HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] = {"min_length": 10}  # type: ignore[assignment]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "gallery"
LOGOUT_REDIRECT_URL = "gallery"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIG.secure
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 86_400
if CONFIG.secure:  # a cookie of this name is taken from this host alone, and never by http
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SECURE_SSL_REDIRECT = CONFIG.secure
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked from beside the server, without TLS
SECURE_HSTS_SECONDS = 365 * 86_400 if CONFIG.secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = CONFIG.secure
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CONFIG.proxies else None
USE_X_FORWARDED_HOST = bool(CONFIG.proxies)
X_FRAME_OPTIONS = "DENY"  # pages of a product that may be embedded say otherwise themselves

DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20
FILE_UPLOAD_TEMP_DIR = HOME / "uploads"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_HANDLERS = ["potomac.server.catalog.contents.Handler"]

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [("report", str(files("potomac.report") / "static"))]  # one look: the report's own sheets and script
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "potomac.server.ops.static.Storage"},
}
MEDIA_ROOT = ""  # what people upload is never served as it is
WHITENOISE_USE_FINDERS = CONFIG.debug or not (HOME / "static" / "staticfiles.json").is_file()  # until collected
WHITENOISE_MAX_AGE = 3600

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},  # of this process
    "shared": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
    },  # of all: sign-in throttle
}

EMAIL_BACKEND = "django.core.mail.backends." + ("smtp" if CONFIG.mail.host else "dummy") + ".EmailBackend"
EMAIL_HOST, EMAIL_PORT = CONFIG.mail.host, CONFIG.mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = CONFIG.mail.user, CONFIG.mail.password
EMAIL_USE_TLS = bool(CONFIG.mail.user)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = CONFIG.mail.sender
PASSWORD_RESET_TIMEOUT = 3600

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "potomac.server.ops.logs.formatter", "form": CONFIG.log_format}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": CONFIG.log_level.upper()},
    "loggers": {"django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}
SILENCED_SYSTEM_CHECKS: list[str] = []
