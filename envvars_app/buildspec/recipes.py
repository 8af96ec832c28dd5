"""Shell commands that write variables from a build's environment into a file.

The commands contain names only; the values are in the environment when they run. Those for `.env`
and `.env.production` follow the Amplify documentation ("Secrets and environment vars", "Making
environment variables accessible to server-side runtimes"), plus the ^ and = that keep `API` from
matching `API_KEY`. The others run Node.js, which every Gen 2 build has ("Customizing the build
image").
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from envvars_app.buildspec import holding, writers
from envvars_app.buildspec.writers import InvalidSelection, Selection
from envvars_app.formats import FORMATS, Format
from envvars_app.formats.validation import is_identifier

# The folder becomes part of a shell command, so nothing that needs quoting is allowed.
_FOLDER = re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*(/[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*)*\Z")


@dataclass(frozen=True)
class Recipe:
    """A kind of file. `limits` says which values it can't hold, `usage` how an app reads it.

    `problem` returns why it can't hold a value, or "". `format` is the download format whose rules
    for names also apply here, if any. `for_expanding` is the slug of the recipe for frameworks that
    replace $NAME in values.
    """

    slug: str
    group: str
    label: str
    file: str
    lines: Callable[[Selection], list[str]]
    limits: str
    usage: str
    problem: Callable[[str], str] = holding.holds_any
    format: Format | None = None
    for_expanding: str = ""


def commands_for(
    recipe: Recipe, *, names: Sequence[str], prefix: str, folder: str, found_folder: str = ""
) -> list[str]:
    """Return the commands. `folder` is the file's folder, relative to where the lines run.

    If it is empty, `found_folder` is used, which the specification's commands tell. Raises
    InvalidSelection for no names, and for a name or folder that a shell can't read.
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
    path = _path(folder, recipe.file) if folder.strip() else recipe.file
    if found_folder and not folder.strip():
        path = f"{found_folder}/{recipe.file}"
    return recipe.lines(Selection(chosen, prefix, path))


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


_ECHO_LIMITS = (
    "Works for plain values, of letters, digits and _ . / : @ % + , -. Use “values in quotes” for "
    "others."
)
_QUOTED_LIMITS = (
    "Works for any value that python-dotenv, npm's dotenv, Node.js and bash read alike: not for "
    "carriage returns, ${…}, or an apostrophe with quotes, $NAME or `."
)
_EXPANDED_LIMITS = (
    "Works for any value without carriage returns that doesn't contain all of ' ` and \" or end "
    "with \\. Other readers read \\$ for each $."
)
_EXPANDED = "Next.js and Vite replace $NAME in a value with that variable."
_ANY = "Any value."

_ALL = (
    Recipe(
        "env",
        "Web",
        ".env",
        ".env",
        writers.echo,
        _ECHO_LIMITS,
        f"Vite, Create React App and others read .env during the build. {_EXPANDED}",
        holding.holds_plain,
    ),
    Recipe(
        "env-quoted",
        "Web",
        ".env, values in quotes",
        ".env",
        writers.dotenv,
        _QUOTED_LIMITS,
        f"Gatsby, Node.js and others read .env during the build. {_EXPANDED}",
        holding.holds_quoted,
        for_expanding="env-expanded",
    ),
    Recipe(
        "env-expanded",
        "Web",
        ".env for Vite or Create React App, values in quotes",
        ".env",
        writers.dotenv_for_expanding,
        _EXPANDED_LIMITS,
        "Vite, Astro, SvelteKit and Create React App read .env during the build.",
        holding.holds_for_expanding,
    ),
    Recipe(
        "web-json",
        "Web",
        "JSON file",
        "env.json",
        writers.json_object,
        _ANY,
        "import env from './env.json' in the app's code; then env.NAME.",
    ),
    Recipe(
        "production",
        "Server-side rendering",
        ".env.production",
        ".env.production",
        writers.grep,
        f"{_ECHO_LIMITS} If a branch has none of the variables, grep fails and so does the build.",
        f"Next.js reads .env.production when it serves requests. {_EXPANDED}",
        holding.holds_plain,
    ),
    Recipe(
        "production-quoted",
        "Server-side rendering",
        ".env.production, values in quotes",
        ".env.production",
        writers.dotenv,
        _QUOTED_LIMITS,
        f"Servers read .env.production when they start. {_EXPANDED}",
        holding.holds_quoted,
        for_expanding="production-expanded",
    ),
    Recipe(
        "production-expanded",
        "Server-side rendering",
        ".env.production for Next.js, values in quotes",
        ".env.production",
        writers.dotenv_for_expanding,
        _EXPANDED_LIMITS,
        "Next.js reads .env.production when it serves requests.",
        holding.holds_for_expanding,
    ),
    Recipe(
        "flutter-env",
        "Flutter",
        ".env for a package",
        ".env",
        writers.echo,
        _ECHO_LIMITS,
        "Add .env to the assets in pubspec.yaml, and read it with a package such as "
        "flutter_dotenv.",
        holding.holds_plain,
    ),
    Recipe(
        "flutter-dart",
        "Flutter",
        "Dart file",
        "lib/env.dart",
        writers.dart_class,
        _ANY,
        "import 'env.dart'; then use Env.NAME, as with the downloaded file.",
        format=FORMATS["dart"],
    ),
    Recipe(
        "flutter-json",
        "Flutter",
        "JSON file",
        "env.json",
        writers.json_object,
        _ANY,
        "flutter build web --dart-define-from-file=env.json, then String.fromEnvironment('NAME').",
    ),
    Recipe(
        "android-properties",
        "Android",
        "Gradle properties",
        "gradle.properties",
        writers.properties,
        _ANY,
        'providers.gradleProperty("NAME").get() in a build script.',
    ),
    Recipe(
        "android-build-config",
        "Android",
        "build configuration",
        "app/env.gradle",
        writers.build_config,
        "Any value. Names that are Java keywords, such as class, need another file type.",
        "apply from: 'env.gradle' in app/build.gradle, with buildFeatures { buildConfig true }; "
        "then BuildConfig.NAME.",
    ),
    Recipe(
        "ios-plist",
        "iOS",
        "property list",
        "Env.plist",
        writers.property_list,
        "Any value except control characters, which XML doesn't support.",
        "Add Env.plist to the target; PropertyListDecoder reads it from Bundle.main.",
        holding.holds_xml,
    ),
    Recipe(
        "ios-json",
        "iOS",
        "JSON file",
        "env.json",
        writers.json_object,
        _ANY,
        "Add env.json to the target; JSONDecoder reads it from Bundle.main.",
    ),
)
RECIPES = {recipe.slug: recipe for recipe in _ALL}


def best_recipe(recipe: Recipe, values: Collection[str]) -> Recipe:
    """Return `recipe` if it holds all of the values, otherwise the first one that does.

    Those of its group come first, then JSON. If none holds them all, `recipe` itself.
    """
    others = sorted(
        RECIPES.values(),
        key=lambda other: 0 if other.group == recipe.group else 1 + (other.file != "env.json"),
    )
    fitting = (one for one in (recipe, *others) if not any(map(one.problem, values)))
    return next(fitting, recipe)
