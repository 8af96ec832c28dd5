"""The doctor's checks of the recycle bin: whether it is tended, and whether it can be filled."""

import secrets
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from console.lib.health import CheckResult
from console.models import App
from secrets_app.models import BinEntry, BinState
from secrets_app.paths import bin_folder, bin_path
from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.store.errors import AccessDenied, StoreError

NAME = "Recycle bin"
FOLDERS = "Store: recycle bin"
LATE = timedelta(hours=1)
MAX_APPS = 20  # that one run tries
MAX_LISTED = 1_000  # copies that one run looks up: twenty calls of the store
UNKNOWN = "Copies of removed secrets without an entry in the database: {:,}, such as {}."
UNKNOWN_HINT = (
    "They were made after the backup that this database was restored from, by another console, or "
    "by a check that was cut off. Nobody can restore them, and nothing deletes them. Delete them "
    "by hand, unless another console uses the app."
)


def recycle_bin() -> CheckResult:
    """Check that what is due in the recycle bin is deleted or finished."""
    late = timezone.now() - LATE
    kept = BinEntry.objects.filter(state=BinState.KEPT).count()
    unfinished = ~Q(state=BinState.KEPT) & Q(claim__at__lt=late)
    overdue = BinEntry.objects.filter(Q(expires_at__lt=late) | unfinished).count()
    if overdue:
        message = f"{overdue:,} removed secrets should have left the recycle bin an hour ago."
        hint = "Run `manage.py purge_bin`, which says what the store returns."
        return CheckResult.warning(NAME, message, hint)
    if not settings.BIN_DAYS:
        return CheckResult.ok(NAME, f"Turned off by BIN_DAYS. It still has {kept:,} secrets.")
    return CheckResult.ok(NAME, f"Removed secrets in it: {kept:,}.")


def try_folders(store: ParameterStore) -> CheckResult:
    """Write a parameter to the recycle bin of each app, read it, and remove it.

    Then look for copies there that nobody can restore.
    """
    if not settings.BIN_DAYS:
        return CheckResult.skipped(FOLDERS, "There is none, because BIN_DAYS is 0.")
    denied: list[str] = []
    for app in App.objects.order_by("app_id")[:MAX_APPS]:
        path = bin_path(app.app_id, f"doctor-{secrets.token_hex(8)}", "PROBE")
        try:
            if _may_write(store, path):
                _read_and_remove(store, path)
            else:
                denied.append(app.app_id)
        except StoreError as error:
            hint = (
                f"The store returned {error.code}. The identity must write, read and delete there, "
                f"as docs/deploy.md shows. If it exists, remove {path} by hand."
            )
            return CheckResult.error(FOLDERS, error.message, hint)
    if denied:
        message = f"Removed secrets can't be kept for: {', '.join(denied)}. Removals ask first."
        hint = "Allow the recycle bin's paths for Branchkeep's identity, as docs/deploy.md shows."
        return CheckResult.warning(FOLDERS, message, hint)
    if unknown := _unknown_copies(store):
        return CheckResult.warning(FOLDERS, UNKNOWN.format(len(unknown), unknown[0]), UNKNOWN_HINT)
    return CheckResult.ok(FOLDERS, "Works.")


def _unknown_copies(store: ParameterStore) -> list[str]:
    """Return the paths of copies that have no entry, among the first MAX_LISTED.

    Young ones are left out: they may be those of another check that is running.
    """
    apps = App.objects.order_by("app_id").values_list("app_id", flat=True)[:MAX_APPS]
    try:
        found = islice(store.list(map(bin_folder, apps)), MAX_LISTED)
        old = timezone.now() - LATE
        paths = {it.path.split("/")[4]: it.path for it in found if it.modified < old}
    except StoreError:
        return []  # another check tells
    known = {*BinEntry.objects.filter(copy_id__in=paths).values_list("copy_id", flat=True)}
    return [path for copy_id, path in paths.items() if copy_id not in known]


def _may_write(store: ParameterStore, path: str) -> bool:
    try:
        store.put(path, SecretValue("probe"), overwrite=False)
    except AccessDenied:
        return False
    return True


def _read_and_remove(store: ParameterStore, path: str) -> None:
    """Read the parameter as a restore does, and remove it. Raises the StoreError of either."""
    try:
        store.read([path])
    finally:
        store.remove([path])
