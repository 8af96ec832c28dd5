"""Repairing a mirror: primary and mirror hold the same value again."""

from console.access.actors import Actor
from console.access.policy import Permission, find_app
from console.audit.events import Action, Outcome, refuse
from secrets_app.locations import find_secret, located
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict, NotFound, OutcomeUnknown, Rejected, StoreError
from secrets_app.writes import leases

MOVED = "This secret changed after you opened the page. Review it, then decide."


def put_mirror_right(*, actor: Actor, app_id: str, pk: int, shown: tuple[int, int]) -> str:
    """Make primary and mirror hold the same value; return what was done, in words.

    The primary's value counts; where only the mirror stands, its value. `shown` are the versions of
    both that the person decided on. Raises as `reveal` does, and Conflict where one has moved.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    if not access.may_on(Permission.WRITE, secret.branch):
        refuse(actor, Action.MIRROR_REPAIRED, leases.target_of(access, secret.branch, secret.key))
    access.require_on(Permission.WRITE, secret.branch)
    place = located(access, secret)
    if place.mirror is None:
        raise Rejected(place.note or "This secret has only one path, so it has no mirror.")
    spot = leases.Spot(secret.branch, secret.key, place.primary)
    [look] = leases.look(parameter_store(), access.app, [spot])
    if look.secret is None or look.secret.pk != pk:  # removed; another may have its versions by now
        raise Conflict(MOVED)
    try:
        claimed = leases.claim(access, Action.MIRROR_REPAIRED, look)
    except (leases.Busy, leases.Stale):
        raise Conflict("Someone is saving this secret right now. Try again.") from None
    try:
        return _align(claimed, place.primary, place.mirror, shown)
    except StoreError as error:
        unknown = isinstance(error, OutcomeUnknown)
        leases.finish(claimed, Outcome.UNKNOWN if unknown else Outcome.FAILED, detail=error.code)
        raise


def _align(claimed: leases.Claimed, primary: str, mirror: str, shown: tuple[int, int]) -> str:
    store = parameter_store()
    readings = store.read([primary, mirror])
    source, other = readings.get(primary), readings.get(mirror)
    version, mirror_version = (r.parameter.version if r else 0 for r in (source, other))
    if (version, mirror_version) != shown:
        raise Conflict(MOVED)
    if source and other and source.value == other.value:
        done = "Both paths already hold the same value. Nothing was written."
    elif source:
        mirror_version = store.put(mirror, source.value, overwrite=other is not None).version
        done = "The mirror now holds the secret's value."
    elif other:
        version = store.put(primary, other.value, overwrite=False).version
        done = "The backend path now holds the documented path's value."
    else:
        raise NotFound
    leases.finish_mirror(claimed, version, mirror_version, done)
    return done
