"""What is said about a value while it is typed: what can't be seen in it, and what may go wrong."""

import pytest

from console.lib.text.remarks import Remarks
from envvars_app.formats.validation import REMARKS as VARIABLES
from secrets_app.store.limits import REMARKS as SECRETS

PLACEHOLDER = "The value looks like a placeholder."


def test_it_works() -> None:
    assert SECRETS.describe("changeme") == VARIABLES.describe("changeme") == PLACEHOLDER
    said = "The value ends with a line break, looks like a placeholder."
    assert SECRETS.describe("TODO\n") == said
    assert SECRETS.describe("x" * 3_999) == "The value has 3,999 of at most 4,096 bytes."


@pytest.mark.parametrize(
    ("remarks", "value", "is_said"),
    [
        (SECRETS, "a" * 3_686, False),
        (SECRETS, "a" * 3_687, True),
        (SECRETS, "a" * 4_096, True),
        (SECRETS, "a" * 4_097, False),  # it is refused
        (SECRETS, "€" * 1_229, True),  # 3,687 bytes
        (SECRETS, "\ud800" * 4_000, True),  # it is refused, and nothing fails
        (VARIABLES, "€" * 4_949, False),
        (VARIABLES, "€" * 4_950, True),
        (VARIABLES, "€" * 5_500, True),
        (VARIABLES, "€" * 5_501, False),
    ],
)
def test_nearly_full(remarks: Remarks, value: str, is_said: bool) -> None:
    assert bool(remarks.nearly_full(value)) is is_said
    assert not remarks.is_placeholder(value)


def test_placeholders() -> None:
    for value in (
        "CHANGE_ME!",
        "replace-me",
        "your-api-key",
        "your_token",
        "<your key>",
        "<API_KEY>",
        "[insert token]",
        "insert key here",
        "put-it-here",
        "xxx",
        "XXXXXXXX",
        " TODO\n",
        "FIXME",
        "tbd",
        "placeholder",
    ):
        assert SECRETS.is_placeholder(value), value
        assert VARIABLES.is_placeholder(value), value


def test_only_secrets() -> None:
    """A variable may be the name of a table, a line, or a way to sign in."""
    for value in (
        "Todo",
        "todo",
        "password",
        "secret",
        "dummy",
        "***",
        "---",
        "your basket",
        "[error]",
        "Edit this",
        "<h@x.org>",
    ):
        assert SECRETS.is_placeholder(value), value
        assert not VARIABLES.is_placeholder(value), value


def test_good_values_have_no_remark() -> None:
    """Values of real files, and texts that have something of a placeholder."""
    good = (
        "https://x.example.com/#/home", "#ff0000", "yes", "1", "dev", "2", "whom to call",
        "https://x.example.com/?a=b",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
        '{\n  "beta": true,\n  "url": "https://x.example.com/?a=b"\n}', '{"a":"b","c":[1]}',
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUI\nQUJDREVGRw==", "“https://x.example.com”",
        "\u2018Shop\u2019", "${BASE}/v1", "a$$b", "tok_abc123", "hunter2", "theme", "todo-list",
        "sk_live_51H8x", "me@here.org", "a.b", "xx", "yours", "changed", "over-there", "日本語",
        "x", "A" * 3_272,  # a key of 4,096 bits
    )  # fmt: skip
    for remarks in (SECRETS, VARIABLES):
        assert [value for value in good if remarks.describe(value)] == []


def test_long_values_are_checked_quickly() -> None:
    for beginning in ("your ", "<a", "insert ", "change", "{{", "[a", " ", "\n", "*"):
        for _ in range(50):
            SECRETS.describe((beginning * 4_096)[:4_096])
            VARIABLES.describe((beginning * 199)[:199])
