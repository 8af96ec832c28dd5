"""Hosts of another environment in the values of variables."""

from console.lib.naming.environments import LOCAL, Environments, host_of

OTHERS = ("dev", "staging", "feature/login", "pr-12", "docs", "1", "v2", "beta")
# Key, value, and the environment that it names, for the branch main
FOUND = (
    ("API_URL", "https://dev.shop.example.com/v1", "dev"),
    ("API_URL", "https://api-dev.shop.example.com", "dev"),
    ("API_URL", "https://api.development.shop.example.com", "dev"),
    ("API_URL", "HTTPS://Staging.Example.com", "staging"),
    ("API_URL", "https://stage.example.com", "staging"),
    ("API_URL", "https://feature-login.d1shop.amplifyapp.com/", "feature/login"),
    ("API_URL", "https://pr-12.d1shop.amplifyapp.com", "pr-12"),
    ("API_URL", "https://beta.example.com", "beta"),
    ("PAY_URL", "https://api.sandbox.pay.example.com", "sandbox"),
    ("API_URL", "https://uat-api.example.com", "uat"),
    ("DATABASE_URL", "postgres://shop:pass@db-dev.abc.eu-west-1.rds.example.com:5432/shop", "dev"),
    ("JDBC_URL", "jdbc:postgresql://dev.db.example.com/shop", "dev"),
    ("CACHE_URL", "redis://cache.dev.internal:6379", "dev"),
    ("DB_HOST", "shop-dev.abc.rds.example.com", "dev"),
    ("API_URL", "http://localhost:3000", LOCAL),
    ("API_URL", "http://127.0.0.1:3000/x", LOCAL),
    ("API_URL", "http://[::1]:3000/", LOCAL),
)  # fmt: skip
GOOD = (
    ("API_URL", "https://x.example.com/?a=b"),
    ("HOME_LINK", "https://x.example.com/#/home"),
    ("API_URL", "https://api.example.com/dev"),
    ("API_URL", "https://api.example.com?env=staging"),
    ("API_URL", "https://main.d1shop.amplifyapp.com"),
    ("CFG", '{"url": "https://dev.example.com"}'),
    ("ORIGINS", "https://shop.example.com,https://dev.shop.example.com"),
    ("ORIGINS", "https://shop.example.com https://dev.shop.example.com"),
    ("NOTE", "See https://dev.example.com"),
    ("STAGING_URL", "https://stage.example.com"),
    ("DEV_API", "https://develop.example.com"),
    ("DOCS_URL", "https://docs.example.com"),  # a branch that is called like a service
    ("API_URL", "https://1.example.com"),
    ("API_URL", "https://device.example.com"),
    ("API_URL", "https://latest.example.com"),
    ("BLOG", "https://dev.to/shop"),
    ("STAGE", "dev"),
    ("STAGE", "dev.shop.example"),
    ("DB_HOST", "db.example.com"),
    ("TEST_API", "https://test.example.com"),
    ("API_URL", "https://test.example.com"),  # the app has no branch for it
    ("MAIL", "mailto:a@dev.example.com"),
    ("API_URL", ""),
    ("API_URL", "https://"),
    ("API_URL", "“https://x.example.com”"),
    ("API", "${BASE}/v1"),
)  # fmt: skip


def environment(key: str, value: str, own: str = "main") -> str:
    """Return what the rule says. tests/browser/lists/test_unseen.py compares the page with it."""
    return Environments(own, OTHERS).named_by(key, host_of(key, value))


def test_it_works() -> None:
    assert [(key, value, environment(key, value)) for key, value, _ in FOUND] == [*FOUND]


def test_good_values() -> None:
    assert [one for one in GOOD if environment(*one)] == []


def test_production_may_be_called_like_an_environment() -> None:
    assert environment("API_URL", "https://stage.example.com", own="staging") == ""
    assert environment("API_URL", "https://dev.example.com", own="staging") == "dev"


def test_long_values_are_checked_quickly() -> None:
    for beginning in ("a", "a.", "https://", "https://a@", "https://a.b-", "[::", "a:"):
        for _ in range(50):
            host_of("DB_HOST", (beginning * 2_000)[:2_000])
