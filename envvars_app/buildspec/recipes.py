"""Commands that write variables of the build's environment into a file. Pure.

The lines hold names alone: the values are in the environment when they run. `.env` and
`.env.production` are spelled as Amplify documents them ("Secrets and environment vars" and "Making
environment variables accessible to server-side runtimes"), but for the ^ and = that keep
`API` from matching `API_KEY`. The others run Node.js, which Amplify's build image has and a Gen 2
build needs ("Customizing the build image").
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from envvars_app.formats import FORMATS, Format
from envvars_app.formats.validation import is_identifier

_FOLDER = re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*(/[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*)*\Z")


class RecipeRefused(ValueError):
    """A choice that no line can be made of; the message says why. `field` is where it belongs."""

    def __init__(self, message: str, field: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Choice:
    """What to write, and where. `prefix` is one that the names with it were chosen by, or ""."""

    names: Sequence[str]
    prefix: str
    path: str

    def array(self) -> str:
        """Return the names as JavaScript has them; a name is letters, digits and _."""
        return json.dumps(list(self.names))


@dataclass(frozen=True)
class Recipe:
    """A kind of file. `limits` says which values it can't hold, `usage` how an app reads it.

    `format` is the one of a download where it has rules for names.
    """

    slug: str
    group: str
    label: str
    file: str
    lines: Callable[[Choice], list[str]]
    limits: str
    usage: str
    format: Format | None = None


def lines_of(recipe: Recipe, *, names: Sequence[str], prefix: str, folder: str) -> list[str]:
    """Return the commands. `folder` leads from where the build runs to where the file goes.

    Raises RecipeRefused for no names, for those that a shell can't read, and for such a folder.
    """
    if prefix and not is_identifier(prefix):
        raise RecipeRefused(
            "A prefix can contain only letters, digits and _, and can't start with a digit.",
            "prefix",
        )
    chosen = tuple(sorted(set(names)))
    if not chosen:
        raise RecipeRefused("Choose at least one variable, or enter a prefix.", "names")
    for name in chosen:
        _check_name(recipe, name)
    return recipe.lines(Choice(chosen, prefix, _path(folder, recipe.file)))


def _check_name(recipe: Recipe, name: str) -> None:
    if not is_identifier(name):
        raise RecipeRefused(
            f"A shell can't read “{name}”. Names can contain only letters, digits and _, and "
            "can't start with a digit. Rename the variable, or leave it out.",
            "names",
        )
    if recipe.format and (problem := recipe.format.render({name: ""}).left_out):
        raise RecipeRefused(f"“{name}” can't be written to this file. {problem[name]}", "names")


def _path(folder: str, file: str) -> str:
    folder = folder.strip().removeprefix("./").strip("/")
    if not folder or folder == ".":
        return file
    if _FOLDER.match(folder) is None:
        raise RecipeRefused(
            "Enter the folder as it is in the repository, such as apps/web. Use only letters, "
            "digits and / _ . - @ +; no part can start with a dot.",
            "folder",
        )
    return f"{folder}/{file}"


def _echo(choice: Choice) -> list[str]:
    return [f'echo "{name}=${name}" >> {choice.path}' for name in choice.names]


def _grep(choice: Choice) -> list[str]:
    patterns = [
        f"^{name}="
        for name in choice.names
        if not (choice.prefix and name.startswith(choice.prefix))
    ]
    patterns += [f"^{choice.prefix}"] if choice.prefix else []
    return [f"env | grep {' '.join(f'-e {p}' for p in patterns)} >> {choice.path}"]


def _dotenv(choice: Choice) -> list[str]:
    """Quoted by the first quote that the value is free of. A blank line first ends a last line."""
    return [
        f'node -p \'{choice.array()}.map(k => {{ const v = process.env[k] ?? "", '
        r'q = ["\x27", "`", "\""].find(q => !v.includes(q)); return "\n" + k + "=" + q + v + q })'
        f'.join("")\' >> {choice.path}'
    ]


def _json(choice: Choice) -> list[str]:
    return [f"node -p 'JSON.stringify(process.env, {choice.array()}, 2)' > {choice.path}"]


def _dart(choice: Choice) -> list[str]:
    """A JSON text is a Dart text, but for the $ that Dart would interpolate."""
    return [
        f'node -p \'["abstract final class Env {{", ...{choice.array()}.map(k => '
        r'"  static const String " + k + " = " + '
        r'JSON.stringify(process.env[k] ?? "").replaceAll("$", "\\$") + ";"), "}"]'
        f'.join("\\n")\' > {choice.path}'
    ]


def _properties(choice: Choice) -> list[str]:
    r"""Gradle reads Latin-1: all but plain signs become \uXXXX, spaces and backslashes too."""
    return [
        f'node -p \'{choice.array()}.map(k => "\\n" + k + "=" + (process.env[k] ?? "")'
        r'.replace(/[^!-\[\]-~]/g, c => "\\u" + c.charCodeAt().toString(16).padStart(4, "0")))'
        f'.join("")\' >> {choice.path}'
    ]


def _build_config(choice: Choice) -> list[str]:
    """A Java text inside a Groovy text, whose $ would interpolate."""
    return [
        f'node -p \'["android.defaultConfig {{", ...{choice.array()}.map(k => '
        r'"  buildConfigField \"String\", \"" + k + "\", " + '
        r'JSON.stringify(JSON.stringify(process.env[k] ?? "")).replaceAll("$", "\\$")), "}"]'
        f'.join("\\n")\' > {choice.path}'
    ]


def _plist(choice: Choice) -> list[str]:
    """What XML gives a meaning becomes a number; a bare CR would be read as LF."""
    return [
        r"""node -p '"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>" """
        f'+ {choice.array()}.map(k => "<key>" + k + "</key><string>" + (process.env[k] ?? "")'
        r'.replace(/[&<>\r]/g, c => "&#" + c.charCodeAt() + ";") + "</string>")'
        f'.join("") + "</dict></plist>"\' > {choice.path}'
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
