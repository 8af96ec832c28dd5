"""`manage.py rotate_keys`: re-encrypt everything with the newest of ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import CommandError

from console.cli.base import ConsoleCommand, machine_actor
from console.cli.terminal import Exit
from secrets_app.ops.key_rotation import RotationResult, rotate

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
    """Rotate keys while Branchkeep runs. After an interruption, run it again."""

    help = (
        "Re-encrypt the embedded store and second factors with the newest key in ENCRYPTION_KEYS."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how much was re-encrypted. Exits with 1 if older keys are still needed."""
        rotated = rotate(actor=machine_actor())
        self.stdout.write(DONE.format(rotated.versions.reencrypted, rotated.factors))
        if rotated.lost_factors:
            self.note(LOST.format(rotated.lost_factors))
        if not rotated.is_complete:
            raise CommandError("\n".join(_problems(rotated)), returncode=Exit.REFUSED)
        self.stdout.write(WHOLE)


def _problems(rotated: RotationResult) -> list[str]:
    versions = rotated.versions
    lines = [LEFT.format(versions.remaining)] if versions.remaining else []
    if versions.unreadable:
        lines += [UNREADABLE, *list(versions.unreadable.values())[:SHOWN]]
    return lines
