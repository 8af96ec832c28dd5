"""The variables that the commands of `amplify.yml` use, and those that they set."""

import pytest

from console.lib.scanning.uses import Use
from envvars_app.buildspec.uses import uses_in_build

HEAD = "version: 1\nfrontend:\n  phases:\n    build:\n      commands:\n"


def keys(*commands: str) -> list[str]:
    """Return the variables that commands use, "?" after those that need no value."""
    found = uses_in_build(HEAD + "".join(f"        - {command!r}\n" for command in commands))
    assert found.problem is None
    return [f"{use.key}{'?' if use.is_optional else ''}" for use in found.uses]


def test_it_works() -> None:
    text = (
        "version: 1\nbackend:\n  phases:\n    build:\n      commands:\n"
        "        - npx ampx pipeline-deploy --branch $AWS_BRANCH\n"
        "        - |\n          npm ci\n          echo ${TOKEN} > .npmrc\n"
        "frontend:\n  phases:\n    preBuild:\n      commands:\n        - curl $URL\n"
    )
    assert uses_in_build(text).uses == [
        Use("variable", "AWS_BRANCH", 6),
        Use("variable", "TOKEN", 9),
        Use("variable", "URL", 14),
    ]


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (['echo "A=$A" >> .env'], ["A"]),
        (["echo '$A' \\$A"], []),
        (["echo $(curl $A)`echo $B`"], ["A", "B"]),
        (['bash -c "echo $A"', "sh -c 'echo $B'"], ["A", "B"]),
        (["echo ${A:-x} ${B:=x} ${C:+x}"], ["A?", "B?", "C?"]),
        (["echo ${A:?is missing} ${#B} ${C%.git}"], ["A", "B", "C"]),
        (['if [ -n "$A" ]; then echo $B; fi'], ["A?", "B"]),
        (["export A=1", "echo $A"], []),
        (["A=$(date)", "echo $A"], []),
        (["echo $A", "export A=1"], ["A"]),
        (["export A=$A"], ["A"]),
        (["A=1 npm run build", "echo $A"], ["A"]),
        (["for i in a b; do echo $i; done"], []),
        (["read -r line < file", "echo $line"], []),
        (["source ./env.sh", "echo $A"], ["A?"]),
        (["env | grep -e API_KEY -e NEXT_PUBLIC_ >> .env.production"], ["API_KEY?"]),
        (["grep -rn TODO src"], []),
        (["printenv API_KEY > key"], ["API_KEY?"]),
        (["awk '{print $NF}' file; echo $1 $? $$"], []),
        (["cat <<EOF > f\nx=$A\nEOF"], ["A"]),
    ],
    ids=str,
)
def test_commands(commands: list[str], expected: list[str]) -> None:
    assert keys(*commands) == expected


def test_variables_of_the_specification() -> None:
    text = (
        "version: 1\nenv:\n  variables:\n    A: x\n" + HEAD.partition("\n")[2] + "        - $A $B"
    )
    found = uses_in_build(text)
    assert ([use.key for use in found.uses], found.sets) == (["B"], {"A"})


def test_applications_of_a_monorepo() -> None:
    application = (
        "  - appRoot: {}\n    frontend:\n      phases:\n        build:\n          commands:\n"
    )
    text = "version: 1\napplications:\n" + "".join(
        application.format(name) + f"            - {command}\n"
        for name, command in (("a", "export X=1"), ("b", "echo $X $Y"))
    )
    assert [use.key for use in uses_in_build(text).uses] == ["X", "Y"]


def test_prefixes() -> None:
    found = uses_in_build(HEAD + "        - env | grep -e ^NEXT_PUBLIC_ -e KEY >> .env\n")
    assert (found.prefixes, [use.key for use in found.uses]) == ({"NEXT_PUBLIC_"}, ["KEY"])


def test_no_yaml() -> None:
    found = uses_in_build("version: 1\nfrontend: [\n")
    assert found.problem is not None
    assert (found.problem[0], found.uses) == (3, [])


def test_more_than_is_read() -> None:
    found = uses_in_build(HEAD + "        - echo $A\n" * 3_000)
    assert found.problem is not None
    assert (found.problem[0], found.uses) == (1, [])
    line = "        - &a " + "x;" * 2_000 + "\n"
    found = uses_in_build(HEAD + line + "        - *a\n" * 20)
    assert found.problem is not None


def test_empty() -> None:
    assert uses_in_build("").uses == []
