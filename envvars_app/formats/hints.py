"""Hints about a variable: what its key means to Amplify, and whether it looks like a secret.

Sources: Amplify Hosting user guide, "Amplify environment variable reference" and "Monorepo build
settings"; the token prefixes are those that their issuers publish.
"""

import json
import math
import re
from collections import Counter

from envvars_app.formats.validation import Invalid, is_identifier

AMPLIFY_KEYS = {
    "_BUILD_TIMEOUT": "Minutes before Amplify stops a build: 5 to 120.",
    "_LIVE_UPDATES": "Tool versions that Amplify installs before each build.",
    "_CUSTOM_IMAGE": "The image Amplify builds in, instead of its default.",
    "USER_DISABLE_TESTS": "Set to true to skip the test phase.",
    "AMPLIFY_DIFF_DEPLOY": "Set to true to build the frontend only if it changed.",
    "AMPLIFY_DIFF_DEPLOY_ROOT": "The folder that AMPLIFY_DIFF_DEPLOY compares.",
    "AMPLIFY_DIFF_BACKEND": "Set to true to build a Gen 1 backend only if it changed.",
    "AMPLIFY_MONOREPO_APP_ROOT": "The app's folder in a monorepo: appRoot in the build settings.",
    "AMPLIFY_SKIP_BACKEND_BUILD": "Set to true to leave the backend out of builds.",
    "AMPLIFY_BACKEND_APP_ID": "The app whose backend this app's builds use.",
    "AMPLIFY_BACKEND_PULL_ONLY": "Set to true to use the backend's settings without deploying it.",
    "AMPLIFY_ENABLE_DEBUG_OUTPUT": "Set to true for more detailed build logs.",
    "AMPLIFY_USERPOOL_ID": "The Cognito user pool imported for sign-in.",
    "AMPLIFY_WEBCLIENT_ID": "The web client of the imported Cognito user pool.",
    "AMPLIFY_NATIVECLIENT_ID": "The native client of the imported Cognito user pool.",
    "AMPLIFY_IDENTITYPOOL_ID": "The Cognito identity pool imported for sign-in.",
}
_TIMEOUT_MINUTES = range(5, 121)
_MINUTES = re.compile(r"[0-9]{1,3}\Z", re.ASCII)
_BOOLEAN_KEYS = {
    "AMPLIFY_BACKEND_PULL_ONLY",
    "AMPLIFY_DIFF_BACKEND",
    "AMPLIFY_DIFF_DEPLOY",
    "AMPLIFY_ENABLE_DEBUG_OUTPUT",
    "AMPLIFY_SKIP_BACKEND_BUILD",
    "USER_DISABLE_TESTS",
}

_SECRET_NAME = re.compile(
    r"SECRET(?!ARY)|PASSWORD|PASSWD|PASSPHRASE|PRIVATE_?KEY|API_?KEY"
    r"|(^|_)(PASS|PWD|TOKEN|CREDENTIALS?)(_|$)|_KEY$",
    re.IGNORECASE,
)
_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Frameworks inline variables with these prefixes into the code that browsers download, so they are
# public by design.
_PUBLIC_NAME = re.compile(
    r"^(NEXT_PUBLIC|VITE|REACT_APP|GATSBY|NUXT_PUBLIC|EXPO_PUBLIC|PUBLIC)_|PUBLI(C|SHABLE)_?KEY",
    re.IGNORECASE,
)
_TOKEN_FORMATS = (
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key"),
    (re.compile(r"\b(sk|rk)_(live|test)_[A-Za-z0-9]{10,}"), "a Stripe key"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]{16,}"), "a webhook's signing secret"),
    (re.compile(r"\b(gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"), "a GitHub token"),
    (re.compile(r"\bglpat-[\w-]{16,}"), "a GitLab token"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"), "a Slack token"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), "an API key"),
    (re.compile(r"\bSG\.[\w-]{16,}\.[\w-]{16,}"), "a SendGrid key"),
    (re.compile(r"\bnpm_[A-Za-z0-9]{30,}"), "an npm token"),
    (re.compile(r"\bAIza[\w-]{30,}"), "a Google API key"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"), "a signed token (JWT)"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,30}://[^/\s:@]{0,99}:[^/\s@]{1,99}@"), "a login in a URL"),
)  # fmt: skip
_HEX = re.compile(r"(?=.*[0-9])(?=.*[a-f])[0-9a-f]{32,128}\Z", re.IGNORECASE)
# Hashes and ids are random but not secret.
_CONTENT_ID_NAME = re.compile(r"COMMIT|SHA|HASH|DIGEST|REVISION|CHECKSUM|(^|_)ID$", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]{24,512}\Z")
MIN_ENTROPY = 4.0  # bits per character: above English words, below random base64


def describe_key(key: str) -> str:
    """Return what Amplify or a shell makes of this key, or ""."""
    if key in AMPLIFY_KEYS:
        return AMPLIFY_KEYS[key]
    if key and not is_identifier(key):
        hint = "Shells can't read this name as $NAME. Use only letters, digits and _."
        # PowerShell writes $env:NAME = "value".
        return f"{hint} “$env:” is not part of it." if key.lower().startswith("$env:") else hint
    return ""


def check_amplify_value(key: str, value: str) -> None:
    """Raise Invalid if Amplify gives this key a meaning and can't use the value."""
    if key == "_BUILD_TIMEOUT" and not (_MINUTES.match(value) and int(value) in _TIMEOUT_MINUTES):
        raise Invalid("_BUILD_TIMEOUT must be a number of minutes from 5 to 120.", "value")
    if key in _BOOLEAN_KEYS and value not in {"", "true", "false"}:
        raise Invalid(f"{key} must be true or false.", "value")
    if key == "_LIVE_UPDATES" and value and not _is_json_list(value):
        raise Invalid(
            '_LIVE_UPDATES must be a JSON list, such as [{"name":"Node.js '
            'version","pkg":"node","type":"nvm","version":"20"}].',
            "value",
        )


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (RecursionError, ValueError):
        return False


def secret_warning(key: str, value: str) -> str:
    """Return why this looks like a secret, or "". A guess: use it to warn, never to forbid."""
    if found := token_format(value):
        return f"The value looks like {found}."
    name = _CAMEL_CASE_BOUNDARY.sub("_", key)  # dbPassword becomes db_Password
    if not value or _PUBLIC_NAME.search(name):
        return ""
    if _SECRET_NAME.search(name):
        return "The name looks like the name of a secret."
    if _is_random(value) and not _CONTENT_ID_NAME.search(name):
        return "The value looks random, as keys and tokens do."
    return ""


def token_format(text: str) -> str:
    """Return what kind of token is in the text, such as "a Stripe key", or ""."""
    text = text[:10_000]  # bounds the time that the patterns take
    return next((what for pattern, what in _TOKEN_FORMATS if pattern.search(text)), "")


def _is_random(value: str) -> bool:
    if _HEX.match(value):
        return True
    return (
        bool(_RANDOM.match(value))
        and _entropy(value) > MIN_ENTROPY
        and _has_letters_and_digits(value)
    )


def _has_letters_and_digits(value: str) -> bool:
    """Return True if there are letters and digits. Names and paths seldom have both."""
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)


def _entropy(value: str) -> float:
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
