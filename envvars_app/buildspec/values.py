"""Warnings about single values of a build specification: they are ignored, or disclose a secret.

Sources: Amplify Hosting user guide, "Build specification reference" (cache paths outside of the
project are not kept) and "Configuring monorepo build settings"; issues 644 (headers) and 582
(baseDirectory and cache paths) of aws-amplify/amplify-hosting.
"""

import posixpath
import re

from console.lib.text.likely_secrets import secret_warning

NO_SECRETS = (
    "Anyone who can see the build settings or the build log can read it. Keep it in Secret "
    "management."
)
_REFERENCE = re.compile(r"\$[({]{0,2}\s*[A-Za-z_]")
_SUBSTITUTION = re.compile(r"\$\(|`")
# Commands that print a folder of the whole machine
_GLOBAL_FOLDER = re.compile(
    r"(?:\$\(|`)\s*(?:npm\s+(?:root|prefix)\s+(?:-g|--global)|npm\s+(?:-g|--global)\s+(?:root|prefix)"
    r"|npm\s+config\s+get\s+(?:cache|prefix)|yarn\s+(?:cache|global)\s+dir|pnpm\s+root\s+(?:-g|--global)"
    r"|yarn\s+config\s+get\s+cacheFolder|bun\s+pm\s+cache|pip3?\s+cache\s+dir|go\s+env\s+\w+"
    r"|echo\s+(?:~|\$\{?HOME))"
)
_HOME = re.compile(r"~|\$\{?(?:HOME|XDG_\w+|NVM_DIR|TMPDIR)\b")
_IN_PROJECT = re.compile(r"(?:\$\{?(?:PWD|CODEBUILD_SRC_DIR)\}?|\$\(pwd\)|`pwd`)/")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|file:")


def variable_warning(name: str, value: str) -> str:
    """Return why a variable of `env` looks like a secret, or ""."""
    reason = secret_warning(name, value)
    return f"{reason} {NO_SECRETS}" if reason else ""


def cache_warning(_name: str, path: str) -> str:
    """Return why Amplify doesn't keep a cache path, or ""."""
    inside = _IN_PROJECT.sub("", path, count=1)
    if _is_outside(inside):
        return (
            "Amplify doesn't keep this: it is outside the project. Cache a folder in the project, "
            "such as .npm/**/* with npm ci --cache .npm."
        )
    if _REFERENCE.search(inside) and not _SUBSTITUTION.search(inside):
        return "Amplify doesn't replace variables in cache paths. Write the path itself."
    return ""


def _is_outside(path: str) -> bool:
    if _GLOBAL_FOLDER.match(path) or _HOME.match(path) or _DRIVE.match(path):
        return True
    return path.startswith("/") or posixpath.normpath(path).split("/")[0] == ".."


def header_warning(_name: str, value: str) -> str:
    """Return a warning if a header contains a variable."""
    if _REFERENCE.search(value):
        return (
            "Amplify doesn't replace variables in headers: they are sent as they are written. "
            "Write the value itself."
        )
    return ""


def folder_warning(name: str, path: str) -> str:
    """Return a warning if a folder contains a variable."""
    if _REFERENCE.search(path):
        return f"Amplify doesn't replace variables in {name}. Write the path itself."
    return ""


def app_root_warning(name: str, path: str) -> str:
    """Return why an appRoot is not as Amplify expects it, or ""."""
    if warning := folder_warning(name, path):
        return warning
    plain = posixpath.normpath(path.replace("\\", "/")).strip("/")
    if plain == "." or plain.startswith(".."):
        return "appRoot must be a folder in the repository, such as apps/web."
    if path in {plain, "", "/"}:
        return ""
    problem = "./ doesn't belong" if path.startswith("./") else "A / at the edge doesn't belong"
    problem = problem if path.strip("/").removeprefix("./") == plain else "This path doesn't belong"
    return f"{problem} into appRoot, which is relative to the repository. Write {plain}."
