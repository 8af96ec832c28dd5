"""Pasted text that isn't valid .env: the error names where the value begins and what to write."""

import pytest

from console.lib.text.dotenv import Refused, parse, read

KEY = (
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nQUJDREVGRw==\n"
    "-----END PRIVATE KEY-----"
)
BASE64 = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUI\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=="
FULL = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2"  # 64 characters
CONTINUED = "The value that begins here seems to go on in line"


def refusal(text: str) -> tuple[int | None, str]:
    """Return the line and the message of a refused text."""
    with pytest.raises(Refused) as refused:
        parse(text)
    return refused.value.line, refused.value.message


def test_it_works() -> None:
    line, message = refusal(f"SIGNING_KEY={KEY}\n")
    assert line == 1
    assert message == f"{CONTINUED} 2. Put a value of several lines in quotes."
    json = '# settings\nFEATURES={\n  "beta": true,\n  "url": "https://x.example.com/?a=b"\n}\nNEXT=1\n'
    assert refusal(json)[0] == 2
    assert refusal(f"KEYSTORE={BASE64}\nSTAGE=dev\n")[0] == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"A=1\n\nexport K={KEY}\n", 3),
        (f"K={KEY}\n".replace("\n", "\r\n"), 1),
        ("K=-----BEGIN EC PRIVATE KEY-----\nMHcCAQ==\n-----END EC PRIVATE KEY-----\n", 1),
        ("A=1\nCERT=-----BEGIN CERTIFICATE-----\nMIIB\n", 2),
        ("J={\n}\n", 1),
        ('J={\n"url": "https://x/?a=b"}\n', 1),
        ("J=[\n  1,\n  2\n]\nB=1\n", 1),
        ('J=\n{\n  "a": 1\n}\n', 1),
        ('J={"a": {\n  "b": 1}}\n', 1),
        (f"K={FULL}\n{FULL}\nQUJD\n", 1),
        (f"K={FULL}\nQUJDREVGR0hJSktM\n", 1),
        (f"K={FULL}\nQUk=\n", 1),
        (f"K={FULL}\nQQ==\n", 1),
        ("A=one \\\n  two\n", 1),
        ("A=some text\nmore of it\n", 1),
        ("# c\nA=1\nB=x\n  - y\n", 3),
    ],
)
def test_values_over_several_lines(text: str, line: int) -> None:
    found, message = refusal(text)
    assert (found, CONTINUED in message) == (line, True)


@pytest.mark.parametrize(
    "text",
    [
        f'K="{KEY}"\n',
        "K=-----BEGIN X-----\\nMIIE\\n-----END X-----\nB=1\n",
        'J={"a": [1, 2]}\nB=1\n',
        'J={"a": "}{"}\nB=1\n',
        "J={\nB=1\n",
        "J='{\n  \"a\": 1\n}'\nB=1\n",
        "TOKEN=abcdefghijklmnopqrstuvwx\nDATABASEURL=\n",
        "TOKEN=abcdefghijklmnopqrstuvwx\nsomeValue=\n",
        f"HASH={'3f' * 32}\nEMPTY=\n",
        f"K={FULL}\nEMPTY=\n",
        f"K={FULL}\nNEXT_PUBLIC_X=\n",
        "A=C:\\dir\\\nB=1\n",
        "A=QUJDRA==\nB=QUJDRA==\n",
    ],
)
def test_texts_that_are_as_they_were_meant(text: str) -> None:
    expected = 1 if text.startswith('K="') else 2
    assert len(parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "OPTION_A: 1",
        'OPTION_B: "2"',
        "  a.b : c",
        '"A": "b",',
        "URL: https://x.example.com/?a=b",
        "A:1",
        "- A: 1",
        'A:"b=c"',
        "A:",
    ],
)
def test_colons(text: str) -> None:
    assert refusal(f"X=1\n\n{text}\n") == (3, "Write = in place of the : after the name.")


@pytest.mark.parametrize("text", ["A:B=1", "//r.example.com/:_authToken=x", "$env:A=1"])
def test_colons_in_names(text: str) -> None:
    assert len(parse(text)) == 1


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ('"{"a":"b","c":[1]}"', "Put '…' around it instead."),
        ('"{"a":"b"}"  # c', "Put '…' around it instead."),
        ("'it's'", 'Put "…" around it instead.'),
        ("'it'\"'\"'s'", 'Put "…" around it instead.'),
        ('"it\'s "so""', "Put `…` around it instead."),
        ("'it's C:\\x'", "Put `…` around it instead."),
        ("`a`b`", "Put '…' around it instead."),
        ('"\' `a` "b""', 'Put "…" around it, and write \\" for each " and \\\\ for each \\.'),
        ("'x' y", "Put the whole value in quotes."),
    ],
)
def test_quotes_in_quotes(value: str, advice: str) -> None:
    line, message = refusal(f"A={value}\n")
    assert line == 1
    assert message.startswith(f"There is text after the closing {value[0]}.")
    assert message.endswith(advice)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("set A=1", "set"),
        ("SET A=1", "SET"),
        ("ENV A=1", "ENV"),
        ("- A=1", "-"),
        ("declare -x A=1", "declare -x"),
        ("const A = 1", "const"),
    ],
)
def test_other_languages(text: str, word: str) -> None:
    assert refusal(text) == (1, f"Remove “{word}” before the name.")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# a\nA=1", True),
        ("A=1 # a", True),
        ("A='1' # a", True),
        ("  # a", True),
        ("A=1", False),
        ("A=#fff", False),
        ("A='x # y'", False),
        ("A='x\n# y'", False),
        ("", False),
    ],
)
def test_comments_are_noticed(text: str, found: bool) -> None:
    assert read(text).has_comments is found


@pytest.mark.parametrize(
    "text", ["s3cret", "A=s3cret\ns3cret x", "A='s3cret' s3cret'", "s3cret: 1"]
)
def test_no_message_quotes_the_text(text: str) -> None:
    assert "s3cret" not in refusal(text)[1]


def test_many_lines_are_read_once() -> None:
    """Not timed: reading the text again for each line would take longer than the test may run."""
    text = "A={" + "{[" * 400_000 + "\nB=1"
    assert len(parse(text)) == 2
