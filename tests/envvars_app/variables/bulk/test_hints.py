"""Hints on variables: likely secrets, Amplify's own variables, valid names and values."""

import pytest

from console.lib.text.likely_secrets import secret_warning
from envvars_app.formats.hints import check_amplify_value, describe_key
from envvars_app.formats.validation import Invalid, check_key, check_value

SECRET = {
    "STRIPE": "sk_live_51H8xJk2eZvKYlo2C",
    "A": "AKIAIOSFODNN7EXAMPLE",
    "B": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "C": "xoxb-123456789012-abcdefghij",
    "D": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "E": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0",
    "F": "postgres://shop:hunter2@db.example.org/shop",
    "G": "q7Hj2kLm9PzXc4VbN8wErT5yU1iO3aSd",
    "DB_PASSWORD": "hunter2",
    "API_KEY": "x",
    "MY_SECRET": "x",
    "session_token": "x",
    "PGPASSWORD": "x",
    "dbPassword": "x",
    "DB_PASS": "x",
    "CLIENTSECRET": "x",
    "apiKey": "x",
    "H": "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed",
    "I": "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "J": "redis://:hunter2@cache.example.org:6379",
    "VITE_STRIPE": "sk_live_51H8xJk2eZvKYlo2C",  # public by its name, secret by its value
}
PLAIN = {
    "API_URL": "https://api.example.org/v1/items?limit=100",
    "NEXT_PUBLIC_MAP_KEY": "x",
    "VITE_API_KEY": "x",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_51H8xJk2eZvKYlo2C",
    "KEYBOARD": "qwerty",
    "MONKEY": "banana",
    "COMMIT_SHA": "3f786850e387550fdab836ed7e6dc881de23001b",
    "SECRETARY": "Ms. Jones",
    "COMPASS": "north",
    "PASSENGERS": "4",
    "ORDER_ID": "3f786850e387550fdab836ed7e6dc881",
    "KEY_COUNT": "5",
    "TOKENS": "5",
    "REGION": "eu-central-1",
    "VERSION": "1.24.3-alpha.20241123",
    "COMMIT_MESSAGE": "a longer sentence with words in it and 1 number",
    "FEATURES": "checkout,search,recommendations,invoices",
    "EMPTY_PASSWORD": "",
    "PATH_PREFIX": "/srv/app/releases/current/node_modules/bin",
}


@pytest.mark.parametrize("key", SECRET)
def test_it_works(key: str) -> None:
    assert secret_warning(key, SECRET[key])


@pytest.mark.parametrize("key", PLAIN)
def test_plain_configuration_has_no_warning(key: str) -> None:
    assert secret_warning(key, PLAIN[key]) == ""


def test_the_warning_never_repeats_the_value() -> None:
    for key, value in SECRET.items():
        assert value not in secret_warning(key, value) or len(value) < 3


def test_long_values_are_checked_quickly() -> None:
    """A page has a hundred values; quadratic patterns would take minutes."""
    beginnings = ("a", "a:", "eyJ", "eyJ-", "x://", "@", "AKIA", "sk_live_", "ghp_", "xox-", "sk-")
    beginnings += ("SG.", "npm_", "AIza", "-----BEGIN ", "github_pat_", "a1", "glpat-", "whsec_")
    for beginning in beginnings:
        value = (beginning * 5500)[:5500]
        for _ in range(50):
            secret_warning("A", value)


def test_amplifys_own_variables_are_described() -> None:
    assert "5 to 120" in describe_key("_BUILD_TIMEOUT")
    assert "monorepo" in describe_key("AMPLIFY_MONOREPO_APP_ROOT")
    assert "test phase" in describe_key("USER_DISABLE_TESTS")
    assert "Shells" in describe_key("my.key")
    assert describe_key("API_URL") == ""


@pytest.mark.parametrize("value", ["5", "30", "120"])
def test_a_valid_timeout(value: str) -> None:
    check_amplify_value("_BUILD_TIMEOUT", value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("_BUILD_TIMEOUT", value) for value in ("4", "121", "", "x", "-5", "5.5", "٣٠", " 30")),
        *(("_BUILD_TIMEOUT", value) for value in ("000000005999", "0000001209999999", "0030")),
        ("_LIVE_UPDATES", "[garbage"),
        ("_LIVE_UPDATES", "[" * 5000),
        ("_LIVE_UPDATES", "{}"),
        ("USER_DISABLE_TESTS", "yes"),
        ("AMPLIFY_DIFF_DEPLOY", "True"),
        ("_LIVE_UPDATES", "node 20"),
    ],
)
def test_an_invalid_value_of_an_amplify_variable(key: str, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_amplify_value(key, value)
    assert refusal.value.field == "value"
    assert key in str(refusal.value)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "",
            "AWS_REGION",
            "AWSOME",
            "A=B",
            "A\0",
            "A\nB",
            "A\tB",
            "a\u200bb",
            "a\u202eb",
            " A",
            "A ",
        ),
        "x" * 256,
        *("a\u00a0b", "a\u3000b", "API\u00ad_URL", "a\u2060b", "a\ue000b", "a\u3164b", "a\ufe0fb"),
        *("a\u061cb", "a\u115fb", "a\U000e0041b", "a\u0378b"),
        "a\ud800",
    ],
)
def test_an_invalid_name(key: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_key(key)
    assert refusal.value.field == "key"


@pytest.mark.parametrize("key", ["A", "x" * 255, "my.key-1", "aws_region", "MY_AWS", "ключ", "A B"])
def test_a_valid_name(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("value", ["", "x" * 5500, "€" * 5500, "a=b\n\t'\"", "\ufeff"])
def test_a_valid_value(value: str) -> None:
    check_value(value)


@pytest.mark.parametrize("value", ["x" * 5501, "a\0b", "\udfff"])
def test_an_invalid_value(value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_value(value)
    assert refusal.value.field == "value"
