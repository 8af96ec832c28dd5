"""Warnings on the names of branches: what Parameter Store and Amplify make of them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from django.urls import reverse

from console.access.policy import Access
from console.environment.warnings import AppWarning, WarningKind
from console.lib.naming.names import PathProfile
from console.models import Branch
from secrets_app.paths import clean_name, documented_path_problem

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_./-]")


def branch_warnings(access: Access) -> list[AppWarning]:
    """Return the warnings on the app's branches. Deleted ones don't count."""
    live = [branch for branch in access.branches if branch.deleted_at is None]
    return [*_not_in_builds(access, live), *_alike(access, live)]


def _not_in_builds(access: Access, branches: Sequence[Branch]) -> Iterator[AppWarning]:
    """Yield branches without a documented path, in an app whose builds read secrets there."""
    if access.app.path_profile in {PathProfile.BACKEND, PathProfile.STANDALONE}:
        return
    is_only = access.app.path_profile == PathProfile.DOCUMENTED
    what = "Secrets can't be saved on" if is_only else "Builds don't get the secrets of"
    end = "" if is_only else " Deployed backends do."
    for branch in branches:
        if problem := documented_path_problem(access.app.app_id, branch.name):
            if signs := dict.fromkeys(_FORBIDDEN.findall(branch.name)):
                shown = " ".join(
                    sign if sign.isprintable() else f"U+{ord(sign):04X}" for sign in signs
                )
                problem = f"Parameter Store doesn't allow “{shown}” in paths"
            text = f"{what} this branch: {problem}.{end}"
            yield _warning(access, WarningKind.NO_PATH, [branch], text)


def _alike(access: Access, branches: Sequence[Branch]) -> Iterator[AppWarning]:
    """Yield branches whose folders in Parameter Store differ in their hash alone, or not at all."""
    if access.app.path_profile == PathProfile.DOCUMENTED:
        return
    groups: defaultdict[str, list[Branch]] = defaultdict(list)
    for branch in branches:
        groups[clean_name(branch.name)].append(branch)
    for alike in groups.values():
        if len(alike) > 1:
            names = ", ".join(map(str, alike))
            if any(branch in access.partners for branch in alike):
                text = f"Some of {names} share a folder in Parameter Store. Rename one of them."
            else:
                text = f"The folders of {names} in Parameter Store differ only in a hash."
            yield _warning(access, WarningKind.ALIKE, alike, text)


def _warning(
    access: Access, kind: WarningKind, branches: Sequence[Branch], text: str
) -> AppWarning:
    first = branches[0]
    return AppWarning(
        kind,
        "branch",
        first.name,
        "",
        first.pk,
        first.pk,
        text,
        reverse("secrets", args=[access.app.app_id], query={"branch": first.pk}),
        "+".join(str(branch.pk) for branch in branches),
    )
