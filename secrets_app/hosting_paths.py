"""Map a project, stage and key of Amplify's self-managed hosting to the name of a stored value.

`ampx config` uses Parameter Store, `ampx secret` AWS Secrets Manager. Sources:
@aws-amplify/hosting 1.0 (store_paths), @aws-blocks/hosting 0.3 (secret). No Django.
"""

import re
from dataclasses import dataclass

from console.lib.naming.names import BRANCH_NAME_LIMIT
from secrets_app.paths import InvalidPath, check_key, check_path

DEFAULT_PROJECT = "app"  # Amplify's, if nothing of the name remains
PROJECT_LIMIT = 214  # characters of a package's name, by npm
SECRET_NAME_LIMIT = 512  # characters, by Secrets Manager
NOT_A_STAGE = (
    f"Enter the name of a stage: at most {BRANCH_NAME_LIMIT} letters, digits, `_`, `.` and `-`."
)
_NPM_SCOPE = re.compile(r"\A@[^/]+/")
_NOT_KEPT = re.compile(r"[^a-zA-Z0-9\-_]")
_STAGE = re.compile(r"[a-zA-Z0-9_.-]+\Z")
_IN_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True)
class HostingConfig:
    """The configuration of a project: shared by all stages, or of one."""

    project: str
    stage: str = ""


@dataclass(frozen=True)
class HostingSecrets:
    """The secrets of a project: shared by all stages, or of one."""

    project: str
    stage: str = ""


HostingScope = HostingConfig | HostingSecrets


def project_id(name: str) -> str:
    """Return the project of a package's name, as Amplify derives it. Idempotent."""
    # JavaScript replaces both surrogates of a character beyond U+FFFF.
    kept = _NOT_KEPT.sub(
        lambda found: "--" if found[0] > "\uffff" else "-", _NPM_SCOPE.sub("", name)
    )
    return kept.strip("-") or DEFAULT_PROJECT


def is_stage(name: str) -> bool:
    """Return True if a stage can have this name."""
    is_plain = _STAGE.match(name) is not None and name not in {".", ".."}
    return is_plain and len(name) <= BRANCH_NAME_LIMIT  # the audit trail's limit


def hosting_folder(scope: HostingScope) -> str:
    """Return the folder of a scope's values. Names in Secrets Manager start without a slash.

    Raises InvalidPath for an invalid stage.
    """
    if scope.stage and not is_stage(scope.stage):
        raise InvalidPath(NOT_A_STAGE)
    stage = f"/{scope.stage}" if scope.stage else ""
    match scope:
        case HostingConfig(project):
            return f"/amplify/hosting/{project}/config{stage}"
        case HostingSecrets(project):
            return f"amplify/hosting/{project}/secrets{stage}"


def hosting_name(scope: HostingScope, key: str) -> str:
    """Return the name of a value in its store. Raises InvalidPath for an invalid stage or key."""
    check_key(key)
    name = f"{hosting_folder(scope)}/{key}"
    if isinstance(scope, HostingConfig):
        check_path(name)
    elif len(name) > SECRET_NAME_LIMIT:
        raise InvalidPath(
            f"Names in Secrets Manager can have at most {SECRET_NAME_LIMIT} characters. This one "
            f"has {len(name)}. Use a shorter name."
        )
    return name


def stage_and_key(folder: str, name: str) -> tuple[str, str] | None:
    """Return the stage ("" if shared) and the key of a name below the shared folder.

    None for a name that Amplify can't read. Secrets Manager also accepts other characters, and
    empty parts, which would make one name look like another.
    """
    stage, slash, key = name.removeprefix(f"{folder}/").rpartition("/")
    try:
        check_key(key)
    except InvalidPath:
        return None
    is_valid = name.startswith(f"{folder}/") and (is_stage(stage) or not slash)
    return (stage, key) if is_valid else None


def code_remark(key: str) -> str:
    """Return why code can't refer to this key, which `ampx` accepts, or ""."""
    if _IN_CODE.match(key):
        return ""
    return (
        "Code can't refer to this name: secret() and config() accept only letters, digits and `_`, "
        "and no digit at the start."
    )
