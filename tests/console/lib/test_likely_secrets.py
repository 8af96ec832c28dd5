"""Guess what is a secret, and what only stands for one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from console.lib.text.likely_secrets import secret_warning
from console.lib.text.placeholders import is_placeholder

# What issuers' documentation shows, split so that no scanner takes it for a leak
TOKENS = {
    "Stripe key": "sk_" + "test_51H8xJk2eZvKYlo2C",
    "webhook's signing secret": "whsec_" + "a1B2c3D4" * 4,
    "GitHub token": "github_" + "pat_" + "a1B2c3D4e5" * 8,
    "GitLab token": "glpat-" + "a1B2c3D4e5" * 2,
    "Slack token": "xapp-" + "1-A0B1C2-123456-abcdef",
    "Slack webhook": "https://hooks.slack.com/services/" + "T0/B0/x1",
    "API key": "sk-" + "proj-" + "a1B2c3D4" * 5,
    "Google API key": "AIza" + "a1B2c3D" * 5,
    "Google client secret": "GOCSPX-" + "a1B2c3D4" * 3,
    "Twilio key": "SK" + "0123456789abcdef" * 2,
    "Mailchimp key": "0123456789abcdef" * 2 + "-us12",
    "Square token": "sq0atp-" + "a1B2c3D4e5f6G7h8I9j0kL",
    "Discord token": "M" + "a1B2c3D4e5f6" * 2 + ".a1B2c3." + "a1B2c3D4e" * 3,
    "Azure storage key": "AccountName=x;AccountKey=" + "a1" * 43 + "==",
    "private key": "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQ==",
    "a private key": "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----",
    "login in a URL": "postgres://shop:hunter2@db.example.org/shop",
}


@pytest.mark.parametrize("what", TOKENS)
def test_it_works(what: str) -> None:
    assert what in secret_warning("A", TOKENS[what])


@pytest.mark.parametrize(
    "value",
    [
        "changeme",
        "CHANGE_ME!",
        "your-api-key",
        "<your key>",
        "sk_live_xxxxxxxx",
        "insert key here",
        "***",
        "xxx",
        "...",
        "TODO",
        "{{ token }}",
        " password ",
    ],
)
def test_placeholder(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    ["", "theme", "yours", "x", "a.b", "hunter2", "todo-list", "sk_live_51H8x", "me@here.org"],
)
def test_no_placeholder(value: str) -> None:
    assert not is_placeholder(value)


def test_long_values_are_looked_at_quickly() -> None:
    for beginning in (
        "your ",
        "<a",
        "insert ",
        "change",
        "{{",
        "MA1",
        "sq0abc-",
        "hooks.slack.com/services/T",
    ):
        for _ in range(50):
            is_placeholder((beginning * 5_500)[:5_500])
            secret_warning("A", (beginning * 5_500)[:5_500])


def test_many_threads_find_the_same() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda value: secret_warning("A", value), [*TOKENS.values()] * 50))
    assert found == [secret_warning("A", value) for value in TOKENS.values()] * 50
