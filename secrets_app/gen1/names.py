"""Propose keys for parameters of Amplify Gen 1. No Django.

The Amplify CLI writes a function's secret to AMPLIFY_<function>_<name>. A function's name has only
letters and digits, so the next underscore ends it. The names that Amplify Hosting reads have
capitals only, such as AMPLIFY_GOOGLE_CLIENT_ID, for which Gen 2's documentation uses
secret('GOOGLE_CLIENT_ID'). Sources: @aws-amplify/amplify-category-function, secretName.ts; Amplify
Hosting's user guide, "Managing environment secrets".
"""

import re
from collections import Counter
from collections.abc import Iterable

from console.lib.documents.gen1 import variable_name
from secrets_app.sync.folders import GEN1_KEY

_OF_A_FUNCTION = re.compile(r"([A-Z0-9]*[a-z][A-Za-z0-9]*)_(.+)\Z", re.ASCII)
CREDENTIALS = (
    "Holds the credentials of all sign-in providers as JSON. Gen 2 needs a secret for each of them."
)
_CREDENTIALS = "_hostedUIProviderCreds"  # @aws-amplify/amplify-category-auth, secretName.ts


def proposed_keys(names: Iterable[str]) -> dict[str, str]:
    """Return, by name, the key that code would use for it in Gen 2.

    A function's name is left out, unless several have a secret of the same name.
    """
    parts = {name: _parts(name) for name in names}
    times = Counter(key for _, key in parts.values())
    return {
        name: f"{variable_name(function)}_{key}" if function and times[key] > 1 else key
        for name, (function, key) in parts.items()
    }


def is_credentials(name: str) -> bool:
    """Return True if the value has the credentials of all sign-in providers, as JSON."""
    return name.startswith(GEN1_KEY) and name.endswith(_CREDENTIALS)


def _parts(name: str) -> tuple[str, str]:
    """Return the function in a name, "" if there is none, and the rest."""
    rest = name.removeprefix(GEN1_KEY)
    match = _OF_A_FUNCTION.match(rest) if rest != name else None
    return (match[1], match[2]) if match else ("", rest or name)
