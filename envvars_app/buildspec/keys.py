"""The keys of a build specification that Amplify documents, and the shape of each one's value.

Sources: Amplify Hosting user guide, "Build specification reference" and "Configuring monorepo build
settings". The guide spells both buildpath and buildPath. `customHeaders` is from before
customHttp.yml existed, and still works.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from envvars_app.buildspec.values import (
    app_root_warning,
    cache_warning,
    folder_warning,
    header_warning,
    variable_warning,
)

STRING = "tag:yaml.org,2002:str"
INT, FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


@dataclass(frozen=True)
class Value:
    """A single value. `tags` are the YAML types it can have; an empty set allows any.

    `warning` returns what is wrong with a name and a value, or "".
    """

    what: str
    tags: frozenset[str] = frozenset({STRING})
    if_nested: str = "Write it on the same line as the key."
    if_other: str = "Put it in quotes."
    warning: Callable[[str, str], str] | None = None


@dataclass(frozen=True)
class Items:
    """A list. `what` is the name of one item in messages."""

    item: "Shape"
    what: str
    example: str


@dataclass(frozen=True)
class Names:
    """A mapping with keys that people choose, and values of one shape."""

    value: "Shape"
    example: str


@dataclass(frozen=True)
class Keys:
    """A mapping with keys that Amplify defines.

    `without` says what happens without a required one.
    """

    known: dict[str, "Shape"] = field(hash=False)
    example: str
    required: tuple[str, ...] = ()
    without: str = ""


Shape = Value | Items | Names | Keys

_PATH = Value("a path")
_ANY = Value("a value", frozenset())
_COMMANDS = Items(
    Value(
        "text",
        if_nested="If it contains “: ”, put the whole command in quotes.",
    ),
    "A command",
    "- npm run build",
)
_PATHS = Items(Value("a path", warning=cache_warning), "A path", "- node_modules/**/*")
_FOLDER = Value("a path", warning=folder_warning)
_APP_ROOT = Value("a path", warning=app_root_warning)
_PHASE = Keys({"commands": _COMMANDS}, "commands: and the commands below it")
_BUILD_PHASES = Keys(
    dict.fromkeys(("preBuild", "build", "postBuild"), _PHASE),
    "preBuild:, build: or postBuild: with commands below it",
)
_TEST_PHASES = Keys(
    dict.fromkeys(("preTest", "test", "postTest"), _PHASE),
    "preTest:, test: or postTest: with commands below it",
)
_FILES: dict[str, Shape] = {
    "baseDirectory": _FOLDER,
    "files": Items(_PATH, "A file", "- '**/*'"),
}
_HEADER = Value("a value", frozenset(), warning=header_warning)
_HEADERS = Items(
    Keys({"key": _HEADER, "value": _HEADER}, "key: and value:", ("key", "value")),
    "A header",
    "- key: X-Frame-Options",
)
_CUSTOM_HEADERS = Items(
    Keys(
        {"pattern": Value("a path", warning=header_warning), "headers": _HEADERS},
        "pattern: and headers:",
        ("pattern", "headers"),
    ),
    "A rule",
    "- pattern: '**/*'",
)
_VARIABLES = Names(Value("a value", frozenset(), warning=variable_warning), "NAME: value")
_ENV = Keys({"variables": _VARIABLES}, "variables: and the variables below it")
_BACKEND = Keys({"phases": _BUILD_PHASES}, "phases: with a phase below it")
_FRONTEND = Keys(
    {
        "phases": _BUILD_PHASES,
        "artifacts": Keys({**_FILES, "discard-paths": _ANY}, "baseDirectory: and files:"),
        "cache": Keys({"paths": _PATHS}, "paths: and the paths below it"),
        "buildPath": _PATH,
        "buildpath": _PATH,
        "customHeaders": _CUSTOM_HEADERS,
    },
    "artifacts: with baseDirectory: and files:",
    ("artifacts",),
    "Without them, the build ends with an error.",
)
_TEST = Keys(
    {
        "phases": _TEST_PHASES,
        "artifacts": Keys({**_FILES, "configFilePath": _PATH}, "baseDirectory: and files:"),
    },
    "phases: and artifacts:",
)
_PARTS: dict[str, Shape] = {
    "env": _ENV,
    "backend": _BACKEND,
    "frontend": _FRONTEND,
    "test": _TEST,
    "customHeaders": _CUSTOM_HEADERS,
    "appRoot": _APP_ROOT,
}
_APPLICATION = Keys(_PARTS, "appRoot: and frontend:", ("appRoot",))
DOCUMENT = Keys(
    {
        "version": Value("a number", frozenset({INT, FLOAT}), if_other="Write “version: 1”."),
        **_PARTS,
        "applications": Items(_APPLICATION, "An application", "- appRoot: apps/web"),
    },
    "version: 1, and a frontend with its phases",
)
