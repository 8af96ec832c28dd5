"""The test settings, with static files and log lines as in production."""

from pathlib import Path

from tests.settings import *  # noqa: F403 - the basis of these
from tests.settings import LOGGING, STORAGES, TEMPLATES

# Static file names are looked up in the manifest, as in production
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "console.web.storage.HashedFiles"}}
# Log lines are formatted as in production, then discarded
LOGGING["handlers"]["stderr"] = {
    "class": "logging.FileHandler",
    "filename": "/dev/null",
    "formatter": "structured",
}
# The middleware of `django-admin startproject`
STARTPROJECT_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    *TEMPLATES,
    {
        "NAME": "bare",
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "tests.soak.bench.urls"
