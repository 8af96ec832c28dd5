"""`manage.py rotate_keys`: everything under the newest of ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import CommandError

from console.cli.base import ConsoleCommand, someone_at_the_machine
from console.cli.terminal import Exit
from secrets_app.ops.key_rotation import Rotated, rotate

SHOWN = 20  # of what can't be read
DONE = "Encrypted anew: versions of secrets: {:,}, second factors: {:,}."
WHOLE = (
    "Nothing needs the older keys now. Take them out of ENCRYPTION_KEYS once every process has "
    "started with the new one in front, and keep them with the backups from before."
)
LEFT = (
    "Versions that were written with an older key meanwhile: {:,}. Start every process of the "
    "console with the new key in front, then run this again. Until then keep the older keys."
)
UNREADABLE = "No key of ENCRYPTION_KEYS opens these, which stay as they are. Keep the older keys:"
LOST = "Second factors that no key opens, as before: {:,}. An operator can remove them."


class Command(ConsoleCommand):
    """Rotate while the console runs; who was interrupted runs it again."""

    help = "Encrypt the embedded store and second factors anew with the newest of ENCRYPTION_KEYS."

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
