"""Check that an app's branches can be told apart, by people and in the parameter store."""

from collections.abc import Collection

from django.core.exceptions import ValidationError

from console.access.branches import shared_folders, taken_folders
from console.lib.naming.lookalikes import hidden_characters, spell_out, visible_form
from console.lib.naming.names import (
    ALL_BRANCHES,
    PathProfile,
    backend_name_problem,
    typed_name_problem,
)
from console.models import App, Branch

TAKEN = (
    "Amplify would store these secrets in the folder of another app in Branchkeep ({}), where each "
    "could read and change the other's. Choose another name."
)
KIND_STAYS = (
    "An Amplify app can't become a standalone backend, or a standalone backend an Amplify app. "
    "Create another app."
)


def require_own_name(branch: Branch) -> None:
    """Raise ValidationError for a name that nobody types, or that looks exactly like another.

    Deleted branches count, because lists still show their values.
    """
    if problem := typed_name_problem(branch.name):
        raise ValidationError({"name": problem})
    if branch.app.is_standalone and (problem := backend_name_problem(branch.name)):
        raise ValidationError({"name": problem})
    others = branch.app.branches.exclude(name=branch.name).values_list("name", flat=True)
    seen = visible_form(branch.name)
    twin = next((name for name in (ALL_BRANCHES, *others) if visible_form(name) == seen), None)
    if twin is not None:
        raise ValidationError({"name": _looks_exactly_like(twin, branch.name)})


def _looks_exactly_like(twin: str, name: str) -> str:
    message = f"This name looks exactly like “{spell_out(twin)}”"
    if hidden := hidden_characters(name):
        characters = "a character" if len(hidden) == 1 else "characters"
        return (
            f"{message}, but contains {characters} that can't be seen ({', '.join(hidden[:5])}). "
            "Remove them, or rename the branch in Git."
        )
    return f"{message}, which another branch has. Rename one of them in Git."


def require_own_folders(branch: Branch) -> None:
    """Raise ValidationError if another branch, even a deleted one, has one of its folders."""
    others = branch.app.branches.exclude(name=branch.name)
    for folder, sharing in shared_folders(branch.app, (branch, *others)).items():
        if names := [other.name for other in sharing if other is not branch and branch in sharing]:
            raise ValidationError({"name": shared_folder_problem(names, folder)})
    if branch.app.is_standalone and (folders := taken_folders(branch)):
        raise ValidationError({"name": TAKEN.format(*folders)})


def shared_folder_problem(names: Collection[str], folder: str) -> str:
    """Return why a branch can't have a folder that others have."""
    return (
        f"Amplify would store this branch's secrets in the folder of {' and '.join(names)} "
        f"({folder}), where each could read and change the other's. Rename the branch in Git."
    )


def require_same_kind(before: PathProfile, after: PathProfile) -> None:
    """Raise ValidationError if an app's new path profile is that of another kind of app."""
    if before is not after and PathProfile.STANDALONE in {before, after}:
        raise ValidationError({"path_profile": KIND_STAYS})


def require_way_between(before: PathProfile, after: PathProfile) -> None:
    """Raise ValidationError for profiles without a common path: secrets would stay behind."""
    if {before, after} == {PathProfile.DOCUMENTED, PathProfile.BACKEND}:
        message = (
            "Change the profile to “both” first, and copy the secrets there. Then change it to "
            f"“{after}”: these two have no path in common."
        )
        raise ValidationError({"path_profile": message})


def require_own_folders_as_in(app: App, before: PathProfile) -> None:
    """Raise ValidationError if the app's new path profile makes branches share a folder."""
    branches = [*app.branches.all()]
    shared = shared_folders(app, branches, [before])
    now = PathProfile(app.path_profile)
    for folder, sharing in shared_folders(app, branches, [now]).items():
        if folder not in shared:
            names = " and ".join(branch.name for branch in sharing)
            message = (
                f"With this path profile, {names} would have the same folder ({folder}). Keep the "
                "present one, or rename one of the branches in Git."
            )
            raise ValidationError({"path_profile": message})
