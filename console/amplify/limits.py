"""Amplify's limits, which we enforce before any call: Amplify's refusal may quote a value."""

from collections.abc import Mapping

from console.amplify.base import BUILD_SPEC_LIMIT, KEY_LIMIT, RESERVED_PREFIX, VALUE_LIMIT
from console.amplify.errors import Rejected


def check_variables(variables: Mapping[str, str]) -> None:
    """Raise Rejected unless Amplify accepts each variable. The message names the key only."""
    for key, value in variables.items():
        if problem := _key_problem(key) or _value_problem(key, value):
            raise Rejected(problem)


def check_build_spec(text: str) -> None:
    """Raise Rejected unless Amplify accepts the build specification."""
    if not text:
        raise Rejected(
            "Amplify can't remove a build specification. Enter the one that should be used instead."
        )
    if len(text) > BUILD_SPEC_LIMIT:
        raise Rejected(
            f"Amplify's limit for build specifications is {BUILD_SPEC_LIMIT:,} characters. This "
            f"one has {len(text):,}. Shorten it."
        )
    if not _is_unicode(text):
        raise Rejected("The build specification is not valid Unicode text. Paste it again.")


def _key_problem(key: str) -> str:
    if not key.strip():
        return "Amplify accepts no variable without a key. Enter a key."
    if not _is_unicode(key):
        return "A key is not valid Unicode text. Enter it again."
    if len(key) > KEY_LIMIT:
        return (
            f"Amplify's limit for keys is {KEY_LIMIT} characters. The one that starts with "
            f"“{key[:30]}” has {len(key):,}. Shorten it."
        )
    if key.startswith(RESERVED_PREFIX):
        return (
            f"Amplify reserves keys that start with {RESERVED_PREFIX}. Choose another key for "
            f"“{key}”."
        )
    return ""


def _value_problem(key: str, value: str) -> str:
    if len(value) > VALUE_LIMIT:
        return (
            f"Amplify's limit for values is {VALUE_LIMIT:,} characters. The value of “{key}” has "
            f"{len(value):,}. Shorten it."
        )
    if not _is_unicode(value):
        return f"The value of “{key}” is not valid Unicode text. Paste it again."
    return ""


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
