"""What the search shows of apps, branches and keys."""

from dataclasses import dataclass

from django.template.defaultfilters import pluralize
from django.urls import reverse

from console.access.policy import Access
from console.lib.naming.names import ALL_BRANCHES
from console.models import Branch
from console.workflows.coverage import Coverage
from console.workflows.search import Found, Key

SHOWN_SCOPES = 3


@dataclass(frozen=True)
class Item:
    """One result. `where` says where it is, or what is known about it."""

    label: str
    url: str
    icon: str
    where: str = ""


def app_item(access: Access) -> Item:
    """Return an app, which leads to its overview."""
    app = access.app
    return Item(app.name, reverse("overview", args=[app.app_id]), "cloud", app.app_id)


def key_item(found: Key, here: Access | None) -> Item:
    """Return a key, which leads to its page or, with several scopes, to all of them in the list."""
    source, pks = found.source, list(found.scopes.values())
    noun, icon = source.noun.capitalize(), "key" if source.is_confidential else "variable"
    if len(pks) == 1:
        url = source.url(found.access, pks[0])
    else:
        url = source.list_url(found.access, q=found.key)
    if found.access is not here:
        return Item(found.key, url, icon, f"{noun} in {found.access.app.name}")
    names = [_scope(here, branch_id) for branch_id in found.scopes]
    more = len(names) - SHOWN_SCOPES
    shown = [*names[:SHOWN_SCOPES], *([f"{more} more"] if more > 0 else [])]
    return Item(found.key, url, icon, f"{noun}: {', '.join(shown)}")


def _scope(access: Access, branch_id: int | None) -> str:
    if branch_id is None:
        return ALL_BRANCHES
    return next((it.label for it in access.branches if it.pk == branch_id), "a new branch")


def branch_item(access: Access, branch: Branch, found: Found) -> Item:
    """Return a branch, which leads to its secrets."""
    url = reverse("secrets", args=[access.app.app_id], query={"branch": branch.pk})
    where = f"Branch in {access.app.name}"
    if access is found.here and found.secrets and branch.pk in found.secrets.own:
        where = _numbers(found.secrets, branch.pk)
    return Item(branch.marked_name, url, "branch", where)


def _numbers(secrets: Coverage, pk: int) -> str:
    missing = len(secrets.missing[pk])
    number = len(secrets.own[pk] | secrets.inherited(pk))
    counted = f"{number} secret{pluralize(number)}"
    return f"{counted}, {missing} missing" if missing else counted
