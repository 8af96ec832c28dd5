"""console.settings for tests: keys and a database of its own, and fast passwords."""

import atexit
import os
import shutil
import tempfile
from datetime import timedelta

if "TESTS_FOLDER" not in os.environ:  # tests/run.py and xdist's workers share the first process's
    os.environ["TESTS_FOLDER"] = tempfile.mkdtemp(prefix="console-tests-")
    atexit.register(shutil.rmtree, os.environ["TESTS_FOLDER"])
_folder = os.environ["TESTS_FOLDER"]
# One of its own, for whitenoise looks at each file in it, and SQLite's come and go
_static = f"{_folder}/static"
os.makedirs(_static, exist_ok=True)

# Set, not defaulted: no test may meet this machine's own database, keys or AWS account.
os.environ.update(
    SECRET_KEY="only-for-tests-" * 4,
    ENCRYPTION_KEYS="b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", f"sqlite:///{_folder}/console.sqlite3"),
    STATIC_ROOT=_static,
    PARAMETER_STORE="embedded",
    AMPLIFY="off",
    ALLOWED_HOSTS="localhost,127.0.0.1,[::1]",
    DEBUG="false",
    LOG_LEVEL="INFO",
    METRICS_TOKEN="only-for-tests-" * 3,
    AWS_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)
for name in ("AMPLIFY", "SECRETS_MANAGER", "SSM"):
    os.environ.pop(f"AWS_ENDPOINT_URL_{name}", None)

from console.settings import *  # noqa: E402, F403 - the environment had to be there first
from console.settings import DATABASES, STORAGES  # noqa: E402

if "sqlite" in DATABASES["default"]["ENGINE"]:
    # A file: threads (the live server, two savers) meet in it as they do in production. In a folder
    # of its own, since some tests search every file beside it.
    _own = f"{_folder}/{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    os.makedirs(_own, mode=0o700, exist_ok=True)
    DATABASES["default"]["TEST"] = {"NAME": f"{_own}/test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
STORAGES["staticfiles"] = {  # nothing is collected
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
STORE_CALLS_WRITTEN_EVERY = timedelta(days=1)  # else a test would find them among its queries
