"""Every URL pattern of the resolver, and for each a URL of an object that exists."""

import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from console.auth import account_links
from console.models import (
    AccountLink,
    AuditEvent,
    AuditOutcome,
    Branch,
    Connection,
    Invitation,
    Member,
    PreviewRule,
    Suspension,
)
from envvars_app.buildspec import DEFAULT
from envvars_app.models import (
    BuildSpec,
    BuildSpecVersion,
    SyncedBuildSpec,
    SyncedScope,
    SyncedVariable,
    Variable,
)
from secrets_app import revisions
from secrets_app.models import BinEntry, Secret, UnknownParameter
from secrets_app.store import parameter_store
from tests.factories import delete_secret, set_secret, set_variable, write_outside
from tests.fixtures.people import World

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
TOKEN = "t" * 43  # of an invitation
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\^?\(\?P<(\w+)>[^)]*\)")

_APPS = re.compile(r"(?<=\(\?P<app_label>)[\w|]+")


def _in_order(apps: re.Match[str]) -> str:
    return "|".join(sorted(apps[0].split("|")))


def routes(resolver: Any = None, before: str = "/") -> Iterator[str]:
    """Yield every URL pattern."""
    for entry in (resolver or get_resolver()).url_patterns:
        # The admin names the apps in the order in which their models were registered
        route = before + _APPS.sub(_in_order, str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route


def url_of(route: str, world: World, secret: Secret) -> str:
    """Return a URL of the pattern: in the app, of its branch dev, of `secret`."""
    if _is_about_a_difference(route):
        difference(world)
    if route.endswith("<str:app_id>/compare/"):
        set_secret(world, secret.key, "another value", world.main)
    samples = {
        "app_id": world.app.app_id,
        "pk": _pk_of(route, world, secret),
        "token": _token_of(route, world),
        "change_set": _change_set_of(secret),
        "noun": "secret",
        "id": world.person("bob").pk,
        "object_id": _object_of(route, world, secret),
        "content_type_id": ContentType.objects.get_for_model(Secret).pk,
        "app_label": "console",
        "url": "nowhere/",
    }
    return _PARAMETER.sub(lambda match: str(samples[match[1] or match[2]]), route).rstrip("$")


def _is_about_a_difference(route: str) -> bool:
    return "/hosting/" in route and "/amplify/" in route


def _change_set_of(secret: Secret) -> UUID | None:
    added = AuditEvent.objects.filter(action="secret.create", subject=secret.key)
    return added.earliest("pk").change_set


def _pk_of(route: str, world: World, secret: Secret) -> int:
    """Return the id of the object that a page of the app is about."""
    if "/members/people/" in route or "/people/" in route:
        return world.person("bob").pk
    if "/members/invitations/" in route:
        return invitation(world).pk
    if "/members/" in route:
        return Member.objects.get(app=world.app, user=world.person("vera")).pk
    if "/compare/<int" in route:
        return preview(world).pk
    if "/branches/" in route or "/deployments/" in route:
        return world.dev.pk
    if _is_about_a_difference(route):
        row = difference(world)
        return row.scope.versions.get().pk if "/maps/" in route else row.pk
    if "/environment-variables/" in route:
        return variable(world).pk
    if "/secrets/bin/" in route:
        return bin_entry(world).pk
    if "/secrets/unknown/" in route:
        return unknown_parameter(world).pk
    return build_version(world).pk if "/build-settings/" in route else secret.pk


def _token_of(route: str, world: World) -> str:
    """Return the token of a set-up, account or invitation link."""
    if "/setup/" in route:
        return signing.dumps("first operator", salt="console.setup")
    if "/accounts/link/" in route:
        account_link(world)
        return TOKEN
    invitation(world)
    return TOKEN


def invitation(world: World) -> Invitation:
    """Return the app's open invitation with TOKEN; create it the first time."""
    fields = {
        "role": "developer",
        "token_hash": sha256(TOKEN.encode()).hexdigest(),
        "invited_by": world.person("alice"),
        "expires_at": timezone.now() + timedelta(days=1),
    }
    key = {"app": world.app, "email": "invited@example.org"}
    return Invitation.objects.get_or_create(**key, defaults=fields)[0]


def account_link(world: World, kind: str = "password") -> AccountLink:
    """Return bob's one-time link with TOKEN; create it the first time."""
    found = AccountLink.objects.filter(kind=kind).first()
    if found is None:
        account_links.make_link(
            actor=world.actor("olga"),
            user=world.person("bob"),
            kind=AccountLink.Kind(kind),
            link_to=str,
        )
        digest = sha256(TOKEN.encode()).hexdigest()
        AccountLink.objects.filter(kind=kind).update(token_hash=digest)
        Suspension.objects.all().delete()  # it is about the link alone
        found = AccountLink.objects.get(kind=kind)
    return found


def preview(world: World) -> Branch:
    """Return a branch that is a preview of dev; create it the first time."""
    rule = {"position": 1, "source": world.dev}
    PreviewRule.objects.get_or_create(app=world.app, pattern="pr-*", defaults=rule)
    return Branch.objects.get_or_create(app=world.app, name="pr-1")[0]


def variable(world: World) -> Variable:
    """Return a variable of the branch dev; create it the first time."""
    found = world.app.variables.filter(branch=world.dev, key="API_URL").first()
    return found or set_variable(world, "API_URL", "https://example.org", world.dev)


def unknown_parameter(world: World) -> UnknownParameter:
    """Return a parameter of the app that belongs to no known branch; create it the first time."""
    folder = f"/amplify/{world.app.app_id}/unknown"
    fields = {"version": 1, "modified": timezone.now()}
    rows = UnknownParameter.objects
    return rows.get_or_create(app=world.app, folder=folder, key="API_KEY", defaults=fields)[0]


def gen1_import(world: World) -> dict[str, str]:
    """Return the form that imports a parameter of Amplify Gen 1; write it the first time."""
    folder, key = f"/amplify/{world.app.app_id}/gen", "AMPLIFY_mailer_API_KEY"
    if not parameter_store().current([f"{folder}/{key}"]):
        write_outside(f"{folder}/{key}", "of Gen 1")
    [stored] = parameter_store().current([f"{folder}/{key}"]).values()
    fields = {"version": stored.version, "modified": stored.modified}
    UnknownParameter.objects.update_or_create(
        app=world.app, folder=folder, key=key, defaults=fields
    )
    base = revisions.base(stored.version, stored.modified, None)
    return {"action": "save", "environment": "gen", "row": f"{base} 0 {key} FROM_GEN1"}


def bin_entry(world: World) -> BinEntry:
    """Return a removed secret of the branch dev; create it the first time."""
    entries = BinEntry.objects.filter(app=world.app, key="REMOVED")
    if not entries.exists():
        set_secret(world, "REMOVED", branch=world.dev)
        delete_secret(world, "REMOVED", world.dev)
    return entries.get()


def difference(world: World) -> SyncedVariable:
    """Connect the app; return a variable of dev that Amplify alone has. Create it at first."""
    now = timezone.now()
    Connection.objects.get_or_create(app=world.app, defaults={"connected_at": now})
    shared, _ = SyncedScope.objects.get_or_create(app=world.app, branch=None)
    SyncedBuildSpec.objects.get_or_create(scope=shared, defaults={"held": DEFAULT})
    scope, _ = SyncedScope.objects.get_or_create(app=world.app, branch=world.dev)
    scope.versions.get_or_create(defaults={"at": now, "variables": {"API_URL": "before"}})
    fields = {"held": "theirs", "state": "drift", "seen_at": now}
    return scope.variables.get_or_create(key="IN_AMPLIFY", defaults=fields)[0]


def build_version(world: World) -> BuildSpecVersion:
    """Return a version of the app's build settings; create it the first time."""
    now = timezone.now()
    row, new = BuildSpec.objects.get_or_create(
        app=world.app, branch=None, defaults={"text": DEFAULT, "changed_at": now}
    )
    if new:
        row.versions.create(version=1, text=DEFAULT, at=now)
    return row.versions.get(version=1)


def recovery(world: World) -> Authenticator:
    """Return vera's recovery codes, as an example of a second factor."""
    row, _ = Authenticator.objects.get_or_create(
        user=world.person("vera"), type="recovery_codes", defaults={"data": {"hashes": []}}
    )
    return row


def identity(world: World) -> SocialAccount:
    """Return vera's account at the OpenID provider."""
    row, _ = SocialAccount.objects.get_or_create(
        user=world.person("vera"), provider="https://login.example.org", uid="7"
    )
    return row


def _object_of(route: str, world: World, secret: Secret) -> int:
    """Return the id of the object that an admin page is about."""
    objects = {
        "user": world.person("bob"),
        "app": world.app,
        "branch": world.dev,
        "member": Member.objects.filter(user=world.person("vera")).first(),
        "group": Group.objects.get_or_create(name="web")[0],
        "authenticator": recovery(world) if "/authenticator/" in route else None,
        "socialaccount": identity(world) if "/socialaccount/" in route else None,
        "auditevent": AuditEvent.objects.first(),
        "auditoutcome": AuditOutcome.objects.first(),
        "variable": variable(world) if "/variable/" in route else None,
    }
    found = objects.get(route.split("/")[3]) if route.count("/") > 3 else None
    return (found or secret).pk
