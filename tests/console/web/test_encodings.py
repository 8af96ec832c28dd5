"""Headers and addresses that can't be decoded are refused with a 400, never answered with a 500."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from console.web.encodings import with_readable_content_type
from tests.console.web.test_headers import assert_guarded

PATHS = ["/", "/accounts/login/", "/healthz", "/static/css/base.css", "/nowhere/"]
NO_TEXT_ENCODINGS = ["base64", "undefined", "idna", "rot13", "zlib", "hex", "punycode", "utf-16"]
UNKNOWN = ["unknown", "", "..", "utf-8\N{LATIN SMALL LETTER E WITH ACUTE}", "x" * 500, "iso-8859-1"]
FORM = "application/x-www-form-urlencoded"
REFUSED = "can&#x27;t read: it isn&#x27;t valid, or it names another charset than UTF-8"

application = with_readable_content_type(WSGIHandler())


pytestmark = [
    pytest.mark.usefixtures("same_connection"),
    # Python's codec unicode_escape, which a parameter can name, decodes these and warns
    pytest.mark.filterwarnings("ignore:invalid .*escape sequence:DeprecationWarning"),
]


@dataclass(frozen=True)
class Answer:
    """A response of the whole application, without Django's test client."""

    status_code: int
    headers: dict[str, str]
    text: str


def send(path: str, body: bytes = b"", method: str = "POST", **headers: str) -> Answer:
    """Send a request with these CGI variables."""
    raw, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": raw,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    } | headers
    started: list[Any] = []
    response = application(environ, lambda *start: started.append(start))
    try:
        text = b"".join(response).decode(errors="replace")
    finally:
        getattr(response, "close", lambda: None)()
    [(status, sent, *_)] = started
    return Answer(int(status[:3]), dict(sent), text)


def status_of(path: str, body: bytes = b"", method: str = "POST", **headers: str) -> int:
    """Send a request and return the response's status."""
    return send(path, body, method, **headers).status_code


@pytest.fixture
def session(client_for: Callable[[str], Client]) -> str:
    """Return the Cookie header of the owner."""
    return "; ".join(f"{it.key}={it.value}" for it in client_for("alice").cookies.values())


@pytest.mark.parametrize("charset", [*NO_TEXT_ENCODINGS, *UNKNOWN])
def test_it_works(session: str, charset: str) -> None:
    kind = f'{FORM}; charset="{charset}"'
    for path in (*PATHS, "/apps/d1shop/hosting/secrets/manage/"):
        for cookie, method in product(("", session), ("GET", "POST")):
            response = send(f"{path}?q=x", b"a=b", method, CONTENT_TYPE=kind, HTTP_COOKIE=cookie)
            assert response.status_code == 400
            assert REFUSED in response.text
            assert_guarded(response)


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8", "us-ascii", '"utf-8"'])
def test_utf8(charset: str) -> None:
    kind = f"{FORM}; charset={charset}"
    assert status_of("/accounts/login/?q=caf%C3%A9", method="GET", CONTENT_TYPE=kind) == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "parameter", ["charset*=base64''x", "charset*=undefined''%41", "a*=nope''x", "charset*='", "*="]
)
@pytest.mark.parametrize("path", PATHS)
def test_encoded_parameter(path: str, parameter: str) -> None:
    """RFC 2231: a parameter may name the charset of its own value."""
    assert status_of(path, CONTENT_TYPE=f"{FORM}; {parameter}") in {200, 400, 403, 404, 405}


LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60)
CHARSETS = st.sampled_from(
    [*NO_TEXT_ENCODINGS, *UNKNOWN, "utf-8", "utf-7", "unicode_escape", "mbcs"]
)
SCRAPS = st.lists(
    st.sampled_from(
        [*";,=:/?#&%'\"*<>[]@ \t-._0123456789", "%zz", "%00", "%c3", "%ff", "bytes=", "charset",
         "*", "''", "null", "http://", "https://[", "localhost", ":99999", "\xff", "\xc3\xa9",
         "Thu, 01 Jan 1970 00:00:00 GMT", "Basic ", "Bearer ", "W/", "gzip;q=", "boundary"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
VALUES = LATIN | SCRAPS
HEADERS = [
    *("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_COOKIE", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING"),
    *("HTTP_ACCEPT_LANGUAGE", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST"),
    *("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_PORT", "HTTP_FORWARDED", "HTTP_ORIGIN"),
    *("HTTP_REFERER", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_IF_UNMODIFIED_SINCE"),
    *("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_AUTHORIZATION", "HTTP_USER_AGENT", "HTTP_X_CSRFTOKEN"),
    *("HTTP_HX_REQUEST", "HTTP_HX_CURRENT_URL", "HTTP_HX_CURRENT_URL_URI_AUTOENCODED"),
    *("HTTP_HX_TARGET", "HTTP_HX_TRIGGER", "HTTP_X_REQUEST_ID", "HTTP_X_CORRELATION_ID"),
    *("HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_X_HTTP_METHOD_OVERRIDE", "REMOTE_ADDR"),
]
BOUNDED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


PAGES = [
    *PATHS,
    "/metrics",
    "/apps/d1shop/hosting/secrets/",
    "/apps/d1shop/hosting/secrets/manage/",
    "/apps/d1shop/hosting/environment-variables/bulk/",
    "/apps/d1shop/activity/",
]


@BOUNDED
@given(
    path=st.sampled_from(PAGES),
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    headers=st.dictionaries(st.sampled_from(HEADERS), VALUES, min_size=1, max_size=4),
    body=st.binary(max_size=60),
)
def test_any_header(
    session: str, path: str, method: str, headers: dict[str, str], body: bytes
) -> None:
    sent = {"HTTP_COOKIE": session, "CONTENT_TYPE": FORM} | headers
    assert status_of(path, body, method, **sent) < 500


@BOUNDED
@example(path="/", kind=FORM, name="charset*", charset="unicode_escape", value="\\8")
@given(
    path=st.sampled_from(PAGES),
    kind=st.sampled_from([FORM, "multipart/form-data", "text/plain", "application/json", ""]),
    name=st.sampled_from(["charset", "charset*", "charset*0*", "boundary", "boundary*", "a*"]),
    charset=CHARSETS,
    value=VALUES,
)
def test_any_content_type(
    session: str, path: str, kind: str, name: str, charset: str, value: str
) -> None:
    for text in (charset, f"{charset}'{value}'{value}", f"{charset}''%41", f'"{value}"'):
        sent = {"HTTP_COOKIE": session, "CONTENT_TYPE": f"{kind}; {name}={text}"}
        assert status_of(f"{path}?q=%41", b"a=b", **sent) < 500


@BOUNDED
@given(
    path=st.sampled_from(["/apps/d1shop/hosting/environment-variables/bulk/", "/accounts/login/"]),
    name=st.sampled_from(["filename", "filename*", "name", "name*", "charset", "x*"]),
    charset=CHARSETS,
    value=VALUES,
    encoding=st.sampled_from(["base64", "binary", "quoted-printable", "x", ""]),
)
def test_any_part_of_a_form(
    session: str, path: str, name: str, charset: str, value: str, encoding: str
) -> None:
    part = (
        f'--b\r\nContent-Disposition: form-data; name="text"; '
        f"{name}={charset}'{value}'{value}\r\n"
        f"Content-Type: text/plain; charset={charset}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{value}\r\n--b--\r\n"
    )
    sent = {"HTTP_COOKIE": session, "CONTENT_TYPE": "multipart/form-data; boundary=b"}
    assert status_of(path, part.encode("latin-1", "replace"), **sent) < 500


@BOUNDED
@given(
    path=st.sampled_from(PAGES[5:]),
    name=st.sampled_from(["q", "page", "branch", "sort", "per_page", "saved", "scope", "since"]),
    value=VALUES,
)
def test_any_query(session: str, path: str, name: str, value: str) -> None:
    address = f"{path}?{name}={value}&{value}".replace("#", "%23")
    assert status_of(address, method="GET", HTTP_COOKIE=session) < 500


@BOUNDED
@given(start=st.sampled_from(["/", "/apps/", "/apps/d1shop/", "/static/", "/admin/"]), rest=VALUES)
def test_any_path(session: str, start: str, rest: str) -> None:
    assert status_of(start + rest.replace("?", ""), method="GET", HTTP_COOKIE=session) < 500
