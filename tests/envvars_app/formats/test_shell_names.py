"""Names with a meaning in a shell or in JavaScript: none makes a .env file run a command.

bash evaluates assignments to some of its variables as arithmetic, which runs the command in
`a[$(…)]` however it is quoted. bash itself lists these names.
"""

import subprocess

import pytest

from envvars_app.formats import FORMATS
from tests.envvars_app.formats.readers import ENV_READERS, Read

# Variables that bash creates only later, or only in an interactive shell
CREATED_LATER = (
    "BASHPID BASH_ARGV0 BASH_ENV BASH_REMATCH COMPREPLY COPROC FUNCNEST HISTCMD MAILPATH MAPFILE "
    "OPTARG PIPESTATUS PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4 RANDOM REPLY SECONDS SRANDOM _ LINENO"
)
EVALUATED = ("OPTIND", "RANDOM", "SRANDOM", "HISTCMD", "PS1", "PS4", "PROMPT_COMMAND", "BASH_ENV")
COMMON = {
    key: f"of {key}"
    for key in ("PATH", "HOME", "ENV", "USER", "NODE_ENV", "TERM", "PWD", "if", "export", "BASHFUL")
}


def _shell_names() -> list[str]:
    listed = subprocess.run(["bash", "-c", "compgen -v"], capture_output=True, text=True)
    return sorted({*listed.stdout.split(), *CREATED_LATER.split()})


def test_it_works(bash: Read) -> None:
    names = _shell_names()
    assert len(names) > 40
    for name in names:
        rendered = FORMATS["env"].render({name: "a[$(touch pwned)]", "ZZ": "after"})
        kept = {} if name in rendered.left_out else {name: "a[$(touch pwned)]"}
        assert bash(rendered.text) == {**kept, "ZZ": "after"}, name


@pytest.mark.parametrize("name", EVALUATED)
def test_a_name_whose_value_bash_runs_is_left_out(name: str) -> None:
    rendered = FORMATS["env"].render({name: "1"})
    assert rendered.left_out == {
        name: "The name has a special meaning in shells or JavaScript. Rename it, or use JSON."
    }
    assert f"{name}=" not in rendered.text


@pytest.mark.parametrize("reader", ENV_READERS, indirect=True)
def test_common_names_are_kept(reader: Read) -> None:
    rendered = FORMATS["env"].render(COMMON)
    assert not rendered.left_out
    assert reader(rendered.text) == COMMON


@pytest.mark.parametrize("key", ["a b", "1A", "a.b", "a-b", "é", "$(touch pwned)", "a\r", "\ta"])
def test_an_invalid_shell_name_is_left_out(key: str, bash: Read) -> None:
    rendered = FORMATS["env"].render({key: "x", "A": "y"})
    assert "letters, digits and _" in rendered.left_out[key]
    assert bash(rendered.text) == {"A": "y"}


@pytest.mark.parametrize("key", ["LANG", "LC_ALL", "LC_CTYPE"])
@pytest.mark.parametrize("value", ["zh_CN.GB18030", "ja_JP.SJIS", "x y", "${X}", "/x/y"])
def test_a_locale_with_another_character_set_is_left_out(key: str, value: str) -> None:
    rendered = FORMATS["env"].render({key: value})
    assert "another character set" in rendered.left_out[key]


@pytest.mark.parametrize("value", ["", "C", "POSIX", "C.UTF-8", "de_DE.utf8", "de", "ca_ES@euro"])
def test_a_common_locale_is_kept(value: str) -> None:
    assert not FORMATS["env"].render({"LANG": value, "LC_ALL": value}).left_out
