"""All settings, from the environment. A missing or unsafe one stops the start with a message."""

import logging
from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from jinja2 import StrictUndefined

from console.backup.age import is_age_key
from console.conf.logging import logging_config
from console.lib.hosts import LOOPBACK, host_problem, parse_base_url, parse_hosts
from console.lib.oidc_config import groups_mapping, is_safe_url, openid_provider
from console.lib.paths import BASE_DIR, VAR_DIR
from console.lib.proxies import parse_proxies

env = environ.Env()
# `make run` creates this file. The environment takes precedence.
environ.Env.read_env(VAR_DIR / "keys.env")


def required(name: str, how: str) -> str:
    """Return the setting `name`, or raise ImproperlyConfigured with what to set."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {how}")
    return value


def whole_number(name: str, text: str, *, least: int) -> int:
    """Return the number in `text`, or raise ImproperlyConfigured with what to set."""
    if not text.isdecimal() or not least <= int(text[:9]) < 1_000_000:
        raise ImproperlyConfigured(
            f"{name} is “{text}”. Set it to a whole number of at least {least}."
        )
    return int(text)


try:
    BASE_URL = parse_base_url(env.str("BASE_URL", default=""))
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None
ALLOWED_HOSTS = parse_hosts(env.str("ALLOWED_HOSTS", default=""), BASE_URL)
# One machine, plain HTTP
LOCAL = set(ALLOWED_HOSTS) <= LOOPBACK and not (BASE_URL and BASE_URL.scheme == "https")
FORCE_SCRIPT_NAME = (BASE_URL and BASE_URL.path) or None
DEBUG: bool = env.bool("DEBUG", default=False)
if DEBUG and not LOCAL:
    raise ImproperlyConfigured(
        "DEBUG is on, but ALLOWED_HOSTS names other hosts than this machine. Debug error pages "
        "reveal Branchkeep's internals: unset DEBUG."
    )
if any("*" in host for host in ALLOWED_HOSTS):
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS contains “*”. Name each host, or use “.example.com” for all its subdomains."
    )
if problems := [problem for host in ALLOWED_HOSTS if (problem := host_problem(host))]:
    raise ImproperlyConfigured(problems[0])
SECRET_KEY = required(
    "SECRET_KEY", "Set it to at least 50 random characters, or start with `make run`."
)
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is too short. Set it to at least 50 random characters.")

# Audit trail
AUDIT_KEYS: list[str] = env.list("AUDIT_KEYS", default=[SECRET_KEY])
if not AUDIT_KEYS or any(len(key) < 32 for key in AUDIT_KEYS):
    raise ImproperlyConfigured(
        "AUDIT_KEYS contains a key that is too short. Use at least 50 random characters per key, "
        "newest first, separated by commas; or unset AUDIT_KEYS to use SECRET_KEY."
    )
AUDIT_LOG: str = env.str("AUDIT_LOG", default="")
if AUDIT_LOG not in {"", "stdout"}:
    raise ImproperlyConfigured(f"AUDIT_LOG is “{AUDIT_LOG}”. Set it to “stdout”, or unset it.")

# Backups. Only the commands backup and restore need the key.
BACKUP_KEYS: list[str] = [key.strip() for key in env.list("BACKUP_KEY", default=[])]
if not all(map(is_age_key, BACKUP_KEYS)):
    raise ImproperlyConfigured(
        "BACKUP_KEY holds something that is not an age secret key (AGE-SECRET-KEY-1…). Make one "
        "with `age-keygen`, or as docs/backup.md shows. Separate keys by commas, newest first."
    )

# Parameter store
PARAMETER_STORE: str = env.str("PARAMETER_STORE", default="embedded")
if PARAMETER_STORE not in {"embedded", "ssm"}:
    raise ImproperlyConfigured(
        f"PARAMETER_STORE is “{PARAMETER_STORE}”. Set it to “embedded” or “ssm”."
    )
AWS_REGION: str = env.str("AWS_REGION", default="us-east-1")
AMPLIFY_OWNER_GROUP: str = env.str("AMPLIFY_OWNER_GROUP", default="").strip()
ENCRYPTION_KEYS: list[str] = (
    required(
        "ENCRYPTION_KEYS",
        "The embedded store needs 32 random bytes in URL-safe base64. List the newest key first, "
        "separated by commas. `make run` generates one.",
    ).split(",")
    if PARAMETER_STORE == "embedded"
    else env.list("ENCRYPTION_KEYS", default=[])
)

BIN_DAYS = whole_number("BIN_DAYS", env.str("BIN_DAYS", default="30"), least=0)  # 0: no bin

# Amplify, for apps that are connected to it
AMPLIFY: str = env.str("AMPLIFY", default="off")
if AMPLIFY not in {"off", "on"}:
    raise ImproperlyConfigured(f"AMPLIFY is “{AMPLIFY}”. Set it to “on” or “off”.")

INSTALLED_APPS = [
    "console.admin.site.ConsoleAdminConfig",
    "console",  # before Django's, whose commands that set passwords it replaces
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "csp",
    "django_htmx",
    "django_structlog",
    "heroicons",
    "template_partials",
    "secrets_app",
    "envvars_app",
]

MIDDLEWARE = [
    "console.web.middleware.BrowserAddress",
    "console.ops.middleware.RequestMetrics",
    "console.ops.middleware.Probes",
    # These set headers of every response, so they come before anything that may answer itself.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "console.web.middleware.CompressedPages",
    "console.web.encodings.OnlyUtf8",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "console.web.refusals.RecordRefusals",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "console.web.middleware.SessionLimits",
    "console.web.middleware.RequireSecondFactor",
    "console.web.confirmation.ConfirmIdentity",
    "console.web.middleware.PrivatePages",
    "console.web.middleware.MethodNotAllowedPage",
    "console.web.middleware.ServiceErrors",
]

ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.web.context_processors.deployment",
            ],
        },
    },
    {
        "NAME": "jinja",  # rows of lists: console/templatetags/jinja.py
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "environment": "console.web.lists.jinja.environment",
            "undefined": StrictUndefined,
            "trim_blocks": True,
        },
    },
]

# Database
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'console.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "console.db.sqlite"  # queues the writers of a process
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # wait for the lock at the first statement, not the last
        # Seconds, once in the queue of the process and once for SQLite's lock: an answer within 10
        "timeout": 4,
        # FULL: an audit event survives a power cut before its act begins. secure_delete: deleted
        # data is overwritten, so a variable that was moved to the secrets leaves nothing behind.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
        "PRAGMA secure_delete=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # PostgreSQL plans each statement once per connection, which saves a third of its work.
    prepared = {"server_side_binding": True, "prepare_threshold": 5}
    DATABASES["default"]["OPTIONS"] = prepared | DATABASES["default"].get("OPTIONS", {})
    # Without server-side binding nothing may outlive a transaction, cursors included, because a
    # pooler may switch sessions.
    if DATABASES["default"]["OPTIONS"]["server_side_binding"] is not True:
        DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
# On SQLite too: closing the last connection checkpoints the write-ahead log, which would happen at
# each request.
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)

# Shared by all processes, because rate limits count here.
CACHES = {
    "default": {
        "BACKEND": "console.db.clocked_cache.ClockedCache",
        "LOCATION": "console_cache",
    }
}

# Users
AUTH_USER_MODEL = "console.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["console.auth.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "apps"
ACCOUNT_ADAPTER = "console.auth.adapter.AccountAdapter"
ACCOUNT_FORMS = {"change_password": "console.auth.forms.PasswordChangeForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True  # SESSION_HOURS and SESSION_IDLE_MINUTES end sessions
ACCOUNT_RATE_LIMITS = {"login": None}  # replaced by console/auth/rate_limits.py
SESSION_ENGINE = "console.auth.session_backend"
_idle, _life = env.str("SESSION_IDLE_MINUTES", default="60"), env.str("SESSION_HOURS", default="12")
SESSION_IDLE = timedelta(minutes=whole_number("SESSION_IDLE_MINUTES", _idle, least=5))
SESSION_LIFE = timedelta(hours=whole_number("SESSION_HOURS", _life, least=1))
try:
    PROXIES = parse_proxies(env.str("TRUSTED_PROXIES", default=""))
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None

# Second factors and single sign-on
MFA_ADAPTER = "console.auth.mfa.adapter.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn"]  # recovery codes are our own, stored as hashes
MFA_FORMS = {
    "add_webauthn": "console.auth.forms.AddPasskeyForm",
    "login_webauthn": "console.auth.forms.PasswordlessForm",
    "authenticate": "console.auth.mfa.adapter.SignInCodeForm",
    "reauthenticate": "console.auth.mfa.adapter.ReauthenticationCodeForm",
    "authenticate_webauthn": "console.auth.forms.SignInPasskeyForm",
    "reauthenticate_webauthn": "console.auth.forms.ReauthenticationPasskeyForm",
}
MFA_TOTP_ISSUER = "Branchkeep"
MFA_PASSKEY_LOGIN_ENABLED = True  # our view denies it if passwords are off
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}  # nothing to guess, and an office shares an address
MFA_ALLOW_UNVERIFIED_EMAIL = True  # operators add users, and no mail verifies them
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL  # http://localhost
PASSWORD_SIGN_IN: bool = env.bool("PASSWORD_SIGN_IN", default=True)
OIDC_ISSUER: str = (
    env.str("OIDC_ISSUER", default="").removesuffix("/.well-known/openid-configuration").rstrip("/")
)
OIDC_NAME: str = env.str("OIDC_NAME", default="single sign-on")
OIDC_GROUPS_CLAIM: str = env.str("OIDC_GROUPS_CLAIM", default="groups")
OIDC_GROUPS = groups_mapping(env.str("OIDC_GROUPS", default=""))
if OIDC_ISSUER and not is_safe_url(OIDC_ISSUER):
    raise ImproperlyConfigured(
        f"OIDC_ISSUER is “{OIDC_ISSUER}”. Set it to the provider's address, starting with https://."
    )
if len(OIDC_ISSUER) > 200:
    raise ImproperlyConfigured("OIDC_ISSUER is longer than 200 characters.")
OIDC_SCOPES: str = env.str("OIDC_SCOPES", default="openid profile email")
if "openid" not in OIDC_SCOPES.split():
    raise ImproperlyConfigured(
        f"OIDC_SCOPES is “{OIDC_SCOPES}”. Add “openid”: without it, the provider does not "
        "identify users."
    )
OIDC_TRUST_PROMPT: bool = env.bool("OIDC_TRUST_PROMPT", default=False)
if not PASSWORD_SIGN_IN and not OIDC_ISSUER:
    raise ImproperlyConfigured(
        "PASSWORD_SIGN_IN is off but OIDC_ISSUER is not set, so nobody could sign in."
    )
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if LOCAL else "https"  # TLS ends at the proxy
SOCIALACCOUNT_ADAPTER = "console.auth.oidc.provisioning.SingleSignOnAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # the CSP forbids forms to other sites; it only signs in
SOCIALACCOUNT_PROVIDERS = (
    openid_provider(
        issuer=OIDC_ISSUER,
        name=OIDC_NAME,
        client_id=required("OIDC_CLIENT_ID", "Get it from the provider."),
        secret=required("OIDC_CLIENT_SECRET", "Get it from the provider."),
        scope=OIDC_SCOPES,
    )
    if OIDC_ISSUER
    else {}
)
REQUIRE_MFA: str = env.str("REQUIRE_MFA", default="off")
if REQUIRE_MFA not in {"off", "maintainers", "all"}:
    raise ImproperlyConfigured(
        f"REQUIRE_MFA is “{REQUIRE_MFA}”. Set it to “off”, “maintainers” or “all”."
    )
_again = env.str("REAUTHENTICATE_MINUTES", default="15")
REAUTHENTICATE = timedelta(minutes=whole_number("REAUTHENTICATE_MINUTES", _again, least=0))

# Mail: invitations and notifications. Without it, invitations are links to share.
MAIL: bool = env.str("EMAIL_URL", default="") != ""
_mail = env.email_url("EMAIL_URL") if MAIL else {"EMAIL_BACKEND": ""}
if MAIL and not _mail["EMAIL_BACKEND"].endswith(".smtp.EmailBackend"):
    raise ImproperlyConfigured(
        "EMAIL_URL has an unsupported scheme. Use smtp+tls://user:password@host:587 or "
        "smtp+ssl://user:password@host:465."
    )
if MAIL:
    globals().update(_mail)
    DEFAULT_FROM_EMAIL = required(
        "EMAIL_FROM", "Set it to the sender address of mails, or unset EMAIL_URL."
    )
EMAIL_TIMEOUT = 10  # seconds

# Browsers
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
# The proxy redirects to HTTPS. Subdomains and preloading are the domain owner's decision.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
SESSION_COOKIE_AGE = int(SESSION_LIFE.total_seconds())
SESSION_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # avoids another cookie
CSRF_FAILURE_VIEW = "console.web.errors.csrf_failed"
KNOWN_BROWSER_COOKIE = "known"
CSRF_COOKIE_HTTPONLY = True  # htmx reads the token from the page
if not LOCAL:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    KNOWN_BROWSER_COOKIE = "__Host-known"
    CSRF_COOKIE_NAME = "__Host-csrf"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # bytes
# Uploaded files stay in memory, as far as the server accepts them (console/server/connection.py)
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 22
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Static files
STATIC_URL = f"{FORCE_SCRIPT_NAME or ''}/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "console.web.storage.HashedFiles"
    },
}

# Commands
CONSOLE_USER: str = env.str("CONSOLE_USER", default="")

# Monitoring
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and (len(METRICS_TOKEN) < 32 or not METRICS_TOKEN.isascii()):
    raise ImproperlyConfigured(
        "METRICS_TOKEN is too short or not plain text. Set it to at least 32 random letters and "
        "digits, or unset it to turn metrics off."
    )
STORE_CALLS_WRITTEN_EVERY = timedelta(seconds=10)  # secrets_app/ops/call_stats.py

# Language and time zone
LANGUAGE_CODE = "en-us"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

# Logs
LOGGING = logging_config(level=env.str("LOG_LEVEL", default="INFO"))
LOGGING_CONFIG = "console.conf.logging.configure"
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # only log the end of a request
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # actors.py has the address; headers can be forged
