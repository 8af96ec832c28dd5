"""Hints about a variable: what its key means to Amplify.

Sources: Amplify Hosting user guide, "Amplify environment variable reference" and "Monorepo build
settings".
"""

import json
import re

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
