"""Assignments in build commands that have no effect on the commands that were meant to get them."""

import re
from collections.abc import Collection, Iterator, Sequence

from envvars_app.buildspec.shell.commands import Command
from envvars_app.buildspec.shell.steps import Script

_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECLARING = {"declare", "typeset", "local", "readonly"}
# Variables of every build's environment, and those that the shell itself reads. An assignment to a
# variable that is already exported is passed on.
_ALWAYS_EXPORTED = re.compile(
    r"AWS_\w+|CODEBUILD_\w+|HOME|PATH|PWD|OLDPWD|LANG|LC_\w+|SHELL|TERM|USER|IFS|PS[0-4]|OPTIND|SHLVL"
)

_Found = tuple[Script, Command]


def lost_assignments(
    scripts: Sequence[Script], exported: Collection[str]
) -> Iterator[tuple[int, str]]:
    """Yield (line, what to do) for each assignment that no later command gets.

    `exported` are the variables of the environment that the build starts with.
    """
    found = [(script, command) for script in scripts for command in script.commands]
    known = {*exported, *_exported_names(found)}
    last_use, last_in_shell = _last_uses(found), _last_in_shells(found)
    all_exported = False
    for number, (script, command) in enumerate(found):
        all_exported = _exports_all(command, all_exported)
        message = _misspelled(command)
        if not message and last_in_shell[command.shell] == number:
            message = _lost_export(command)
        if not message and not all_exported:
            names = [name for name in _set_in_shell(command) if not _is_known(name, known)]
            lost = [name for name in names if last_use.get(name, -1) <= number]
            message = _lost(command, lost) if lost else ""
        if message:
            yield script.line_of(command.at), message


def _is_known(name: str, known: Collection[str]) -> bool:
    return name in known or _ALWAYS_EXPORTED.fullmatch(name) is not None


def _last_uses(found: Sequence[_Found]) -> dict[str, int]:
    """Return the number of the last command that uses each variable."""
    return {
        name: number
        for number, (_, command) in enumerate(found)
        for word in command.all_words()
        for name in word.variables
    }


def _last_in_shells(found: Sequence[_Found]) -> dict[tuple[int, ...], int]:
    """Return the number of the last command that runs in each shell, or in one below it."""
    return {
        command.shell[:depth]: number
        for number, (_, command) in enumerate(found)
        for depth in range(len(command.shell) + 1)
    }


def _exported_names(found: Sequence[_Found]) -> Iterator[str]:
    for _, command in found:
        if _is_export(command) and not command.shell:
            for argument in command.arguments:
                if name := _NAME.match(argument):
                    yield name[0]


def _is_export(command: Command) -> bool:
    options = [text for text in command.arguments if text.startswith("-")]
    return command.name == "export" or (
        command.name in _DECLARING and any("x" in option for option in options)
    )


def _exports_all(command: Command, before: bool) -> bool:
    if command.name != "set":
        return before
    arguments = " ".join(command.arguments)
    if re.search(r"(^| )-\w*a|-o allexport", arguments):
        return True
    return before and not re.search(r"(^| )\+\w*a|\+o allexport", arguments)


def _set_in_shell(command: Command) -> list[str]:
    """Return the names that a command sets for the shell alone."""
    if not command.words:
        return list(command.assignments)
    if command.name in _DECLARING and not _is_export(command):
        return [pair[1] for text in command.arguments if (pair := _PAIR.match(text))]
    if command.name in {"set", "SET", "setx", "setenv"}:
        pairs = [pair[1] for text in command.arguments if (pair := _PAIR.match(text))]
        return pairs or ([command.arguments[0]] if command.name in {"setx", "setenv"} else [])[:1]
    return []


def _lost(command: Command, names: Sequence[str]) -> str:
    name = names[0]
    if command.name.lower() in {"set", "setx", "setenv"}:
        return f"“{command.name}” sets no variable here: builds run bash. Write export {name}=…."
    return (
        f"This sets {', '.join(names)} for the shell alone; the programs that run after it don't "
        f"get it. Write export {name}=…, or put it before the command on the same line."
    )


def _lost_export(command: Command) -> str:
    """Return what to do about an export in a subshell that ends with it."""
    if not (command.shell and _is_export(command)):
        return ""
    return (
        "This export is lost: it runs in a subshell, which ends with it. Move it out of the "
        "parentheses, the pipe or the quotes."
    )


def _misspelled(command: Command) -> str:
    if command.name.startswith("$env:"):
        return "This is PowerShell; builds run bash. Write export NAME=value."
    is_name = _NAME.fullmatch(command.name) and not command.name.islower()
    if is_name and command.arguments[:1] == ["="]:
        return "Remove the spaces around the =: the shell reads the name as a command."
    if command.name != "export":
        return ""
    arguments = command.arguments
    if any(
        text.startswith("=") or (text.endswith("=") and text != arguments[-1]) for text in arguments
    ):
        return "Remove the spaces around the =."
    if any(re.match(r"\$\w+=", text) for text in arguments):
        return "Remove the $ before the name: the shell would replace it with the variable's value."
    return ""
