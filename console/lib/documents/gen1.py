"""Parse Amplify Gen 1's team-provider-info.json: the variables of an environment's functions.

The file names a value by its CloudFormation parameter, which the Amplify CLI makes from the name of
the variable: API_URL becomes apiUrl (environmentVariablesHelper in its category "function"). It
holds no values of secrets.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from console.lib.text.dotenv import BYTE_LIMIT, Entries, Entry, normalize, valid_text

PROVIDER = '"awscloudformation"'  # which every environment has
_DEPLOYMENT = {"deploymentBucketName", "s3Key"}  # where the CLI keeps a function's code
_SECRETS = "secretsPathAmplifyAppId"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_PATH = re.compile(r"[A-Za-z0-9_/-]{1,400}")


def environments(text: str) -> list[str]:
    """Return the names of the environments in a text, none if it isn't such a file."""
    is_likely = PROVIDER in text and len(text) <= BYTE_LIMIT
    return [*_environments(text)] if is_likely else []


def parse_environment(text: str, name: str) -> list[Entry]:
    """Return the variables of an environment's functions, in the order of the text.

    Functions can have different values of one variable. The later ones get the function's name in
    front. Raises Refused.
    """
    text = normalize(text)
    entries, values, lines = Entries(), dict[str, str](), _Lines(text, name)
    for function, parameter, value in _parameters(_environments(text)[name]):
        line = lines.of(parameter)
        key = variable_name(parameter)
        if values.get(key, value) != value:
            key = f"{variable_name(function)}_{key}"
        if key not in values:
            entries.add(valid_text(key, line), valid_text(value, line), line)
            values[key] = value
    return entries.all()


def secret_paths(text: str, name: str) -> list[str]:
    """Return the beginnings of the paths of an environment's secrets, one for each function."""
    found = _environments(text).get(name) if name else None
    paths = (
        f"/amplify/{parameters[_SECRETS]}/{name}/AMPLIFY_{function}_"
        for function, parameters in _functions(found)
        if _SECRETS in parameters
    )
    return sorted(path for path in paths if _PATH.fullmatch(path))


def _environments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    is_file = all(
        isinstance(it, dict) and PROVIDER[1:-1] in it and _NAME.fullmatch(name)
        for name, it in found.items()
    )
    return found if is_file else {}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raises ValueError if a name is used twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _functions(environment: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in ("categories", "function"):
        environment = environment.get(name) if isinstance(environment, dict) else None
    for function, found in environment.items() if isinstance(environment, dict) else ():
        if isinstance(found, dict):
            yield function, found


def _parameters(environment: Any) -> Iterator[tuple[str, str, str]]:
    for function, found in _functions(environment):
        for parameter, value in found.items():
            if isinstance(value, str) and parameter not in {*_DEPLOYMENT, _SECRETS}:
                yield function, parameter, value


def variable_name(parameter: str) -> str:
    """Return the name of the variable of a CloudFormation parameter, such as API_URL."""
    return _WORD.sub("_", parameter).upper()


class _Lines:
    """Finds the lines of names that are looked up in the order of the text."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._at, self._line = 0, 1
        self.of(name)

    def of(self, name: str) -> int:
        """Return the line on which a name is next."""
        at = self._text.find(json.dumps(name, ensure_ascii=False), self._at)
        if at >= 0:
            self._line += self._text.count("\n", self._at, at)
        # A name that is written with escapes isn't found. Looking on to the end for each of
        # thousands would take minutes.
        self._at = at + 1 if at >= 0 else len(self._text)
        return self._line
