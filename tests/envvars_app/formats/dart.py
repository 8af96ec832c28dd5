"""Read a file of Dart string constants, as the language specification defines them (Strings).

Used instead of a Dart SDK. Anything but a plain constant, such as an interpolation, fails.
"""

import re

_HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}")
_SHORT = {"n": "\n", "r": "\r", "f": "\f", "b": "\b", "t": "\t", "v": "\v"}


class _Source:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> None:
        self.at = re.compile(r"(?:[ \n]|//[^\n]*)*").match(self.text, self.at).end()

    def take(self, pattern: str) -> str:
        self.skip()
        found = re.compile(pattern).match(self.text, self.at)
        assert found, (pattern, self.text[self.at : self.at + 40])
        self.at = found.end()
        return found.group()

    def sign(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def string(self) -> str:
        self.take("'")
        read = []
        while (sign := self.sign()) != "'":
            assert sign not in "\n\r", "a line break in a string of one line"
            assert sign != "$", "an interpolation"
            read.append(self._escaped() if sign == "\\" else sign)
        return "".join(read)

    def _escaped(self) -> str:
        if found := _HEX.match(self.text, self.at):
            self.at = found.end()
            return chr(int(next(filter(None, found.groups())), 16))
        sign = self.sign()
        assert sign not in "xu", "an escape that is cut short"
        return _SHORT.get(sign, sign)


def read(text: str) -> dict[str, str]:
    """Return the constants of class Env."""
    source = _Source(text)
    for word in ("abstract", "final", "class", "Env", "{"):
        source.take(word)
    constants: dict[str, str] = {}
    while source.take(r"\}|static") == "static":
        source.take("const ")
        source.take("String ")
        name = source.take(r"[A-Za-z_$][\w$]*")
        source.take("=")
        assert name not in constants
        constants[name] = source.string()
        source.take(";")
    source.skip()
    assert source.at == len(source.text)
    return constants
