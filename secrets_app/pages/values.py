"""A revealed value in a page."""

from django.utils.html import escape
from django.utils.safestring import SafeString

from console.lib.text.dotenv import quote
from console.lib.text.remarks import Remarks
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Rejected
from secrets_app.store.limits import REMARKS

NO_LINE = (
    "Programs that read .env files don't agree on this value, whatever its quotes are. Copy the "
    "value instead."
)


class _ValueHtml(SafeString):
    """A value, escaped for HTML. Its repr hides it: at DEBUG, Django logs template contexts."""

    def __repr__(self) -> str:
        return "<value: hidden>"


def value_context(value: SecretValue, remarks: Remarks = REMARKS) -> dict[str, str]:
    """Return what a template needs to show a value, with a remark on it."""
    return {"value": _exact(value), "remark": remarks.describe(value.reveal())}


def dotenv_line(key: str, value: SecretValue) -> SecretValue:
    """Return a value as a line of a `.env` file. Raises Rejected if no quotes hold it."""
    quoted = quote(value.reveal())
    if quoted is None:
        raise Rejected(NO_LINE)
    return SecretValue(f"{key}={quoted}")


def _exact(value: SecretValue) -> str:
    """Escape a value so that the page's text is exactly the value: a CR would become LF."""
    return _ValueHtml(escape(value.reveal()).replace("\r", "&#13;"))
