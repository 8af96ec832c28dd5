"""Pages and actions that the search offers."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.template.defaultfilters import pluralize
from django.urls import reverse

from console.access.policy import Access, Permission
from console.amplify.service import is_on
from console.environment.sources import secrets_first
from console.models import Branch, scope_name
from console.pages.search.items import Item
from console.web.navigation import app_pages
from console.workflows.deployments.effects import of_app
from console.workflows.search import Found, Key

# What can be a new key: of a secret, and nearly of a variable
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}\Z", re.ASCII)


@dataclass(frozen=True)
class Person:
    """What decides which pages and actions a person has, besides their access to an app."""

    is_operator: bool
    has_password: bool
    gets_mail: bool


def pages(here: Access | None, person: Person) -> Iterator[Item]:
    """Yield the pages of the app, then those outside of apps."""
    if here is not None:
        shown = app_pages(
            is_standalone=here.app.is_standalone,
            may_manage=here.may(Permission.MANAGE),
            sends_mail=person.gets_mail,
            has_amplify=is_on(),
            has_project=bool(here.app.hosting_project),
        )
        for page in shown:
            url = reverse(page.name, args=[here.app.app_id])
            yield Item(page.label, url, page.icon, here.app.name)
    yield Item("All apps", reverse("apps"), "cloud")
    yield from _account(person)
    if person.is_operator:
        yield Item("All activity", reverse("all_activity"), "clock")
        yield Item("Doctor", reverse("doctor"), "ok")
        yield Item("Parameter store", reverse("store_health"), "info")
        yield Item("Admin", reverse("admin:index"), "cog")


def _account(person: Person) -> Iterator[Item]:
    yield Item("Preferences", reverse("preferences"), "cog")
    yield Item("Sessions", reverse("my_sessions"), "user")
    yield Item("Second factor", reverse("mfa_index"), "lock")
    if person.has_password:
        yield Item("Change password", reverse("account_change_password"), "lock")


# Label, URL and icon of what members may do in an app, by what they need
_WRITING = (
    ("Manage secrets", "secrets_manage", "edit"),
    ("Manage variables", "variables_manage", "edit"),
    ("Import from a file", "import", "plus"),
    ("Bulk edit variables", "variables_bulk", "edit"),
    ("Copy variables", "variables_copy", "copy"),
)
_VIEWING = (
    ("Check code", "check_code", "check"),
    ("Download variables", "variables_download", "download"),
    ("Restore from the recycle bin", "bin", "undo"),
)
_MANAGING = (
    ("Add branch", "branch_add", "plus"),
    ("Invite a member", "member_invite", "plus"),
    ("Check access", "member_decision", "users"),
)


def actions(here: Access | None, person: Person) -> Iterator[Item]:
    """Yield what can be done without a result."""
    if here is not None:
        yield from _in_app(here)
    if person.is_operator:
        yield Item("Create app", reverse("app_new"), "plus")
        if is_on():
            yield Item("Import apps", reverse("app_import"), "cloud")


def _in_app(here: Access) -> Iterator[Item]:
    may_add = _may_add(here)
    for source in secrets_first() if may_add else ():
        yield Item(f"Add {source.noun}", f"{source.list_url(here)}#add-key", "plus")
    found = (
        *(_WRITING if may_add else ()),
        *(_MANAGING if here.may(Permission.MANAGE) else ()),
        *_VIEWING,
    )
    for label, name, icon in found:
        yield Item(label, reverse(name, args=[here.app.app_id]), icon)


def on_results(found: Found) -> Iterator[Item]:
    """Yield what can be done with the best key, and with branches, of the app."""
    if found.here is None:
        return
    for key in [key for key in found.keys if key.access is found.here][:1]:
        yield from _on_key(key)
    branches = [branch for access, branch in found.branches if access is found.here]
    yield from _redeploying(found.here, branches)


def _redeploying(here: Access, branches: Iterable[Branch]) -> Iterator[Item]:
    """Yield how to redeploy branches of a connected app. Takes up to five queries for them."""
    in_amplify = [it for it in branches if hasattr(it, "connection") and _may_write(here, it)]
    states = of_app(here).branches if in_amplify else {}
    url = reverse("deployments", args=[here.app.app_id])
    for branch in in_amplify:
        changed = len(states[branch.pk].keys) if branch.pk in states else 0
        where = f"{changed} key{pluralize(changed)} changed since" if changed else ""
        yield Item(f"Redeploy {branch.marked_name}", f"{url}#redeploy-{branch.pk}", "rocket", where)


def _on_key(found: Key) -> Iterator[Item]:
    source, access, scopes = found.source, found.access, found.scopes
    branches = {branch.pk: branch for branch in access.branches}
    writable = [
        (branch_id, pk)
        for branch_id, pk in scopes.items()
        if _may_write(access, branches.get(branch_id) if branch_id else None)
    ]
    for branch_id, pk in writable[:1]:
        scope = scope_name(branches.get(branch_id) if branch_id else None)
        preposition = "on" if branch_id else "for"
        url = source.edit_url(access, pk)
        yield Item(f"Edit {found.key} {preposition} {scope}", url, "edit")
    others = (it for it in branches.values() if it.deleted_at is None and it.pk not in scopes)
    if None in scopes and any(_may_write(access, branch) for branch in others):
        url = source.edit_url(access, scopes[None])
        yield Item(
            f"Override {found.key} on a branch", f"{url}#override-{scopes[None]}", "override"
        )


def adding(found: Found, text: str) -> Iterator[Item]:
    """Yield how to add what was searched for, unless it is there."""
    if found.here is None or not _KEY.match(text) or not _may_add(found.here):
        return
    there = {it.source.noun for it in found.keys if it.access is found.here and it.key == text}
    for source in secrets_first():
        if source.noun not in there:
            url = source.list_url(found.here, key=text)
            yield Item(f"Add {source.noun} {text}", f"{url}#add-value", "plus")


def _may_write(access: Access, branch: Branch | None) -> bool:
    return access.may_on(Permission.WRITE, branch)


def _may_add(access: Access) -> bool:
    scopes = (None, *(branch for branch in access.branches if branch.deleted_at is None))
    return any(_may_write(access, branch) for branch in scopes)
