"""Build commands that write more than was chosen, or a secret, into a file, the log or the text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.lib.text.likely_secrets import secret_warning, token_format
from envvars_app.buildspec.shell.commands import Command, Word
from envvars_app.buildspec.shell.filters import PASSING, keeps
from envvars_app.buildspec.shell.steps import Script
from envvars_app.buildspec.shell.walking import run_by
from envvars_app.buildspec.values import NO_SECRETS

_PRINTING = {"echo", "printf", "cat", "tee", "print"}
_ENVIRON = re.compile(r"/proc/(?:self|\$\$|\d+)/environ")
_PROGRAM = re.compile(
    r"JSON\.stringify\(\s*process\.env\s*(?:\)|,\s*(?:null|undefined)\b)"
    r"|Object\.(?:entries|keys)\(\s*process\.env\s*\)(?!\s*\.filter)"
    r"|\b(?:dumps|dict)\(\s*os\.environ\s*\)|os\.environ\.items\(\)(?!\s*if)|ENV\.to_h"
)
_WRITES = re.compile(r"writeFile|createWriteStream|open\(|File\.write")
# What an environment holds that nobody chose: credentials, Amplify's secrets, anything else.
_CREDENTIALS = ("AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_SESSION_TOKEN=x")
_OTHERS = ("secrets={}", "UNRELATED_9=x")
_REFERENCE = re.compile(r"\$\{[^}]{0,200}\}|\$\([^)]{0,200}\)|\$\w+|`[^`]{0,200}`")
# Looks ahead for the value, which may contain another pair
_PAIR = re.compile(r"""(?<![\w$.-])-{0,2}([A-Za-z_][\w.-]*)=(?=["']?([^\s"'`&,;]+))""")
_QUOTED_PAIR = re.compile(r"""["'](\w[\w.-]*)["']\s*:\s*["']([^"']+)["']""")
_HEADER = re.compile(r"(?:bearer|basic|token|api-key:)\s+([^\s\"'$`]{6,})", re.IGNORECASE)
_OPTION = re.compile(r"--?([A-Za-z][\w.-]+)")
_NOT_A_SECRET = re.compile(
    r"(?:true|false|yes|no|on|off|null|none|undefined|required|\d{1,4}|\*+|x+|<.*|\[.*|\{.*|%.*"
    r"|[./~].*|arn:.*|https?:.*|process\.env.*|\w+\.(?:json|ya?ml|pem|key|txt|env))",
    re.IGNORECASE,
)
_ABOUT_A_SECRET = re.compile(
    r"_?(?:FILE|PATH|DIR|NAME|ID|ARN|URL|URI|LENGTH|COUNT|TTL|TYPE|HEADER|PREFIX|EXPIR\w*)$"
    r"|(?:^|_)(?:CACHE|SORT|PARTITION|PRIMARY|FOREIGN|OBJECT|S3|INDEX|GROUP|ROW|LOOKUP)_KEY$",
    re.IGNORECASE,
)
_SECRET_KEY = re.compile(r"(?:api|access|private|secret|encryption|signing)_?key$", re.IGNORECASE)


@dataclass(frozen=True)
class _Sink:
    """Where a command's output goes: to a file, to the log, or (neither) into a variable."""

    file: str = ""
    log: bool = False


_LOG, _CAPTURED = _Sink(log=True), _Sink()


def disclosures(scripts: Iterable[Script]) -> Iterator[tuple[int, str]]:
    """Yield (line, what happens and what to do) for each command that discloses something."""
    for script in scripts:
        if token := token_format(_REFERENCE.sub("", script.text)):
            yield script.line, f"This command contains what looks like {token}. {NO_SECRETS}"
            continue
        for command, sink in _with_sinks(script.parsed, _LOG):
            for message in _disclosed_by(command, sink):
                yield script.line_of(command.at), message


def _with_sinks(commands: list[Command], outer: _Sink) -> Iterator[tuple[Command, _Sink]]:
    for command in commands:
        sink = _sink(command, outer)
        yield command, sink
        yield from _with_sinks(run_by(command), sink)
        for word in command.assignments.values():
            yield from _with_sinks(word.scripts, _CAPTURED)
        inner = sink if command.name in _PRINTING else _CAPTURED
        for word in (*command.words, *command.documents):
            yield from _with_sinks(word.scripts, inner)


def _sink(command: Command, outer: _Sink) -> _Sink:
    """Follow the pipeline to where a command's output ends."""
    file, last = _file(command), command
    if command.name == "cp" and command.arguments:
        return _Sink(command.arguments[-1])
    while not file and last.pipe_to is not None:
        last = last.pipe_to
        if last.name not in PASSING:
            return _CAPTURED
        if last.name == "tee":
            names = [text for text in last.arguments if not text.startswith("-")]
            return _Sink(names[0] if names else "", log=not _file(last))
        file = _file(last)
    if file:
        return _CAPTURED if file == "/dev/null" else _Sink(file)
    return outer


def _file(command: Command) -> str:
    targets = [
        target.text
        for operator, target in command.redirections
        if operator.lstrip("1&") in {">", ">>", ">|"}
    ]
    return next((text for text in targets if text not in {"/dev/stdout", "/dev/stderr"}), "")


def _disclosed_by(command: Command, sink: _Sink) -> Iterator[str]:
    if dump := _dump(command):
        yield from _dump_message(command, sink, dump == "program")
    if sink.log and (name := _printed_secret(command)):
        yield (
            f"The build log shows {name}, which looks like a secret. Don't print it. To check that "
            f"it is set, print ${{{name}:+set}}."
        )
    for name in dict.fromkeys(_literal_secrets(command)):
        yield f"The value of {name}, which looks like a secret, is in the text. {NO_SECRETS}"


def _dump(command: Command) -> str:
    """Return how a command prints the whole environment, or ""."""
    arguments = [text for text in command.arguments if not text.startswith("-")]
    options = [text for text in command.arguments if text.startswith("-")]
    is_dump = {
        "env": not {"-i", "-"} & {*options} and all("=" in text for text in arguments),
        "printenv": not arguments,
        "export": not arguments,
        "set": not command.arguments,
        "declare": not arguments and any(set(text) & set("px") for text in options),
        "typeset": not arguments and any(set(text) & set("px") for text in options),
    }
    texts = [word.text for word in command.all_words()]
    if is_dump.get(command.name, False) or any(map(_ENVIRON.search, texts)):
        return "shell"
    return "program" if any(map(_PROGRAM.search, texts)) else ""


def _dump_message(command: Command, sink: _Sink, by_program: bool) -> Iterator[str]:
    if by_program and any(_WRITES.search(word.text) for word in command.words):
        sink = _Sink(file="a file")
    credentials = any(keeps(command.pipe_to, line) for line in _CREDENTIALS)
    everything = any(keeps(command.pipe_to, line) for line in _OTHERS)
    place = sink.file or ("the build log" if sink.log else "")
    if not place or not (credentials or everything):
        return
    what = "all of the build's environment" if everything else "the build's AWS credentials"
    also = ", its AWS credentials included," if everything and credentials else ""
    advice = "Choose the variables by their names, such as env | grep -e ^API_URL=."
    yield f"This writes {what}{also} to {place[:60]}. {advice}"


def _printed_secret(command: Command) -> str:
    """Return the name of a secret that a command prints, or ""."""
    if command.name == "printenv":
        names = [text for text in command.arguments if not text.startswith("-")]
    elif command.name in {"echo", "printf"}:
        names = [name for word in command.words for name in _shown_variables(word)]
    else:
        names = []
    return next(filter(_is_secret_name, names), "")


def _shown_variables(word: Word) -> Iterator[str]:
    for name in word.variables:
        # ${#NAME} is its length, and ${NAME:+set} another word.
        if not re.search(rf"\$\{{(?:#{name}\}}|{name}:?\+)", word.text):
            yield name


def _literal_secrets(command: Command) -> Iterator[str]:
    """Yield the names of secrets whose values are in the command's text."""
    for name, word in command.assignments.items():
        if word.is_literal and _is_secret(name, word.text):
            yield name
    for word in (*command.words, *command.documents):
        text = word.text
        for name, value in (*_PAIR.findall(text), *_QUOTED_PAIR.findall(text)):
            if "$" not in value and not value.startswith("(") and _is_secret(name, value):
                yield name
        if (found := _HEADER.search(text)) and text.lower().startswith(("authorization:", "x-api")):
            yield text.partition(":")[0] if found else ""
    yield from _literal_arguments(command)


def _literal_arguments(command: Command) -> Iterator[str]:
    """Yield the names of options (--password x) and settings (config set x y) that are secrets."""
    sets = "set" in command.arguments
    for word, following in zip(command.words, command.words[1:], strict=False):
        option = _OPTION.fullmatch(word.text)
        name = option[1] if option else word.text.rpartition(":")[2] if sets else ""
        if name and following.is_literal and not following.text.startswith("-"):
            if _is_secret(name, following.text):
                yield name
        elif command.name == "curl" and word.text in {"-u", "--user"} and following.is_literal:
            yield from ["-u"] if re.fullmatch(r"[^:]+:.+", following.text) else []


def _is_secret(name: str, value: str) -> bool:
    if not value or _NOT_A_SECRET.fullmatch(value) or not _is_secret_name(name):
        return False
    # Many a key is no secret, such as that of a setting.
    is_key = re.search(r"_key$", name, re.IGNORECASE) and not _SECRET_KEY.search(name)
    return not is_key or (len(value) >= 8 and any(map(str.isdigit, value)))


def _is_secret_name(name: str) -> bool:
    plain = name.strip("-").replace("-", "_").replace(".", "_")
    return not _ABOUT_A_SECRET.search(plain) and bool(secret_warning(plain, "x"))
