"""console.settings with a database and keys of the bench's own."""

from pathlib import Path

from tests.settings import *  # noqa: F403 - it is them, but for what follows
from tests.settings import LOGGING, STORAGES, TEMPLATES

# As in production: the names of static files are looked up in the manifest.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "console.web.storage.HashedFiles"}}
# Every line is made and formatted as in production, and then written nowhere.
LOGGING["handlers"]["stderr"] = {
    "class": "logging.FileHandler",
    "filename": "/dev/null",
    "formatter": "structured",
}
# What `django-admin startproject` gives to a page.
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
