"""Guess whether a key and value are a secret.

The formats of tokens are those that their issuers publish. docs/adr/0051 says why they are ours and
not a library's. Nothing here calls anyone, and nothing is shared between threads.
"""

import math
import re
from collections import Counter

_SECRET_NAME = re.compile(
    r"SECRET(?!ARY)|PASSWORD|PASSWD|PASSPHRASE|PRIVATE_?KEY|API_?KEY"
    r"|(^|_)(PASS|PWD|TOKEN|CREDENTIALS?)(_|$)|_KEY$",
    re.IGNORECASE,
)
_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Frameworks inline variables with these prefixes into the code that browsers download, so they are
# public by design.
_PUBLIC_NAME = re.compile(
    r"^(NEXT_PUBLIC|VITE|REACT_APP|GATSBY|NUXT_PUBLIC|EXPO_PUBLIC|PUBLIC)_|PUBLI(C|SHABLE)_?KEY",
    re.IGNORECASE,
)
_TOKEN_FORMATS = (
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key"),
    (re.compile(r"\b(sk|rk)_(live|test)_[A-Za-z0-9]{10,}"), "a Stripe key"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]{16,}"), "a webhook's signing secret"),
    (re.compile(r"\b(gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"), "a GitHub token"),
    (re.compile(r"\bglpat-[\w-]{16,}"), "a GitLab token"),
    (re.compile(r"\b(xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}"), "a Slack token"),
    (re.compile(r"\bhooks\.slack\.com/services/T\w+/B\w+/\w+"), "a Slack webhook"),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), "an API key"),
    (re.compile(r"\bSG\.[\w-]{16,}\.[\w-]{16,}"), "a SendGrid key"),
    (re.compile(r"\bnpm_[A-Za-z0-9]{30,}"), "an npm token"),
    (re.compile(r"\bAIza[\w-]{30,}"), "a Google API key"),
    (re.compile(r"\bGOCSPX-[\w-]{20,}"), "a Google client secret"),
    (re.compile(r"\bSK[0-9a-f]{32}\b"), "a Twilio key"),
    (re.compile(r"\b[0-9a-f]{32}-us[0-9]{1,2}\b"), "a Mailchimp key"),
    (re.compile(r"\bsq0[a-z]{3}-[\w-]{22,43}"), "a Square token"),
    (re.compile(r"\b[MN][A-Za-z\d]{23,25}\.[\w-]{6}\.[\w-]{27,38}"), "a Discord token"),
    (re.compile(r"\bAccountKey=[A-Za-z0-9+/]{86}=="), "an Azure storage key"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"), "a signed token (JWT)"),
    (re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----"), "a private key"),
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,30}://[^/\s:@]{0,99}:[^/\s@]{1,99}@"), "a login in a URL"),
)  # fmt: skip
_HEX = re.compile(r"(?=.*[0-9])(?=.*[a-f])[0-9a-f]{32,128}\Z", re.IGNORECASE)
# Hashes and ids are random but not secret.
_CONTENT_ID_NAME = re.compile(r"COMMIT|SHA|HASH|DIGEST|REVISION|CHECKSUM|(^|_)ID$", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]{24,512}\Z")
MIN_ENTROPY = 4.0  # bits per character: above English words, below random base64


def secret_warning(key: str, value: str) -> str:
    """Return why this looks like a secret, or "". A guess: use it to warn, never to forbid."""
    if found := token_format(value):
        return f"The value looks like {found}."
    name = _CAMEL_CASE_BOUNDARY.sub("_", key)  # dbPassword becomes db_Password
    if not value or _PUBLIC_NAME.search(name):
        return ""
    if _SECRET_NAME.search(name):
        return "The name looks like the name of a secret."
    if _is_random(value) and not _CONTENT_ID_NAME.search(name):
        return "The value looks random, as keys and tokens do."
    return ""


def token_format(text: str) -> str:
    """Return what kind of token is in the text, such as "a Stripe key", or ""."""
    text = text[:10_000]  # bounds the time that the patterns take
    return next((what for pattern, what in _TOKEN_FORMATS if pattern.search(text)), "")


def _is_random(value: str) -> bool:
    if _HEX.match(value):
        return True
    return (
        bool(_RANDOM.match(value))
        and _entropy(value) > MIN_ENTROPY
        and _has_letters_and_digits(value)
    )


def _has_letters_and_digits(value: str) -> bool:
    """Return True if there are letters and digits. Names and paths seldom have both."""
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)


def _entropy(value: str) -> float:
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
