"""What one row of a Save asks for."""

from dataclasses import dataclass

from secrets_app.store.base import SecretValue


@dataclass(frozen=True)
class Change:
    """One row of a Save.

    `token` is the form's own name of the row. `secret_id` names a known secret; a new one comes
    with `key` and `branch_id` (None is All branches). `value` None removes. `base` is the version
    that the page was rendered with; 0 creates. `life` tells which secret of that version it is
    (`secrets_app.revisions`), None leaves it open.
    """

    token: str
    secret_id: int | None = None
    key: str = ""
    branch_id: int | None = None
    value: SecretValue | None = None
    base: int = 0
    life: int | None = None
