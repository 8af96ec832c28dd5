"""The only way to a value: right > record > store > projection. (Many at once: saving.py.)"""

from django.http import Http404

from console.access import Access, Permission, find_app
from console.actors import Actor
from console.audit import Action, Outcome, recording, refuse
from secrets_app import rows
from secrets_app.models import Secret
from secrets_app.paths import Folder, PathRefused
from secrets_app.places import place_of_secret
from secrets_app.store import parameter_store
from secrets_app.store.base import Reading, SecretValue
from secrets_app.store.errors import Conflict, NotFound, OutcomeUnknown, Rejected, StoreError


def find_secret(access: Access, pk: int) -> Secret:
    """Return one of the app's secrets. Raises Http404."""
    secret = access.app.secrets.select_related("branch").filter(pk=pk).first()
    if secret is None:
        raise Http404("No such secret.")
    return secret


def located(access: Access, secret: Secret) -> Folder:
    """Return where a secret stands. Raises Rejected where the app's path profile can't place it."""
    try:
        return place_of_secret(access.app, secret)
    except PathRefused as refusal:
        raise Rejected(str(refusal)) from None


def reveal(*, actor: Actor, app_id: str, pk: int) -> SecretValue:
    """Return a secret's value; the audit trail has it before the store is asked.

    Raises Http404, PermissionDenied, or a StoreError.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    target = rows.target_of(access, secret.branch, secret.key)
    with recording(
        actor, Action.SECRET_REVEALED, target, version_before=secret.version or None
    ) as entry:
        access.require_on(Permission.REVEAL, secret.branch)
        reading = _read(located(access, secret))
        entry.version_after = reading.parameter.version
    return reading.value


def _read(place: Folder) -> Reading:
    """Read the primary, or the mirror where nothing else stands."""
    store = parameter_store()
    for path in filter(None, [place.primary, place.mirror]):
        if reading := store.read([path]).get(path):
            return reading
    raise NotFound


def put_mirror_right(*, actor: Actor, app_id: str, pk: int, shown: tuple[int, int]) -> str:
    """Make primary and mirror hold the same value; return what was done, in words.

    The primary's value counts; where only the mirror stands, its value. `shown` are the versions of
    both that the person decided on. Raises as `reveal` does, and Conflict where one has moved.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    if not access.may_on(Permission.WRITE, secret.branch):
        refuse(actor, Action.MIRROR_REPAIRED, rows.target_of(access, secret.branch, secret.key))
    access.require_on(Permission.WRITE, secret.branch)
    place = located(access, secret)
    if place.mirror is None:
        raise Rejected(place.note or "This secret has one path alone; there is no mirror.")
    spot = rows.Spot(secret.branch, secret.key, place.primary)
    [look] = rows.look(parameter_store(), access.app, [spot])
    try:
        claimed = rows.claim(access, Action.MIRROR_REPAIRED, look)
    except (rows.Busy, rows.Stale):
        raise Conflict("Someone is saving this secret at this moment. Try again.") from None
    try:
        return _align(claimed, place.primary, place.mirror, shown)
    except StoreError as error:
        unknown = isinstance(error, OutcomeUnknown)
        rows.finish(claimed, Outcome.UNKNOWN if unknown else Outcome.FAILED, detail=error.code)
        raise


def _align(claimed: rows.Claimed, primary: str, mirror: str, shown: tuple[int, int]) -> str:
    store = parameter_store()
    readings = store.read([primary, mirror])
    source, other = readings.get(primary), readings.get(mirror)
    version, mirror_version = (r.parameter.version if r else 0 for r in (source, other))
    if (version, mirror_version) != shown:
        raise Conflict("This secret changed since the page was loaded. Look again, then decide.")
    if source and other and source.value == other.value:
        done = "Both paths hold the same value; nothing had to be written."
    elif source:
        mirror_version = store.put(mirror, source.value, overwrite=other is not None).version
        done = "The mirror holds the secret's value now."
    elif other:
        version = store.put(primary, other.value, overwrite=False).version
        done = "The backend path holds the value of the documented one now."
    else:
        raise NotFound
    rows.finish_mirror(claimed, version, mirror_version, done)
    return done
