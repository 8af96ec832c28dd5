"""Keys and values to render: common ones, and ones that an attacker would try."""

from hypothesis import strategies as st

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ+/AASC==\n-----END PRIVATE KEY-----\n"
# Every .env reader can get these right, so an export must include them.
COMMON = {
    "PLAIN": "abc123",
    "EMPTY": "",
    "NUMBER": "3000",
    "URL": "https://user:pa55@example.org:8443/a/b?c=d&e=f%20g#top",
    "DATABASE_URL": "postgres://u:p@db.example.org/shop?sslmode=require",
    "SPACES": "two words",
    "SPACES_AROUND": "  two  ",
    "ONE_SPACE": " ",
    "TAB": "a\tb",
    "HASH": "red #ff0000 # not a comment",
    "HASH_FIRST": "#ff0000",
    "APOSTROPHE": "it's",
    "SINGLE_QUOTED": "'quoted'",
    "DOUBLE_QUOTED": '"quoted"',
    "JSON": '{"a": [1, "b c"], "d": "$e"}',
    "DOLLAR": "pa$$word $HOME $1",
    "APOSTROPHE_AND_PRICE": "it's 5$, or 6 $",
    "COMMAND": "$(touch pwned) `touch pwned`",
    "PEM": PEM,
    "PEM_ON_ONE_LINE": PEM.replace("\n", "\\n"),
    "LINES": "\n\na\n\nb\n\n",
    "LINE_LIKE_AN_ENTRY": "a\nINJECTED=1\n",
    "CRON": "*/5 * * * *",
    "REGEX": r"^\d+(\.\d+)?$",
    "WINDOWS": r"C:\new\table",
    "HOME": "~/x:~",
    "EQUALS": "=a==",
    "BASE64": "aGk/+w==",
    "BANG": "wow!!",
    "SHELL": "a; b & c | d > e < f (g) {h} [i] ? *",
    "BACKTICKS": "`a`",
    "ANY_SCRIPT": "пароль 密码 🔑 e\u0301",
    "UNSEEN": "\u2028\u2029\x85\xa0\ufeff\u200b\u202e",
    "CONTROLS": "\x01\x02\x07\x08\x0b\x0c\x1b[31m\x1c\x7f\x9b",
}
# The readers disagree on these, so an export leaves them out and says so.
CONTESTED = {
    "RETURN": "a\rb",
    "CRLF": "a\r\nb",
    "NUL": "a\0b",
    "INTERPOLATED": "${HOME}",
    "INTERPOLATED_WITH_DEFAULT": "a ${HOME:-b} c",
    "APOSTROPHE_AND_QUOTE": """it's "so" """,
    "APOSTROPHE_AND_VARIABLE": "it's $HOME",
    "APOSTROPHE_AND_COMMAND": "it's $(touch pwned)",
    "APOSTROPHE_AND_BACKTICK": "it's `touch pwned`",
    "APOSTROPHE_AND_NEWLINE_ESCAPE": r"it's\n",
    "UNC": r"\\server\share",
    "BACKSLASH_LAST": "C:\\dir\\",
}
_FRAGMENTS = [
    *COMMON.values(),
    *CONTESTED.values(),
    *"'\"`$\\#=!;&|<>(){}[]~:-% \t\n\r\0",
    *("${", "}", "${X}", "${X:-", "$(touch pwned)", "`touch pwned`", "$'", '$"', "\\'", '\\"'),
    *("\\n", "\\r", "\\x", "\\u0041", "\r\n", "K=", "\nK='", "export ", "#'", "*/", "]]>", "-->"),
    *("<!--", "&amp;", "</string>", "é", "\ufffe", "\U0001f511", "\u2028", "\ufeff", "a[$(", "%0"),
]
_hostile = st.lists(st.sampled_from(_FRAGMENTS), max_size=5).map("".join)
_NAMES = [
    *("export", "if", "function", "_", "__proto__", "constructor", "toString", "OPTIND", "RANDOM"),
    *("UID", "PPID", "PATH", "IFS", "PS4", "BASH_ENV", "String", "Env", "class", "hashCode"),
    *("org.gradle.jvmargs", "systemProp.x", "a.b", "a-b", "a$b", "$a", "1a"),
]

values = st.one_of(
    _hostile,
    st.lists(st.sampled_from([*COMMON.values()]), max_size=3).map("".join),
    st.text(max_size=30),
)
_usual = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
keys = st.one_of(
    *[_usual] * 6,  # most formats leave the other kinds out
    st.sampled_from(_NAMES),
    st.text(st.characters(exclude_characters="=\0\n", codec="utf-8"), min_size=1, max_size=10),
    _hostile.map(lambda text: text.translate({0: None, 10: None, 61: None})).filter(bool),
)
# 150 examples are 1,800 values, of which 600 can stand in .env.
variables = st.dictionaries(keys, values, min_size=10, max_size=15)
