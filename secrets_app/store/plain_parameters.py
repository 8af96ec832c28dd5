"""Named values in the parameter store, as `ampx config` keeps them: plain Strings."""

from collections.abc import Iterator

from secrets_app.store.base import Parameter, ParameterStore, SecretValue
from secrets_app.store.errors import Conflict, NotFound, Rejected
from secrets_app.store.named_values import NamedValue

MISSING = "This value is no longer in the parameter store. Reload the page."
CHANGED = (
    "Someone else changed this value at the same moment, so the value that is stored now may be "
    "yours or theirs. Reload to see it."
)


class PlainParameters:
    """NamedValues in a parameter store.

    The CLI of @aws-blocks/hosting writes a SecureString. A parameter keeps its type, which SSM
    can't change, its KMS key and its tier.
    """

    can_restore = False
    lists_late = False

    def __init__(self, store: ParameterStore) -> None:
        self._store = store

    def list(self, folder: str) -> Iterator[NamedValue]:
        """Yield the parameters below a folder. Decrypts nothing."""
        return map(_named, self._store.list([folder]))

    def find(self, name: str) -> NamedValue | None:
        """Return a parameter's metadata."""
        found = self._store.current([name]).get(name)
        return _named(found) if found else None

    def read(self, name: str) -> tuple[NamedValue, SecretValue]:
        """Return a parameter with its value. Raises NotFound."""
        reading = self._store.read([name]).get(name)
        if reading is None:
            raise NotFound(MISSING)
        return _named(reading.parameter), reading.value

    def create(self, name: str, value: SecretValue) -> str:
        """Create a String and return its version. Raises AlreadyExists or OutcomeUnknown."""
        return str(self._store.put(name, value, overwrite=False, encrypted=False).version)

    def replace(self, found: NamedValue, value: SecretValue, *, is_guarded: bool) -> str:
        """Write a parameter's next version and return it. Raises OutcomeUnknown.

        SSM can't compare before it writes. With `is_guarded`, Conflict is raised afterwards if
        someone else wrote, too.
        """
        # Only a listing contains the KMS key and the tier.
        folder = found.name.rpartition("/")[0]
        listed = {it.path: it for it in self._store.list([folder])}.get(found.name)
        written = self._store.put(
            found.name,
            value,
            overwrite=True,
            encrypted=found.encrypted,
            key_id=(listed and listed.key_id) or "",
            advanced=bool(listed and listed.advanced),
        )
        if is_guarded and not written.may_repeat and written.version != int(found.version) + 1:
            raise Conflict(CHANGED)
        return str(written.version)

    def remove(self, found: NamedValue) -> None:
        """Remove a parameter for good. Raises NotFound or OutcomeUnknown."""
        if not self._store.remove([found.name]):
            raise NotFound(MISSING)

    def restore(self, found: NamedValue) -> None:
        """Raise Rejected: the parameter store keeps nothing that was removed."""
        raise Rejected("A removed parameter can't be restored. Set it again.")


def _named(parameter: Parameter) -> NamedValue:
    return NamedValue(
        parameter.path, str(parameter.version), parameter.modified, parameter.encrypted
    )
