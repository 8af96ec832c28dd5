"""`manage.py rotate_keys`: everything under the newest of ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import CommandError

from console.cli.base import ConsoleCommand, someone_at_the_machine
from console.cli.terminal import Exit
from secrets_app.ops.key_rotation import Rotated, rotate

SHOWN = 20  # of what can't be read
DONE = "Re-encrypted secret versions: {:,}, second factors: {:,}."
WHOLE = (
    "The older keys are no longer needed. Once every process runs with the new key first, remove "
    "them from ENCRYPTION_KEYS, and keep them with the backups made until now."
)
LEFT = (
    "Versions written with an older key during this run: {:,}. Start every Branchkeep process "
    "with the new key first, then run this again. Keep the older keys until then."
)
UNREADABLE = (
    "No key in ENCRYPTION_KEYS decrypts the following, so they were not changed. Keep the older "
    "keys:"
)
LOST = "Second factors that no key decrypts, as before: {:,}. An operator can remove them."


class Command(ConsoleCommand):
    """Rotate while the console runs; who was interrupted runs it again."""

    help = (
        "Re-encrypt the embedded store and second factors with the newest key in ENCRYPTION_KEYS."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many, and whether the older keys can go; end with 1 where they can't."""
        rotated = rotate(actor=someone_at_the_machine())
        self.stdout.write(DONE.format(rotated.versions.done, rotated.factors))
        if rotated.lost_factors:
            self.note(LOST.format(rotated.lost_factors))
        if not rotated.whole:
            raise CommandError("\n".join(_problems(rotated)), returncode=Exit.REFUSED)
        self.stdout.write(WHOLE)


def _problems(rotated: Rotated) -> list[str]:
    versions = rotated.versions
    lines = [LEFT.format(versions.left)] if versions.left else []
    if versions.unreadable:
        lines += [UNREADABLE, *list(versions.unreadable.values())[:SHOWN]]
    return lines
