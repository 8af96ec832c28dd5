"""Commands: what each row of a save asks for."""

from dataclasses import dataclass, field

from django.conf import settings

from console.lib.text.invisible import LINE_BREAK, has_line_break_at_end
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Rejected
from secrets_app.store.limits import check_value

NO_BIN = (
    "Nothing is removed yet. The recycle bin is turned off, so you can't restore this secret "
    "afterward. Remove it for good?"
)


class InvalidField(Exception):
    """A field of a command that can't be saved, and a message that says what to do."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(field)


@dataclass(frozen=True)
class SecretCommand:
    """One row of a save: which secret it is about, and the state that the row was based on.

    `token` is the row's name in the form. `secret_id` names an existing secret; a new one has a
    `key` and a `branch_id` (None is All branches) instead. `expected_version` is the version that
    the page showed, 0 for none. `revision` (`secrets_app.revisions`) tells apart secrets of the
    same version; None accepts either.
    """

    token: str
    secret_id: int | None = None
    key: str = ""
    branch_id: int | None = None
    expected_version: int = 0
    revision: int | None = None

    def check_fields(self) -> None:
        """Raise InvalidField for a field that no secret can have. The key is checked elsewhere."""


@dataclass(frozen=True)
class SetSecret(SecretCommand):
    """Create a secret, or give it a new value.

    Without `line_breaks`, a value that starts or ends with a line break is refused. `key_id` names
    the KMS key of a new secret, "" the default one, and `advanced` puts it into the Advanced tier.
    `origin` is the audit event of what the value was copied from, None for one that was typed. One
    that `puts_back` what was there may add a secret on a deleted branch. With `any_type` the value
    is saved whatever the type of its key, because it was saved before.
    """

    value: SecretValue = field(kw_only=True)
    line_breaks: bool = True
    key_id: str = ""
    advanced: bool = False
    origin: int | None = None
    puts_back: bool = False
    any_type: bool = False

    def check_fields(self) -> None:
        """Raise InvalidField if the value can't be stored."""
        if not self.line_breaks and has_line_break_at_end(self.value.reveal()):
            raise InvalidField("line_breaks", LINE_BREAK)
        try:
            check_value(self.value)
        except Rejected as rejection:
            raise InvalidField("value", rejection.message) from None


@dataclass(frozen=True)
class DeleteSecret(SecretCommand):
    """Remove a secret from every path that it has. A copy is kept in the recycle bin.

    If none can be made, or there is no recycle bin, it is removed only with `without_copy`.
    """

    without_copy: bool = False

    def check_fields(self) -> None:
        """Raise InvalidField if no copy would be kept, and nobody has decided about that."""
        if not settings.BIN_DAYS and not self.without_copy:
            raise InvalidField("copy", NO_BIN)
