"""Everything that people do with existing secrets, each by everyone.

A feature that uses values in a new way adds an action here.
"""

from collections.abc import Callable, Iterator
from itertools import cycle, product
from typing import Any

from django.conf import settings
from django.core import mail
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from console.audit.chain import append_links
from console.models import AuditEvent, Branch, PreviewCopy, PreviewRule
from console.models.notifications import Kind, Subscription
from console.notifications.delivery import DEBOUNCE, deliver
from console.notifications.outbox import enqueue
from secrets_app import revisions
from secrets_app.drift.changes import state_of
from secrets_app.locations import location_of
from secrets_app.models import BinEntry, Revalidation, Secret, UnknownParameter
from secrets_app.recycle_bin import kept
from secrets_app.store import parameter_store
from secrets_app.sync.unknown_removal import token
from tests.factories import reconcile_now, set_role
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.moto import REGION
from tests.fixtures.people import PEOPLE, ROLES, World
from tests.leaks.crawl import FRAGMENT
from tests.leaks.detector import SearchedClient

EVERYONE = ("", *PEOPLE)
KINDS = ("", "alice", "bob", "vera", "charlie", "olga")  # the others are served as one of them
WRITERS = ("alice", "mia", "bob", "olga")  # everyone else is refused before a value is used
HEADERS = ({}, FRAGMENT)
PLAIN = tuple(
    f"/apps/d1shop/hosting/{page}/" for page in ("environment-variables", "build-settings")
)
HARMLESS = {"version": "1", "base": "1", "new-1-key": "PLAIN_TOO", "new-1-value": "plain"}
ClientFor = Callable[[str], SearchedClient]


def urls_for(person: str, urls: list[str]) -> list[str]:
    """Return the URLs to request as a person. The admin refuses members as it refuses alice."""
    is_like_alice = person in ROLES and person != "alice"
    return [url for url in urls if not (is_like_alice and url.startswith("/admin/"))]


def some_secrets(world: World) -> list[Secret]:
    """Return up to three secrets of each scope, which have values of every shape."""
    scopes = ({"branch": None}, {"branch": world.main}, {"branch": world.dev})
    held = Secret.objects.filter(app=world.app, version__gt=0).order_by("-pk")
    return [secret for scope in scopes for secret in held.filter(**scope)[:3]]


def secret_url(secret: Secret, name: str) -> str:
    """Return the URL of a view of a secret."""
    return reverse(name, args=[secret.app.app_id, secret.pk])


def reveal(client_for: ClientFor, world: World) -> None:
    """Reveal values, with and without permission, as a page, a fragment or a line of .env."""
    forms = list(product(({}, {"as": "line"}), HEADERS))
    turns = cycle(forms)
    for person, secret in product(EVERYONE, some_secrets(world)):
        url = secret_url(secret, "secret_reveal")
        for fields, headers in forms if person in {"alice", "bob"} else [next(turns)]:
            client_for(person).post(url, fields, headers=headers)


def use_versions(client_for: ClientFor, world: World) -> None:
    """List, compare, reveal and restore versions of secrets, with and without permission."""
    for secret in Secret.objects.filter(app=world.app, version__gt=1).order_by("-pk")[:3]:
        for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
            client = client_for(person)
            page = client.get(secret_url(secret, "secret_versions"), headers=headers)
            listed = page.context["versions"].rows if "versions" in (page.context or ()) else ()
            numbers = [version.number for version in listed]
            client.post(
                secret_url(secret, "secret_compare"), {"version": numbers[:2]}, headers=headers
            )
            old = {"version": numbers[-1] if numbers else 1}
            client.post(secret_url(secret, "secret_reveal"), old, headers=headers)
            base = Secret.objects.get(pk=secret.pk).base
            for fields in (old, old | {"base": base}):
                client.post(secret_url(secret, "secret_restore"), fields, headers=headers)


def compare_branches(client_for: ClientFor, world: World) -> None:
    """Compare the secrets of branches with production's, with and without permission."""
    url = reverse("compare", args=[world.app.app_id])
    for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
        for query in ("", "?show=different"):
            client_for(person).post(f"{url}{query}", headers=headers)


def copy_to_branches(client_for: ClientFor, world: World) -> None:
    """Copy secrets to another branch, with and without permission."""
    url = reverse("compare_copy", args=[world.app.app_id])
    secrets = some_secrets(world)
    fields = {"value": [f"secret:{it.pk}" for it in secrets], "scope": world.dev.pk}
    rows = [f"secret {world.dev.pk} 0 {it.key}" for it in secrets]
    for person in EVERYONE:
        client_for(person).post(url, fields)
        client_for(person).post(url, fields | {"row": rows, "action": "save"})


def copy_to_preview(client_for: ClientFor, world: World) -> None:
    """Copy secrets of dev to its preview, with and without permission, and refresh them."""
    rule = {"position": 1, "source": world.dev}
    PreviewRule.objects.get_or_create(app=world.app, pattern="pr-*", defaults=rule)
    branch = Branch.objects.get_or_create(app=world.app, name="pr-1")[0]
    url = reverse("preview", args=[world.app.app_id, branch.pk])
    keys = Secret.objects.filter(app=world.app, branch=world.dev).values_list("key", flat=True)
    fields = {"source": world.dev.pk, "value": [f"secret {key}" for key in keys[:3]]}
    for person in EVERYONE:
        PreviewCopy.objects.update(source_version=0)  # out of date
        client_for(person).get(url)
        client_for(person).post(url, fields)


def undo(client_for: ClientFor, world: World) -> None:
    """Undo what was saved last, and undo that, with and without permission."""
    for person, headers in zip(EVERYONE * 2, cycle(HEADERS), strict=False):
        changes = AuditEvent.objects.filter(action="secret.change").exclude(change_set=None)
        saved = changes.latest("pk").change_set
        url = reverse("change_set", args=[world.app.app_id, saved])
        client_for(person).get(url)
        client_for(person).post(url, headers=headers)


def revalidate(client_for: ClientFor, world: World) -> None:
    """Reconcile from the list and from the edit mode."""
    url = reverse("secrets_revalidate", args=[world.app.app_id])
    for person in EVERYONE:
        for mode in ("list", "manage"):
            for since in ("", "2020-01-01T00:00:00+00:00", "nonsense"):
                Revalidation.objects.all().delete()
                client_for(person).post(url, {"mode": mode, "since": since}, headers=FRAGMENT)


def repair_mirrors(client_for: ClientFor, world: World) -> None:
    """Reveal a secret whose mirror is missing, and repair the mirror."""
    for secret in Secret.objects.filter(branch__in=[world.main, world.dev], version__gt=0)[:2]:
        mirror = location_of(world.app, secret).mirror or ""
        for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
            parameter_store().remove([mirror])
            Secret.objects.filter(pk=secret.pk).update(mirror_version=0, mirror_of=0)
            shown = {"shown": f"{secret.version}:0"}
            for name in ("secret_reveal", "secret_encrypt", "secret_mirror"):
                client_for(person).post(secret_url(secret, name), shown, headers=headers)


def decide_about_drift(client_for: ClientFor, world: World) -> None:
    """Write a value outside, and decide about that, with and without permission."""
    secret = some_secrets(world)[-1]
    path = location_of(world.app, secret).primary
    value = parameter_store().read([path])[path].value
    page = reverse("drift", args=[world.app.app_id])
    for person, act in product(EVERYONE, ("drift_ignore", "drift_take", "drift_put_back")):
        parameter_store().put(path, value, overwrite=True)
        reconcile_now(world)
        client_for(person).get(page)
        state = {"state": state_of(Secret.objects.get(pk=secret.pk))}
        client_for(person).post(secret_url(secret, act), state)


def copy_paths(client_for: ClientFor, world: World) -> None:
    """Copy secrets to the path where they are missing, with and without permission."""
    url = reverse("secrets_copy", args=[world.app.app_id])
    for secret in Secret.objects.filter(branch__in=[world.main, world.dev], version__gt=0)[:3]:
        parameter_store().remove([location_of(world.app, secret).mirror or ""])
        Secret.objects.filter(pk=secret.pk).update(
            mirror_version=0, mirror_of=0, claim=None, mirror_due_at=None
        )
    for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
        client_for(person).get(url, headers=headers)
        client_for(person).post(url, headers=headers)


def adopt(client_for: ClientFor, world: World) -> None:
    """Add the branch of parameters that belong to no known branch, with and without permission."""
    row = UnknownParameter.objects.get(folder="/amplify/d1shop/adopted")
    url = reverse("unknown_adopt", args=[world.app.app_id, row.pk])
    for person in sorted(EVERYONE, key=lambda name: name in ROLES):
        for name in ("wrong", "adopted"):
            client_for(person).post(url, {"name": name})
    assert world.app.branches.filter(name="adopted").exists()


def import_from_gen1(client_for: ClientFor, world: World) -> None:
    """Import what Gen 1 keeps in the store, with and without permission."""
    url = reverse("gen1", args=[world.app.app_id])
    row = UnknownParameter.objects.get(folder="/amplify/d1shop/gen")
    base = revisions.base(row.version, row.modified, None)
    fields = {"environment": "gen", "scope": ""}
    for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
        client_for(person).get(url, fields)
        for action, key in (("preview", "a b"), ("save", f"GEN1_{person}")):
            line = {"row": f"{base} 0 {row.key} {key}", "action": action}
            client_for(person).post(url, fields | line, headers=headers)
    assert Secret.objects.filter(key="GEN1_alice", version__gt=0).exists()


def remove_unknown(client_for: ClientFor, world: World) -> None:
    """Move parameters of no known branch to the recycle bin, and restore them."""
    row = UnknownParameter.objects.get(folder="/amplify/d1shop/unknown")
    url = reverse("orphans_move", args=[world.app.app_id])
    for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
        fields = {"move": f"parameter-{token(row)}"}
        client_for(person).post(url, {**fields, "preview": "on"}, headers=headers)
        client_for(person).post(url, fields, headers=headers)
    assert not UnknownParameter.objects.filter(pk=row.pk).exists()
    entry = BinEntry.objects.get(folder=row.folder, key=row.key)
    restore = reverse("bin_restore", args=[world.app.app_id, "secret", entry.pk])
    for person in sorted(EVERYONE, key=lambda name: name in ROLES):
        client_for(person).post(restore)
    assert UnknownParameter.objects.filter(folder=row.folder, key=row.key).exists()


def post_everywhere(client_for: ClientFor, urls_of: dict[str, list[str]], value: str) -> None:
    """Post a value to each person's URLs, also to those that expect none."""
    fields = {"new-1-key": "a b", "new-1-value": value, "new-2-key": "OK", "new-2-value": value}
    fields |= {f"value-{pk}": value for pk in range(1, 6)}
    headers = cycle(HEADERS)
    for person, urls in urls_of.items():
        for url in urls:
            is_plain = url.startswith(PLAIN)  # configuration, not secrets
            client_for(person).post(url, HARMLESS if is_plain else fields, headers=next(headers))


def use_amplify(client_for: ClientFor, world: World, amplify: AmplifyServer, value: str) -> None:
    """Connect the app, start a deployment and stop it, and disconnect, each by everyone."""
    app_id, dev = world.app.app_id, world.dev
    amplify.add_app(app_id, production_branch=world.main.name)
    amplify.add_branch(app_id, world.main.name)
    amplify.add_branch(app_id, dev.name)
    acts = (
        (reverse("app_connect", args=[app_id]), {}),
        (reverse("deployment_start", args=[app_id, dev.pk]), {"shown": value}),
        (reverse("deployment_start", args=[app_id, dev.pk]), {}),
        (reverse("deployment_stop", args=[app_id, dev.pk]), {"job": value}),
        (reverse("deployment_stop", args=[app_id, dev.pk]), {"job": "1"}),
        (reverse("app_disconnect", args=[app_id]), {}),
    )
    set_role(world, "olga", "owner")  # operators connect apps that they own
    with override_settings(AMPLIFY="on", AWS_REGION=REGION):
        for url, fields in acts:
            for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
                client_for(person).post(url, {"new-1-value": value, **fields}, headers=headers)
        client_for("olga").get(acts[0][0])
    jobs = amplify.jobs(app_id, dev.name)
    assert [job["summary"]["status"] for job in jobs] == ["CANCELLING"]
    world.app.members.filter(user=world.person("olga")).delete()


def use_hosting(client_for: ClientFor, world: World, value: str) -> None:
    """Claim a project, and let everyone add, change, reveal, remove and restore its values."""
    app_id = world.app.app_id
    page, project = (reverse(f"hosting_{it}", args=[app_id]) for it in ("values", "project"))
    release, reveals, removes, restores = (
        reverse(f"hosting_{it}", args=[app_id]) for it in ("release", "reveal", "remove", "restore")
    )
    set_role(world, "olga", "owner")  # operators claim projects for apps that they own
    place = {"place": "secret/dev/KEY"}
    with override_settings(PARAMETER_STORE="ssm", AWS_REGION=REGION):
        for person in EVERYONE:
            client_for(person).get(project, {"name": "@acme/web-shop"})
            client_for(person).post(project, {"name": "@acme/web-shop"})
        for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
            client = client_for(person)
            for kind in ("secret", "config"):
                new = {"kind": kind, "stage": "dev", "key": "a b", "value": value, "expected": ""}
                client.post(page, new, headers=headers)
            for key in ("KEY", f"KEY_{person or 'NOBODY'}"):
                fields = {"kind": "secret", "stage": "dev", "key": key, "value": value}
                client.post(page, fields | {"expected": ""}, headers=headers)
            client.post(page, place | {"value": value, "expected": "9"}, headers=headers)
            client.get(page, {"load": "1"})
            client.get(page, {"kind": "secret"}, headers=FRAGMENT)
            for url in (reveals, removes, restores):
                client.post(url, place | {"expected": "9"}, headers=headers)
        for url in (removes, restores):
            rows = client_for("alice").get(page, {"kind": "secret"}, headers=FRAGMENT)
            found = {row.key: row for it in rows.context["groups"] for row in it.rows}
            now = place | {"expected": found["KEY"].version}
            assert client_for("alice").post(url, now, headers=FRAGMENT).status_code == 200
    client_for("olga").post(release)
    world.app.members.filter(user=world.person("olga")).delete()


def export_activity(client_for: ClientFor, world: World) -> None:
    """Export the activity of the app and of the deployment."""
    urls = reverse("activity_export", args=[world.app.app_id]), reverse("all_activity_export")
    for person in EVERYONE:
        for url in urls:
            for kind in ("csv", "jsonl"):
                client_for(person).post(f"{url}?q=NEW", {"format": kind})


def operate(client_for: ClientFor, world: World) -> None:
    """Run the doctor and the store check, and scrape the metrics."""
    for url, headers in zip(("/operation/doctor/", "/operation/store/"), HEADERS, strict=False):
        client_for("olga").post(url, {"write": "on"}, headers=headers)
    prometheus = {"authorization": f"Bearer {settings.METRICS_TOKEN}"}
    client_for("").get("/metrics", headers=prometheus)


def remove(client_for: ClientFor, world: World) -> None:
    """Remove secrets, with and without permission, from an outdated page and a current one."""
    url = reverse("secrets_manage", args=[world.app.app_id])
    for person in EVERYONE:
        for secret in some_secrets(world)[::3]:
            for base in (99, secret.version):
                fields = {f"remove-{secret.pk}": "on", f"base-{secret.pk}": base}
                client_for(person).post(url, fields, headers=FRAGMENT)


def remove_selected(client_for: ClientFor, world: World) -> None:
    """Remove secrets that are selected in the matrix, with and without permission.

    First without a recycle bin, which asks, then from an outdated page and a current one.
    """
    url = reverse("compare_remove", args=[world.app.app_id])
    for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
        for secret in some_secrets(world)[1::3]:
            fields = {"scope": secret.branch_id or ""}
            token = f"{secret.pk}:{secret.base}"
            with override_settings(BIN_DAYS=0):
                client_for(person).post(url, fields | {"remove": token}, headers=headers)
            for chosen in (f"{secret.pk}:99", token):
                client_for(person).post(url, fields | {"remove": chosen}, headers=headers)


def remove_with_an_import(client_for: ClientFor, world: World) -> None:
    """Remove secrets that a text lacks, with and without permission."""
    url = reverse("import", args=[world.app.app_id])
    fields = {"text": "# nothing", "scope": world.main.pk, "absent": "remove"}
    for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
        page = client_for(person).post(url, fields, headers=headers)
        rows = page.context["rows"][:2] if "rows" in (page.context or ()) else ()
        chosen = [row["text"] for row in rows] or [f"secret {world.main.pk} 1:1 KEY"]
        signed = page.context["change_set"] if rows else ""
        save = {"action": "save", "remove": chosen, "change_set": signed}
        client_for(person).post(url, fields | save, headers=headers)


def use_recycle_bin(client_for: ClientFor, world: World) -> None:
    """Look at removed secrets, restore and delete them, with and without permission."""
    url = reverse("bin", args=[world.app.app_id])
    entries = [*kept(world.app)[:6]]
    assert entries
    for number, entry in enumerate(entries):
        name = "bin_restore" if number % 2 else "bin_delete"
        act = reverse(name, args=[world.app.app_id, "secret", entry.pk])
        for person, headers in zip(EVERYONE, cycle(HEADERS), strict=False):
            client_for(person).get(f"{url}?delete=secret-{entry.pk}&q=NEW", headers=headers)
            client_for(person).post(act, {"base": "99:99"}, headers=headers)
            client_for(person).post(act, headers=headers)
    assert not BinEntry.objects.filter(pk__in=[entry.pk for entry in entries]).exists()


def delete_branch(client_for: ClientFor, world: World) -> None:
    """Delete the production branch with its secrets, first without confirmation."""
    url = reverse("branch_delete", args=[world.app.app_id, world.main.pk])
    selected = [str(secret.pk) for secret in world.main.secrets.all()[:5]]
    for person in EVERYONE:
        for confirm in ("", world.main.name):
            client_for(person).post(url, {"remove": selected, "confirm": confirm})


def administer(client_for: ClientFor, world: World) -> None:
    """Search, filter and post changes, valid or not, in the admin."""
    olga = client_for("olga")
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


def send_mails(_visitor: ClientFor, world: World) -> None:
    """Mail every member about everything that happened."""
    for name in ROLES:
        choice = {"app": world.app, "user": world.person(name)}
        Subscription.objects.bulk_create(Subscription(**choice, kind=kind) for kind in Kind)
    now = timezone.now()
    append_links(all_rows=True)
    enqueue(now=now)
    assert deliver(now=now + DEBOUNCE).sent == len(ROLES)
    assert any("revealed the secret" in sent.body for sent in mail.outbox)


USES = (
    reveal,
    use_versions,
    compare_branches,
    copy_to_branches,
    copy_to_preview,
    undo,
    revalidate,
    repair_mirrors,
    decide_about_drift,
    copy_paths,
    adopt,
    import_from_gen1,
    administer,
    export_activity,
    operate,
)
REMOVALS = (
    remove,
    remove_selected,
    remove_with_an_import,
    use_recycle_bin,
    remove_unknown,
    delete_branch,
    send_mails,
)
