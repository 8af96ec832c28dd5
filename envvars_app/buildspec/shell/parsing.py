r"""Reading of shell commands: which programs they start, with which words, in which shell.

This is not a shell. It reads what stands in build specifications (words, quotes, expansions,
pipelines, lists, subshells, redirections, here-documents) and never fails: text that it doesn't
understand becomes words.
"""

import re

from envvars_app.buildspec.shell.commands import Command, Word, send_output

_SPACE = re.compile(r"(?:[ \t\r]|\\\n)+")
_SEPARATOR = re.compile(r"\|\||&&|;;|\|&|[;|\n]|&(?!>)")
_REDIRECTION = re.compile(r"(?:\d*|&)(?:<<<|<<-?|>>|>\||[<>]&|<>|[<>])(?!\()")
_PIECE = re.compile(r"[^\s;|&()<>\"'`$\\]+")
_QUOTED_RUN = re.compile(r'[^"$`\\]+')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_BRACED_NAME = re.compile(r"[#!]?([A-Za-z_][A-Za-z0-9_]*)")
_KEYWORDS = {*"!{}", "if", "then", "elif", "else", "while", "until", "do", "time", "fi", "done"}
MAX_DEPTH = 8  # of nested substitutions that are read
MAX_GROUPS = 100  # (…) and {…} whose output is followed
MAX_SHELLS = 20  # of parentheses in each other that are told apart


def parse(text: str, depth: int = 0, shell: tuple[int, ...] = ()) -> list[Command]:
    """Return the commands in `text`, in order. Those in substitutions are in the words."""
    return _Reader(text, depth, shell).read()


class _Reader:
    """A cursor in a text that builds the commands."""

    def __init__(self, text: str, depth: int, shell: tuple[int, ...]) -> None:
        self.text = text
        self.depth = depth
        self.at = 0
        self.shells = [shell]
        self.commands: list[Command] = []
        self.documents: list[tuple[str, Command]] = []
        self.piped_from: Command | None = None
        self.command = Command(shell, 0)
        # Where groups, (…) and {…}, began; and those that ended, with what stands after them
        self.openings: list[int] = []
        self.groups: list[tuple[list[Command], Command]] = []

    def read(self) -> list[Command]:
        while self.at < len(self.text):
            self._step()
        self._end_command()
        for group, after in self.groups:
            send_output(group, after)
        return self.commands

    def _step(self) -> None:
        if space := self._match(_SPACE):
            self.at = space.end()
        elif self.text[self.at] == "#" and self._is_word_start():
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
        elif redirection := self._match(_REDIRECTION):
            self._redirect(redirection)
        elif separator := self._match(_SEPARATOR):
            self._separate(separator)
        elif self.text[self.at] in "()":
            self._parenthesis()
        else:
            self._add(self._word())

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.match(self.text, self.at)

    def _is_word_start(self) -> bool:
        return self.at == 0 or self.text[self.at - 1] in " \t\r\n;|&()"

    def _redirect(self, redirection: re.Match[str]) -> None:
        self.at = redirection.end()
        if space := self._match(_SPACE):
            self.at = space.end()
        operator, target = redirection[0].lstrip("0123456789"), self._word()
        if operator in {"<<", "<<-"}:
            self.documents.append((target.text, self.command))
        else:
            self.command.redirections.append((redirection[0], target))

    def _separate(self, separator: re.Match[str]) -> None:
        self.at = separator.end()
        before = self.command
        self._end_command()
        if separator[0] in {"|", "|&"}:
            self.piped_from = before
            before.shell = (*before.shell, -before.at - 1)  # each part of a pipeline is a subshell
        elif separator[0] == "&":
            before.shell = (*before.shell, -before.at - 1)
        if separator[0] == "\n":
            self._read_documents()

    def _read_documents(self) -> None:
        for delimiter, command in self.documents:
            end = re.compile(rf"^\t*{re.escape(delimiter)}[ \t\r]*$", re.MULTILINE)
            found = end.search(self.text, self.at)
            stop = found.start() if found else len(self.text)
            command.documents.append(self._quoted(self.text[self.at : stop]))
            self.at = min(found.end() + 1 if found else stop, len(self.text))
        self.documents = []

    def _parenthesis(self) -> None:
        is_opening = self.text[self.at] == "("
        self._end_command()
        self.at += 1
        if is_opening:
            outer = self.shells[-1]
            self.shells.append((*outer, self.at) if len(outer) < MAX_SHELLS else outer)
            self.openings.append(len(self.commands))
        elif len(self.shells) > 1:
            self.shells.pop()
        self.command = Command(self.shells[-1], self.at)
        if not is_opening:
            self._close_group()

    def _close_group(self) -> None:
        if self.openings and len(self.groups) < MAX_GROUPS:
            self.groups.append((self.commands[self.openings.pop() :], self.command))

    def _end_command(self) -> None:
        command = self.command
        if command.words or command.assignments or command.redirections or command.documents:
            if self.piped_from is not None:
                self.piped_from.pipe_to = command
                command.shell = (*command.shell, -command.at - 1)
            self.commands.append(command)
        self.piped_from = None
        self.command = Command(self.shells[-1], self.at)

    def _add(self, word: Word) -> None:
        command = self.command
        if not command.words:
            if word.text in _KEYWORDS:
                self._keyword(word.text)
                return
            if not command.assignments and not command.redirections:
                command.at = word.start
            if found := _ASSIGNMENT.match(word.text):
                word.text = word.text[found.end() :]
                command.assignments[found[1]] = word
                return
        command.words.append(word)

    def _keyword(self, word: str) -> None:
        if word == "{":
            self.openings.append(len(self.commands))
        elif word == "}":
            self._close_group()

    def _word(self) -> Word:
        word = Word(start=self.at)
        while self.at < len(self.text) and not (
            self.text[self.at] in " \t\r\n;|&()" or self._ends_at_angle()
        ):
            self._piece(word)
        if self._opens_array(word):
            self._substitute(word, "(", "")
        return word

    def _ends_at_angle(self) -> bool:
        return self.text[self.at] in "<>" and self.text[self.at + 1 : self.at + 2] != "("

    def _opens_array(self, word: Word) -> bool:
        return self.text[self.at : self.at + 1] == "(" and bool(_ASSIGNMENT.fullmatch(word.text))

    def _piece(self, word: Word) -> None:
        sign = self.text[self.at]
        if plain := self._match(_PIECE):
            word.text += plain[0]
            self.at = plain.end()
        elif sign == "\\":
            word.text += self.text[self.at + 1 : self.at + 2].replace("\n", "")
            self.at += 2
        elif sign == "'":
            self._until("'", word)
        elif sign == '"':
            self._double_quotes(word)
        elif sign in "<>":
            self._substitute(word, self.text[self.at : self.at + 2], ")")
        else:
            self._expansion(word)

    def _until(self, end: str, word: Word) -> None:
        stop = self.text.find(end, self.at + 1)
        stop = len(self.text) if stop < 0 else stop
        word.text += self.text[self.at + 1 : stop]
        self.at = stop + 1

    def _quoted(self, text: str) -> Word:
        """Return the content of double quotes as a word."""
        reader, word = _Reader(text, self.depth, self.shells[-1]), Word()
        while reader.at < len(text):
            reader._quoted_piece(word)
        return word

    def _double_quotes(self, word: Word) -> None:
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != '"':
            self._quoted_piece(word)
        self.at += 1

    def _quoted_piece(self, word: Word) -> None:
        sign = self.text[self.at]
        if run := self._match(_QUOTED_RUN):
            word.text += run[0]
            self.at = run.end()
        elif sign in "$`":
            self._expansion(word)
        elif sign == "\\" and self.text[self.at + 1 : self.at + 2] in '$`"\\\n':
            word.text += self.text[self.at + 1 : self.at + 2].replace("\n", "")
            self.at += 2
        else:
            word.text += sign
            self.at += 1

    def _expansion(self, word: Word) -> None:
        """Read what starts with $ or a backtick."""
        following = self.text[self.at + 1 : self.at + 2]
        if self.text[self.at] == "`":
            self._substitute(word, "`", "`")
        elif following == "(":
            self._substitute(word, "$(", ")")
        elif following == "{":
            self._braces(word)
        elif name := _NAME.match(self.text, self.at + 1):
            word.variables.append(name[0])
            word.text += f"${name[0]}"
            self.at = name.end()
        else:  # $'…' and special parameters
            word.text += "" if following == "'" else "$"
            self.at += 1

    def _braces(self, word: Word) -> None:
        stop = self.text.find("}", self.at)
        stop = len(self.text) if stop < 0 else stop + 1
        inside = self.text[self.at + 2 : stop - 1]
        if found := _BRACED_NAME.match(inside):
            word.variables.append(found[1])
        word.variables += re.findall(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)", inside)
        word.text += self.text[self.at : stop]
        self.at = stop

    def _substitute(self, word: Word, opening: str, closing: str) -> None:
        start = self.at + len(opening)
        stop = self._closing(start, closing or ")")
        inside = self.text[start:stop]
        word.text += self.text[self.at : stop + 1]
        self.at = stop + 1
        if closing and self.depth < MAX_DEPTH:
            shell = (*self.shells[-1], start)
            word.scripts += parse(inside, self.depth + 1, shell)

    def _closing(self, start: int, closing: str) -> int:
        """Return the position of the closing parenthesis or backtick, or the end of the text."""
        depth, at = 1, start
        quote = ""
        while at < len(self.text):
            sign = self.text[at]
            if sign == "\\" and quote != "'":
                at += 1
            elif quote:
                quote = "" if sign == quote else quote
            elif sign == closing:
                depth -= 1
                if not depth:
                    return at
            elif sign == "(" and closing == ")":
                depth += 1
            elif sign in "'\"":
                quote = sign
            at += 1
        return len(self.text)
