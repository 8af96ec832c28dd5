"""What people do with secrets once they are there; each answer is searched by the trap.

A capability that does something new with a value adds it here.
"""

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from django.conf import settings
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from console.audit.chain import append_links
from console.models.notifications import Kind, Subscription
from console.notifications.delivery import DEBOUNCE, deliver
from console.notifications.outbox import enqueue
from secrets_app.locations import location_of
from secrets_app.models import Revalidation, Secret
from secrets_app.store import parameter_store
from tests.fixtures.people import PEOPLE, ROLES, World
from tests.leaks.crawl import FRAGMENT
from tests.leaks.harness import Visitor

EVERYBODY = ("", *PEOPLE)
ASKED = ({}, FRAGMENT)
PLAIN = tuple(
    f"/apps/d1shop/hosting/{page}/" for page in ("environment-variables", "build-settings")
)
HARMLESS = {"version": "1", "base": "1", "new-1-key": "PLAIN_TOO", "new-1-value": "plain"}
Visitors = Callable[[str], Visitor]


def some_secrets(world: World) -> list[Secret]:
    """Return a secret of each scope, and each shape of value in one of them."""
    scopes = ({"branch": None}, {"branch": world.main}, {"branch": world.dev})
    held = Secret.objects.filter(app=world.app, version__gt=0).order_by("-pk")
    return [secret for scope in scopes for secret in held.filter(**scope)[:3]]


def address(secret: Secret, name: str) -> str:
    """Return the URL of a view of a secret."""
    return reverse(name, args=[secret.app.app_id, secret.pk])


def reveal(visitor: Visitors, world: World) -> None:
    """Everybody asks for values, with and without the right to."""
    for person in EVERYBODY:
        browser = visitor(person)
        for secret in some_secrets(world):
            for headers in ASKED:
                browser.post(address(secret, "secret_reveal"), headers=headers)


def revalidate(visitor: Visitors, world: World) -> None:
    """Everybody has the list held against the store."""
    url = reverse("secrets_revalidate", args=[world.app.app_id])
    for person in EVERYBODY:
        for mode in ("list", "manage"):
            for since in ("", "2020-01-01T00:00:00+00:00", "nonsense"):
                Revalidation.objects.all().delete()
                visitor(person).post(url, {"mode": mode, "since": since}, headers=FRAGMENT)


def put_mirrors_right(visitor: Visitors, world: World) -> None:
    """Everybody reveals a secret whose mirror is missing, and tries to put that right."""
    for secret in Secret.objects.filter(branch__in=[world.main, world.dev], version__gt=0)[:2]:
        mirror = location_of(world.app, secret).mirror or ""
        for person, headers in zip(EVERYBODY, cycle(ASKED), strict=False):
            parameter_store().remove([mirror])
            Secret.objects.filter(pk=secret.pk).update(mirror_version=0, mirror_of=0)
            shown = {"shown": f"{secret.version}:0"}
            for name in ("secret_reveal", "secret_mirror"):
                visitor(person).post(address(secret, name), shown, headers=headers)


def post_everywhere(visitor: Visitors, urls: list[str], value: str) -> None:
    """Everybody posts a value to every URL, and much of it makes no sense there."""
    fields = {"new-1-key": "a b", "new-1-value": value, "new-2-key": "OK", "new-2-value": value}
    fields |= {f"value-{pk}": value for pk in range(1, 6)}
    asked = cycle(ASKED)
    for person in EVERYBODY:
        for url in urls:
            plain = url.startswith(PLAIN)  # what comes there is configuration, and no secret
            visitor(person).post(url, HARMLESS if plain else fields, headers=next(asked))


def export_activity(visitor: Visitors, world: World) -> None:
    """Everybody exports the activity, of the app and of the deployment."""
    urls = reverse("activity_export", args=[world.app.app_id]), reverse("all_activity_export")
    for person in EVERYBODY:
        for url in urls:
            for kind in ("csv", "jsonl"):
                visitor(person).post(f"{url}?q=NEW", {"format": kind})


def operate(visitor: Visitors, world: World) -> None:
    """Ask the doctor and the store's health, and scrape the metrics."""
    for url, headers in zip(("/operation/doctor/", "/operation/store/"), ASKED, strict=False):
        visitor("olga").post(url, {"write": "on"}, headers=headers)
    prometheus = {"authorization": f"Bearer {settings.METRICS_TOKEN}"}
    visitor("").get("/metrics", headers=prometheus)


def remove(visitor: Visitors, world: World) -> None:
    """Remove secrets, with and without the right, from an old page and from a new one."""
    url = reverse("secrets_manage", args=[world.app.app_id])
    for person in EVERYBODY:
        for secret in some_secrets(world)[::3]:
            for base in (99, secret.version):
                fields = {f"remove-{secret.pk}": "on", f"base-{secret.pk}": base}
                visitor(person).post(url, fields, headers=FRAGMENT)


def delete_branch(visitor: Visitors, world: World) -> None:
    """Delete the production branch with its secrets, at the second try."""
    url = reverse("branch_delete", args=[world.app.app_id, world.main.pk])
    ticked = [str(secret.pk) for secret in world.main.secrets.all()[:5]]
    for person in EVERYBODY:
        for confirm in ("", world.main.name):
            visitor(person).post(url, {"remove": ticked, "confirm": confirm})


def administer(visitor: Visitors, world: World) -> None:
    """Search, filter, change and fail to change in the admin site."""
    olga = visitor("olga")
    for url, fields in _admin_posts(world):
        olga.post(url, fields)
    for model in ("secrets_app_secret", "console_auditevent", "console_auditoutcome"):
        listed = reverse(f"admin:{model}_changelist")
        for query in ("q=NEW", "o=-1", "all=", "e=1", "nonsense=1"):
            olga.get(f"{listed}?{query}")
        olga.post(listed, {"action": "delete_selected", "_selected_action": ["1", "2"]})


def _admin_posts(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    member = world.app.members.get(user=world.person("bob"))
    change = reverse("admin:console_member_change", args=[member.pk])
    yield change, {"role": "nonsense"}
    yield change, {"role": "viewer"}
    yield change, {"role": "developer"}
    secret = Secret.objects.filter(app=world.app)[0]
    for name in ("change", "delete"):
        yield reverse(f"admin:secrets_app_secret_{name}", args=[secret.pk]), {"key": "OTHER"}
    yield reverse("admin:secrets_app_secret_add"), {"key": "OTHER"}
    yield reverse("admin:console_user_add"), {"email": "no email"}


def be_mailed(_visitor: Visitors, world: World) -> None:
    """Everybody with a role is mailed about everything that happened."""
    for name in ROLES:
        choice = {"app": world.app, "user": world.person(name)}
        Subscription.objects.bulk_create(Subscription(**choice, kind=kind) for kind in Kind)
    now = timezone.now()
    append_links(all_rows=True)
    enqueue(now=now)
    assert deliver(now=now + DEBOUNCE).sent == len(ROLES)
    assert any("revealed the secret" in sent.body for sent in mail.outbox)


SEEING = (reveal, revalidate, put_mirrors_right, administer, export_activity, operate)
REMOVING = (remove, delete_branch, be_mailed)
