"""The keys that are proposed for the names of Amplify Gen 1."""

from secrets_app.gen1.names import is_credentials, proposed_keys


def test_it_works() -> None:
    proposed = {
        # of functions, by Amplify's CLI
        "AMPLIFY_sendMail_API_KEY": "API_KEY",
        "AMPLIFY_shop12ab34cd_STRIPE_SECRET": "STRIPE_SECRET",
        "AMPLIFY_S3Trigger1a2b_token": "token",
        # of Amplify Hosting
        "AMPLIFY_SIWA_CLIENT_ID": "SIWA_CLIENT_ID",
        "AMPLIFY_SIWA_PRIVATE_KEY": "SIWA_PRIVATE_KEY",
        "AMPLIFY_GOOGLE_CLIENT_SECRET": "GOOGLE_CLIENT_SECRET",
        "AMPLIFY_FACEBOOK_CLIENT_ID": "FACEBOOK_CLIENT_ID",
        "DATABASE_URL": "DATABASE_URL",
        "my_own-name.x": "my_own-name.x",
        # odd ones
        "AMPLIFY_": "AMPLIFY_",
        "AMPLIFY_mailer_": "mailer_",
        "AMPLIFY_lonely": "lonely",
        "AMPLIFY__TOKEN": "_TOKEN",
    }
    assert proposed_keys(proposed) == proposed


def test_a_secret_of_several_functions() -> None:
    """All of them get the function in front. What still collides is for the preview to show."""
    names = ["AMPLIFY_sendMail_KEY", "AMPLIFY_report_KEY", "AMPLIFY_report_URL", "KEY"]
    found = proposed_keys(names)
    assert [*found.values()] == ["SEND_MAIL_KEY", "REPORT_KEY", "URL", "KEY"]


def test_credentials() -> None:
    assert is_credentials("AMPLIFY_shop1234_hostedUIProviderCreds")
    assert not is_credentials("AMPLIFY_shop1234_hostedUIProvider")
