"""One table says who may do each act, and whether it asks for recent re-authentication.

The walk posts to every URL with a session that signed in an hour ago. A URL that isn't here fails.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from console.access import acts
from console.access.actions import Action
from console.access.acts import RULES, Asks, ConfirmationRequired
from console.access.policy import ROLE_PERMISSIONS, Permission
from console.audit.events import Target, recording
from console.lib.paths import BASE_DIR
from console.models import AuditEvent, Invitation, Member
from secrets_app.models import Secret
from tests.console.access.routes import url_of
from tests.console.access.test_matrix import ROWS, bodies, expected
from tests.console.conftest import FORM, rolled_back
from tests.fixtures.people import World

__all__ = ["bodies"]
pytestmark = pytest.mark.usefixtures("no_logging")

APP = "/apps/<str:app_id>"
MEMBERS = f"{APP}/settings/members"
SECRETS = f"{APP}/hosting/secrets"
VARIABLES = f"{APP}/hosting/environment-variables"
BUILD = f"{APP}/hosting/build-settings"
DEPLOYMENTS = f"{APP}/hosting/deployments"
FACTORS = "/accounts/second-factor"

# The acts of each URL that takes posts, or why it has none
URLS: dict[str, tuple[Action, ...] | str] = {
    "/apps/new/": (Action.APP_CREATED,),
    "/apps/import/": (Action.APP_IMPORTED, Action.APP_CONNECTED),
    f"{APP}/settings/amplify/": (Action.APP_CONNECTED,),
    f"{APP}/settings/amplify/disconnect/": (Action.APP_DISCONNECTED,),
    f"{APP}/hosting/self-managed/": (
        *(Action.HOSTING_SECRET_CREATED, Action.HOSTING_SECRET_CHANGED),
        *(Action.HOSTING_CONFIG_CREATED, Action.HOSTING_CONFIG_CHANGED),
    ),
    f"{APP}/hosting/self-managed/reveal/": (
        *(Action.HOSTING_SECRET_REVEALED, Action.HOSTING_CONFIG_REVEALED),
    ),
    f"{APP}/hosting/self-managed/remove/": (
        *(Action.HOSTING_SECRET_REMOVED, Action.HOSTING_CONFIG_REMOVED),
    ),
    f"{APP}/hosting/self-managed/restore/": (Action.HOSTING_SECRET_RESTORED,),
    f"{APP}/settings/hosting-project/": (Action.HOSTING_CLAIMED,),
    f"{APP}/settings/hosting-project/release/": (Action.HOSTING_RELEASED,),
    f"{APP}/amplify/refresh/": "It reads Amplify and decrypts nothing. Anyone may look.",
    f"{APP}/compare/": (Action.SECRET_COMPARED,),
    f"{APP}/compare/<int:pk>/": (Action.SECRET_REVEALED, Action.SECRET_CREATED),
    f"{APP}/compare/check/": "It compares with the stores, and decrypts nothing. Anyone may look.",
    f"{APP}/compare/code/": "It compares keys with those in a zip. Anyone may look.",
    f"{APP}/compare/copy/": (Action.SECRET_REVEALED, Action.SECRET_CREATED),
    f"{APP}/compare/remove/": (Action.SECRET_REMOVED, Action.VARIABLE_REMOVED),
    f"{APP}/check/": "It compares with the stores, and decrypts nothing. Anyone may look.",
    f"{APP}/first-steps/hide/": (Action.STEPS_HIDDEN,),
    f"{APP}/changes/<uuid:change_set>/": (Action.CHANGES_UNDONE, Action.SECRET_REMOVED),
    f"{APP}/warnings/": (Action.WARNING_DISMISSED, Action.WARNING_SHOWN),
    f"{APP}/activity/export/": (Action.AUDIT_EXPORTED,),
    "/activity/export/": (Action.AUDIT_EXPORTED,),
    f"{APP}/settings/general/": (Action.APP_CHANGED,),
    f"{APP}/settings/branches/add/": (Action.BRANCH_ADDED,),
    f"{APP}/settings/branches/<int:pk>/": (Action.BRANCH_CHANGED,),
    f"{APP}/settings/branches/<int:pk>/delete/": (Action.BRANCH_DELETED, Action.SECRET_REMOVED),
    f"{APP}/settings/previews/": (Action.PREVIEWS_CHANGED,),
    f"{APP}/settings/notifications/": (Action.NOTICES_CHOSEN,),
    f"{APP}/hosting/secrets/bin/<str:noun>/<int:pk>/restore/": (
        Action.BIN_RESTORED,
        Action.BRANCH_ADDED,
    ),
    f"{APP}/hosting/secrets/bin/<str:noun>/<int:pk>/delete/": (Action.BIN_DELETED,),
    f"{MEMBERS}/invite/": (Action.MEMBER_INVITED,),
    f"{MEMBERS}/group/": (Action.MEMBER_SET,),
    f"{MEMBERS}/<int:pk>/": (Action.MEMBER_SET,),
    f"{MEMBERS}/<int:pk>/remove/": (Action.MEMBER_REMOVED,),
    f"{MEMBERS}/people/<int:pk>/known/": (Action.SECRET_ROTATED, Action.EXPOSURE_EXPORTED),
    f"{MEMBERS}/people/<int:pk>/confirm/": (Action.ACCOUNT_CONFIRMED,),
    f"{MEMBERS}/invitations/<int:pk>/withdraw/": (Action.MEMBER_UNINVITED,),
    "/people/<int:pk>/known/": (Action.SECRET_ROTATED, Action.EXPOSURE_EXPORTED),
    f"{SECRETS}/manage/": (Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_REMOVED),
    f"{SECRETS}/import/": (
        *(Action.SECRET_CREATED, Action.SECRET_CHANGED, Action.SECRET_COMPARED),
        *(Action.VARIABLE_CREATED, Action.VARIABLE_CHANGED),
        *(Action.SECRET_REMOVED, Action.VARIABLE_REMOVED),
    ),
    f"{SECRETS}/revalidate/": "It compares with the store, and decrypts nothing.",
    f"{SECRETS}/<int:pk>/note/": (Action.NOTE_CHANGED, Action.NOTE_ERASED),
    f"{SECRETS}/<int:pk>/type/": (Action.TYPE_CHANGED,),
    f"{SECRETS}/<int:pk>/reveal/": (Action.SECRET_REVEALED,),
    f"{SECRETS}/<int:pk>/versions/compare/": (Action.SECRET_COMPARED,),
    f"{SECRETS}/<int:pk>/versions/restore/": (Action.VERSION_RESTORED, Action.SECRET_CHANGED),
    f"{SECRETS}/copy/": (Action.APP_CHANGED,),
    f"{SECRETS}/drift/check/": "It compares with the store, and decrypts nothing.",
    f"{SECRETS}/drift/<int:pk>/put-back/": (
        *(Action.VERSION_RESTORED, Action.SECRET_CHANGED, Action.SECRET_REMOVED),
        Action.MIRROR_REPAIRED,
    ),
    f"{SECRETS}/drift/<int:pk>/take/": (Action.DRIFT_TAKEN, Action.SECRET_REMOVED),
    f"{SECRETS}/drift/<int:pk>/ignore/": (Action.DRIFT_IGNORED,),
    f"{SECRETS}/gen1/": (Action.PARAMETER_READ, Action.SECRET_CREATED),
    f"{SECRETS}/unknown/<int:pk>/branch/": "It adds the branch protected, which asks nothing.",
    f"{SECRETS}/unknown/move/": (Action.PARAMETER_REMOVED, Action.SECRET_REMOVED),
    f"{SECRETS}/mirrors/": (Action.MIRROR_REPAIRED,),
    f"{SECRETS}/<int:pk>/mirror/": (Action.MIRROR_REPAIRED,),
    f"{SECRETS}/<int:pk>/encrypt/": (Action.SECRET_ENCRYPTED,),
    f"{VARIABLES}/manage/": (Action.VARIABLE_CREATED, Action.VARIABLE_CHANGED),
    f"{VARIABLES}/bulk/": (Action.VARIABLE_CREATED, Action.VARIABLE_CHANGED),
    f"{VARIABLES}/copy/": (Action.VARIABLE_CREATED, Action.VARIABLE_CHANGED),
    f"{VARIABLES}/<int:pk>/note/": (Action.NOTE_CHANGED, Action.NOTE_ERASED),
    f"{VARIABLES}/<int:pk>/type/": (Action.TYPE_CHANGED,),
    f"{VARIABLES}/<int:pk>/forget/": (Action.VARIABLE_REMOVED,),
    f"{VARIABLES}/<int:pk>/restore/": (Action.VARIABLE_CHANGED,),
    f"{VARIABLES}/<int:pk>/move/": (Action.SECRET_CREATED, Action.VARIABLE_MOVED),
    f"{VARIABLES}/amplify/push/": "It pushes for those who saved, if they still may.",
    f"{VARIABLES}/amplify/<int:pk>/use/": (Action.VARIABLE_CREATED, Action.VARIABLE_CHANGED),
    f"{VARIABLES}/amplify/<int:pk>/keep/": (Action.VARIABLE_KEPT, Action.VARIABLE_PUSHED),
    f"{BUILD}/amplify/use/": (Action.BUILD_CHANGED,),
    f"{BUILD}/amplify/keep/": (Action.BUILD_KEPT, Action.BUILD_PUSHED),
    f"{BUILD}/edit/": (Action.BUILD_CHANGED,),
    f"{BUILD}/remove/": (Action.BUILD_REMOVED,),
    f"{BUILD}/pipe/": "It only shows lines to copy.",
    f"{BUILD}/versions/<int:pk>/restore/": (Action.BUILD_CHANGED,),
    f"{DEPLOYMENTS}/refresh/": "It reads from Amplify, and changes nothing there.",
    f"{DEPLOYMENTS}/<int:pk>/start/": (Action.DEPLOYMENT_STARTED,),
    f"{DEPLOYMENTS}/<int:pk>/stop/": (Action.DEPLOYMENT_STOPPED,),
    "/operation/doctor/": (Action.STORE_PROBED,),
    "/operation/orphans/": "It lists the store, and decrypts nothing.",
    "/operation/store/": "It asks the store whether it answers.",
    "/setup/<str:token>/": (Action.OPERATOR_CREATED,),
    "/invitations/<str:token>/": (Action.MEMBER_JOINED,),
    "/accounts/login/": (Action.SIGN_IN,),
    "/accounts/passkey/": (Action.SIGN_IN,),
    "/accounts/code/": (Action.SIGN_IN,),
    "/accounts/signup/": "It is closed.",
    "/accounts/logout/": (Action.SIGN_OUT,),
    "/accounts/single-sign-on/": "It leads to the provider.",
    "/accounts/single-sign-on/callback/": (Action.SIGN_IN,),
    "/accounts/reauthenticate/": (Action.IDENTITY_CONFIRMED,),
    "/accounts/reauthenticate/code/": (Action.IDENTITY_CONFIRMED,),
    "/accounts/reauthenticate/passkey/": (Action.IDENTITY_CONFIRMED,),
    "/accounts/password/change/": (Action.PASSWORD_CHANGED,),
    "/accounts/link/<str:token>/": (Action.ACCOUNT_RESET,),
    "/accounts/suspension/end/": "It asks for what proves the person.",
    "/accounts/sessions/": (Action.SESSION_ENDED,),
    "/accounts/preferences/": "It changes how pages look for the person alone.",
    f"{FACTORS}/app/add/": (Action.FACTOR_ADDED,),
    f"{FACTORS}/app/remove/": (Action.FACTOR_REMOVED,),
    f"{FACTORS}/passkeys/": "It leads to the list.",
    f"{FACTORS}/passkeys/add/": (Action.FACTOR_ADDED,),
    f"{FACTORS}/passkeys/<int:pk>/rename/": (Action.FACTOR_ADDED,),
    f"{FACTORS}/passkeys/<int:pk>/remove/": (Action.FACTOR_REMOVED,),
    f"{FACTORS}/recovery-codes/": (Action.FACTOR_ADDED,),
    "/admin/login/": "It leads to the sign-in page.",
    "/admin/logout/": (Action.SIGN_OUT,),
}
# The admin asks before any other post. What asks at times does so with these fields:
ASKING_FIELDS: dict[str, dict[str, Any]] = {
    f"{APP}/activity/export/": {"format": "csv"},
    "/activity/export/": {"format": "csv"},
    f"{APP}/settings/general/": {"name": "Shop", "path_profile": "backend"},
    f"{APP}/settings/branches/<int:pk>/": {"stage": "BETA"},
    f"{APP}/hosting/secrets/bin/<str:noun>/<int:pk>/restore/": {"to": ""},
    f"{APP}/settings/hosting-project/": {"name": "web-shop"},
    f"{MEMBERS}/people/<int:pk>/known/": {"action": "export"},
    "/people/<int:pk>/known/": {"action": "export"},
}
ASKED_FORMS = [
    *("/apps/new/", f"{APP}/settings/general/", f"{APP}/settings/branches/add/"),
    *(f"{APP}/settings/branches/<int:pk>/", f"{MEMBERS}/invite/", f"{MEMBERS}/group/"),
    f"{MEMBERS}/<int:pk>/",
]
PREVIEWS = {f"{VARIABLES}/bulk/", f"{VARIABLES}/copy/"}
COLUMN = {"vera": 2, "bob": 3, "mia": 4, "alice": 5, "olga": 6}


def takes_posts(route: str) -> bool:
    """Return True if a user gets another answer to a post than that there is nothing to post."""
    return any(expected(route, "POST", column) not in {404, 405} for column in range(1, 7))


def is_admin(route: str) -> bool:
    return route.startswith("/admin/") and route not in URLS


def asks(route: str) -> bool:
    """Return True if the table says that one of the URL's acts asks."""
    found = URLS.get(route, ())
    rules = [RULES[action].reauthentication for action in found if isinstance(found, tuple)]
    return is_admin(route) or any(isinstance(rule, Asks) for rule in rules)


def test_every_act_has_a_rule() -> None:
    assert set(RULES) == set(Action)
    for rule in RULES.values():
        words = rule.reauthentication
        assert words.to if isinstance(words, Asks) else words.reason


def test_every_url_has_its_acts() -> None:
    found = {route for route in ROWS if takes_posts(route) and not is_admin(route)}
    assert found - set(URLS) == set()
    assert set(URLS) <= set(ROWS)


@pytest.fixture
def stale_post(
    client_for: Callable[[str], Client],
    world: World,
    secret: Secret,
    bodies: dict[str, Any],
    settings: Any,
) -> Callable[..., tuple[Any, int]]:
    """Return a function that posts to a URL in an old session and undoes the effect.

    It gives the response and the number of new audit events.
    """
    world.dev.protected = True  # so that what asks at times does
    world.dev.save()
    settings.AMPLIFY = "on"  # but nothing is called before the question
    Member.objects.create(app=world.app, user=world.person("olga"), role="owner")

    def post(name: str, route: str) -> tuple[Any, int]:
        client = stale(client_for(name))
        fields = ASKING_FIELDS.get(route) or bodies.get(route) or {}
        with rolled_back():
            url = url_of(route, world, secret)
            before = AuditEvent.objects.count()
            response = client.generic("POST", url, urlencode(fields, doseq=True), FORM)
            return response, AuditEvent.objects.count() - before

    return post


def stale(client: Client) -> Client:
    """Make the session an hour old."""
    session = client.session
    session["confirmed_at"] -= 3600
    session.save()
    return client


def is_asked(response: Any) -> bool:
    """Return True if the page asks for re-authentication, or leads to where that happens."""
    leads = response.get("Location", "").startswith("/accounts/reauthenticate/?next=")
    return leads or b'name="confirm-password"' in getattr(response, "content", b"")


# Forms of the admin that nobody can post
NOT_FOR_ANYONE = {
    f"/admin/{model}/{page}/"
    for model in ("socialaccount/socialaccount",)
    for page in ("add", "<path:object_id>/change")
}
ONLY_OPERATORS = (
    *("/admin/", "/apps/new/", "/apps/import/", "/activity/", "/people/", "/operation/"),
    *(f"{APP}/settings/amplify/", f"{APP}/settings/hosting-project/"),
)


def test_it_works(stale_post: Callable[..., tuple[Any, int]]) -> None:
    wrong = []
    for route in filter(takes_posts, ROWS):
        name = "olga" if route.startswith(ONLY_OPERATORS) else "alice"
        response, events = stale_post(name, route)
        if route in NOT_FOR_ANYONE:
            is_right = response.status_code == 403
        else:
            is_right = is_asked(response) == asks(route)
        if not is_right or (is_asked(response) and events):
            wrong.append((route, response.status_code, events))
    assert wrong == []


@pytest.mark.parametrize("route", ASKED_FORMS)
def test_the_form_comes_back_as_it_was_typed(
    stale_post: Callable[..., tuple[Any, int]], bodies: dict[str, Any], route: str
) -> None:
    response, _ = stale_post("olga" if route == "/apps/new/" else "alice", route)
    assert response.status_code == 403
    form = response.context["form"]
    typed = ASKING_FIELDS.get(route) or bodies[route]
    assert {name: form[name].value() for name in typed} == {
        name: str(value) for name, value in typed.items()
    }


def test_passwords_are_not_shown_again(client_for: Callable[[str], Client]) -> None:
    typed = {"email": "new@example.org", "usable_password": "true"}
    typed |= dict.fromkeys(("password1", "password2", "confirm-password"), "typed by olga")
    response = stale(client_for("olga")).post("/admin/console/user/add/", typed)
    assert is_asked(response)
    assert "new@example.org" in response.text
    assert "typed by olga" not in response.text


STEPS = {
    "unprotect": ("settings/branches/{main}/", {"stage": "PRODUCTION", "production": "on"}),
    "invite": ("settings/members/invite/", {"email": "thief@example.org", "role": "owner"}),
    "role": ("settings/members/{vera}/", {"role": "owner"}),
}


@pytest.mark.parametrize("step", STEPS)
def test_old_session_cannot_prepare_a_reveal(
    world: World, client_for: Callable[[str], Client], step: str
) -> None:
    vera = Member.objects.create(app=world.app, user=world.person("charlie"), role="viewer")
    alice = stale(client_for("alice"))
    path, fields = STEPS[step]
    url = f"/apps/d1shop/{path.format(main=world.main.pk, vera=vera.pk)}"
    alice.post(url, fields)
    world.main.refresh_from_db()
    vera.refresh_from_db()
    assert (world.main.protected, vera.role) == (True, "viewer")
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    "action", [a for a in Action if isinstance(RULES[a].reauthentication, Asks)]
)
def test_services_refuse(world: World, action: Action) -> None:
    asked = RULES[action].reauthentication
    assert isinstance(asked, Asks)
    old = world.old_actor("alice")
    with pytest.raises(ConfirmationRequired, match="Confirm your identity"):
        acts.require_recent(old, action)
    if not asked.only_if:
        with pytest.raises(ConfirmationRequired), recording(old, action, Target()):
            pass
        assert not AuditEvent.objects.filter(action=action).exists()


def test_clock_that_was_set_back(world: World) -> None:
    ahead = replace(world.actor("alice"), confirmed_at=time.time() + 3600)
    with pytest.raises(ConfirmationRequired):
        acts.require_recent(ahead, Action.MEMBER_INVITED)


@pytest.mark.parametrize("kind", ["command", "console"])
def test_kinds_that_cannot_be_asked(world: World, kind: str) -> None:
    acts.require_recent(world.old_actor("alice", kind=kind), Action.MEMBER_INVITED)


def test_tokens_are_refused(world: World) -> None:
    with pytest.raises(ConfirmationRequired):
        acts.require_recent(world.old_actor("alice", kind="token"), Action.MEMBER_INVITED)


@pytest.mark.parametrize("role", ["vera", "bob", "mia", "alice"])
def test_table_names_the_permission_that_counts(role: str) -> None:
    """Compare with the matrix, which posts what has to do with the unprotected branch dev."""
    names = {"vera": "viewer", "bob": "developer", "mia": "maintainer", "alice": "owner"}
    wrong = []
    for route, found in URLS.items():
        first = RULES[found[0]].who if isinstance(found, tuple) and found else None
        if not isinstance(first, Permission) or not route.startswith(APP):
            continue
        if first in {Permission.WRITE, Permission.REVEAL} and any(
            part in route for part in (BUILD, "/type/", "/gen1/")
        ):
            first = Permission.WRITE_PROTECTED  # the rows there are for All branches
        status = expected(route, "POST", COLUMN[role])
        # Edit mode answers 422 to a row that is denied; bulk edit and copying start with a preview.
        is_allowed = status in {200, 302, 400} or (status == 422 and "/manage/" not in route)
        if is_allowed != (first in ROLE_PERMISSIONS[names[role]]) and route not in PREVIEWS:
            wrong.append((route, status))
    assert wrong == []


def test_documented() -> None:
    text = (BASE_DIR / "docs" / "sign-in.md").read_text()
    for rule in RULES.values():
        if isinstance(rule.reauthentication, Asks):
            assert rule.reauthentication.to in text
