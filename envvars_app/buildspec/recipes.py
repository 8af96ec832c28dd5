"""Shell commands that write variables from a build's environment into a file.

The commands contain names only; the values are in the environment when they run. Those for `.env`
and `.env.production` follow the Amplify documentation ("Secrets and environment vars", "Making
environment variables accessible to server-side runtimes"), plus the ^ and = that keep `API` from
matching `API_KEY`. The others run Node.js, which every Gen 2 build has ("Customizing the build
image").
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from envvars_app.formats import FORMATS, Format
from envvars_app.formats.validation import is_identifier

# The folder becomes part of a shell command, so nothing that needs quoting is allowed.
_FOLDER = re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*(/[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*)*\Z")


class InvalidSelection(ValueError):
    """Raised for a selection that makes no commands. `field` is the form field at fault."""

    def __init__(self, message: str, field: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Selection:
    """The variables to write, and the file. Names that start with `prefix` (if any) go together."""

    names: Sequence[str]
    prefix: str
    path: str

    def js_array(self) -> str:
        """Return the names as a JavaScript array. They need no escaping: _check_name ran before."""
        return json.dumps(list(self.names))


@dataclass(frozen=True)
class Recipe:
    """A kind of file. `limits` says which values it can't hold, `usage` how an app reads it.

    `format` is the download format whose rules for names also apply here, if any.
    """

    slug: str
    group: str
    label: str
    file: str
    lines: Callable[[Selection], list[str]]
    limits: str
    usage: str
    format: Format | None = None


def commands_for(recipe: Recipe, *, names: Sequence[str], prefix: str, folder: str) -> list[str]:
    """Return the commands. `folder` is the file's folder, relative to where the build runs.

    Raises InvalidSelection for no names, and for a name or folder that a shell can't read.
    """
    if prefix and not is_identifier(prefix):
        raise InvalidSelection(
            "A prefix can contain only letters, digits and _, and can't start with a digit.",
            "prefix",
        )
    chosen = tuple(sorted(set(names)))
    if not chosen:
        raise InvalidSelection("Choose at least one variable, or enter a prefix.", "names")
    for name in chosen:
        _check_name(recipe, name)
    return recipe.lines(Selection(chosen, prefix, _path(folder, recipe.file)))


def _check_name(recipe: Recipe, name: str) -> None:
    if not is_identifier(name):
        raise InvalidSelection(
            f"A shell can't read “{name}”. Names can contain only letters, digits and _, and "
            "can't start with a digit. Rename the variable, or leave it out.",
            "names",
        )
    if recipe.format and (problem := recipe.format.render({name: ""}).left_out):
        raise InvalidSelection(f"“{name}” can't be written to this file. {problem[name]}", "names")


def _path(folder: str, file: str) -> str:
    folder = folder.strip().removeprefix("./").strip("/")
    if not folder or folder == ".":
        return file
    if _FOLDER.match(folder) is None:
        raise InvalidSelection(
            "Enter the folder as it is in the repository, such as apps/web. Use only letters, "
            "digits and / _ . - @ +; no part can start with a dot.",
            "folder",
        )
    return f"{folder}/{file}"


def _echo(selection: Selection) -> list[str]:
    return [f'echo "{name}=${name}" >> {selection.path}' for name in selection.names]


def _grep(selection: Selection) -> list[str]:
    patterns = [
        f"^{name}="
        for name in selection.names
        if not (selection.prefix and name.startswith(selection.prefix))
    ]
    patterns += [f"^{selection.prefix}"] if selection.prefix else []
    return [f"env | grep {' '.join(f'-e {p}' for p in patterns)} >> {selection.path}"]


def _dotenv(selection: Selection) -> list[str]:
    # Each value is quoted with the first quote character that it doesn't contain. \x27 is a single
    # quote, which can't appear in the shell's single quotes. The leading line break completes the
    # last line of a file that lacks one.
    return [
        f'node -p \'{selection.js_array()}.map(k => {{ const v = process.env[k] ?? "", '
        r'q = ["\x27", "`", "\""].find(q => !v.includes(q)); return "\n" + k + "=" + q + v + q })'
        f'.join("")\' >> {selection.path}'
    ]


def _json(selection: Selection) -> list[str]:
    return [f"node -p 'JSON.stringify(process.env, {selection.js_array()}, 2)' > {selection.path}"]


def _dart(selection: Selection) -> list[str]:
    # A JSON string is a Dart string, except for $, which Dart interpolates.
    return [
        f'node -p \'["abstract final class Env {{", ...{selection.js_array()}.map(k => '
        r'"  static const String " + k + " = " + '
        r'JSON.stringify(process.env[k] ?? "").replaceAll("$", "\\$") + ";"), "}"]'
        f'.join("\\n")\' > {selection.path}'
    ]


def _properties(selection: Selection) -> list[str]:
    # Gradle reads Latin-1, so everything but plain ASCII becomes an escape. Spaces and backslashes,
    # which have a meaning in the format, do too.
    return [
        f'node -p \'{selection.js_array()}.map(k => "\\n" + k + "=" + (process.env[k] ?? "")'
        r'.replace(/[^!-\[\]-~]/g, c => "\\u" + c.charCodeAt().toString(16).padStart(4, "0")))'
        f'.join("")\' >> {selection.path}'
    ]


def _build_config(selection: Selection) -> list[str]:
    # A Java string inside a Groovy string, which interpolates $.
    return [
        f'node -p \'["android.defaultConfig {{", ...{selection.js_array()}.map(k => '
        r'"  buildConfigField \"String\", \"" + k + "\", " + '
        r'JSON.stringify(JSON.stringify(process.env[k] ?? "")).replaceAll("$", "\\$")), "}"]'
        f'.join("\\n")\' > {selection.path}'
    ]


def _plist(selection: Selection) -> list[str]:
    # XML's special characters become numeric references. So does CR, which XML reads as LF.
    return [
        r"""node -p '"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>" """
        f'+ {selection.js_array()}.map(k => "<key>" + k + "</key><string>" + (process.env[k] ?? "")'
        r'.replace(/[&<>\r]/g, c => "&#" + c.charCodeAt() + ";") + "</string>")'
        f'.join("") + "</dict></plist>"\' > {selection.path}'
    ]


_ECHO_LIMITS = (
    "Works for plain values. Use “values in quotes” for values with line breaks, #, or leading "
    "or trailing spaces or quotes."
)
_QUOTED_LIMITS = (
    "Works for any value without carriage returns that doesn't contain all of ' ` and \". "
    "python-dotenv doesn't support `, and reads a backslash before ' or \\ as an escape."
)
_EXPANDED = "Next.js and Vite replace $NAME in a value with that variable."
_ANY = "Any value."

_ALL = (
    Recipe(
        "env",
        "Web",
        ".env",
        ".env",
        _echo,
        _ECHO_LIMITS,
        f"Vite, Create React App and others read .env during the build. {_EXPANDED}",
    ),
    Recipe(
        "env-quoted",
        "Web",
        ".env, values in quotes",
        ".env",
        _dotenv,
        _QUOTED_LIMITS,
        f"Vite, Create React App and others read .env during the build. {_EXPANDED}",
    ),
    Recipe(
        "production",
        "Server-side rendering",
        ".env.production",
        ".env.production",
        _grep,
        f"{_ECHO_LIMITS} If a branch has none of the variables, grep fails and so does the build.",
        f"Next.js reads .env.production when it serves requests. {_EXPANDED}",
    ),
    Recipe(
        "production-quoted",
        "Server-side rendering",
        ".env.production, values in quotes",
        ".env.production",
        _dotenv,
        _QUOTED_LIMITS,
        f"Next.js reads .env.production when it serves requests. {_EXPANDED}",
    ),
    Recipe(
        "flutter-env",
        "Flutter",
        ".env for a package",
        ".env",
        _echo,
        _ECHO_LIMITS,
        "Add .env to the assets in pubspec.yaml, and read it with a package such as "
        "flutter_dotenv.",
    ),
    Recipe(
        "flutter-dart",
        "Flutter",
        "Dart file",
        "lib/env.dart",
        _dart,
        _ANY,
        "import 'env.dart'; then use Env.NAME, as with the downloaded file.",
        FORMATS["dart"],
    ),
    Recipe(
        "flutter-json",
        "Flutter",
        "JSON file",
        "env.json",
        _json,
        _ANY,
        "flutter build web --dart-define-from-file=env.json, then String.fromEnvironment('NAME').",
    ),
    Recipe(
        "android-properties",
        "Android",
        "Gradle properties",
        "gradle.properties",
        _properties,
        _ANY,
        'providers.gradleProperty("NAME").get() in a build script.',
    ),
    Recipe(
        "android-build-config",
        "Android",
        "build configuration",
        "app/env.gradle",
        _build_config,
        "Any value. Names that are Java keywords, such as class, need another file type.",
        "apply from: 'env.gradle' in app/build.gradle, with buildFeatures { buildConfig true }; "
        "then BuildConfig.NAME.",
    ),
    Recipe(
        "ios-plist",
        "iOS",
        "property list",
        "Env.plist",
        _plist,
        "Any value except control characters, which XML doesn't support.",
        "Add Env.plist to the target; PropertyListDecoder reads it from Bundle.main.",
    ),
    Recipe(
        "ios-json",
        "iOS",
        "JSON file",
        "env.json",
        _json,
        _ANY,
        "Add env.json to the target; JSONDecoder reads it from Bundle.main.",
    ),
)
RECIPES = {recipe.slug: recipe for recipe in _ALL}
