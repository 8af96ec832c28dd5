"""A type of values: a kind, and the rule that narrows it. The sentences never repeat a value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from console.lib.text.invisible import describe_invisible, without_invisible
from console.lib.value_types import kinds
from console.lib.value_types.kinds import Kind
from console.lib.value_types.patterns import matches, pattern_problem

RULE_LIMIT = 1_000  # characters
MAX_CHOICES = 50
MAX_SHOWN = 200  # characters of the choices in a sentence
LABELS: Mapping[Kind, str] = {
    Kind.URL: "URL",
    Kind.EMAIL: "Email address",
    Kind.INTEGER: "Whole number",
    Kind.ENUM: "One of a list",
    Kind.PATTERN: "Pattern",
    Kind.LENGTH: "Length",
    Kind.PEM: "PEM",
    Kind.JSON: "JSON",
}
NOT_KNOWN = f"There is no such type. Choose one of these: {', '.join(Kind)}."
NO_RULE = "This type has no rule. Leave the rule empty."
NO_RANGE = "Enter a range, such as 1..65535, 8.. or ..100."
NO_LENGTH = "Enter a number of characters, such as 32, or a range, such as 8..64."
EMPTY_RANGE = "This range is empty. The first number is greater than the second."
NO_CHOICES = "Enter the values that are allowed, each on a line of its own."
TOO_MANY_CHOICES = f"A list can have {MAX_CHOICES} values at most. Use a pattern instead."
NO_PATTERN = "Enter a regular expression (RE2) on one line. It has to match the whole value."
TOO_LONG = f"A rule can have {RULE_LIMIT:,} characters at most. Shorten it."
_RANGE = re.compile(r"\s*([+-]?[0-9]{1,18})?\s*(?:(\.\.)\s*([+-]?[0-9]{1,18})?\s*)?")


class InvalidType(ValueError):
    """Raised for an invalid type. `field` is "kind" or "rule"."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class ValueType:
    """A type as it was checked by `parse`.

    `rule` is a range such as 1..65535 for numbers and lengths, the allowed values on a line each
    for a list, the regular expression for a pattern, and otherwise "".
    """

    kind: Kind
    rule: str = ""

    @classmethod
    def parse(cls, kind: str, rule: str) -> "ValueType":
        """Return the type that somebody typed. Raises InvalidType."""
        if kind not in {*Kind}:
            raise InvalidType("kind", NOT_KNOWN)
        if len(rule) > RULE_LIMIT:
            raise InvalidType("rule", TOO_LONG)
        parse = _PARSERS.get(Kind(kind), _without_rule)
        return cls(Kind(kind), parse(without_invisible(rule)))

    @property
    def label(self) -> str:
        """Return the kind in words."""
        return LABELS[self.kind]

    @property
    def expected(self) -> str:
        """Return which values it allows, to complete "This key takes …"."""
        match self.kind:
            case Kind.INTEGER:
                return f"a whole number{self._between('')}"
            case Kind.LENGTH:
                return f"values{self._between(' characters', verb=' with')}"
            case Kind.ENUM:
                return f"one of these values: {_cut(', '.join(self._choices))}"
            case Kind.PATTERN:
                return f"values that match the pattern “{self.rule}”"
        return _EXPECTED[self.kind]

    def problem(self, value: str) -> str:
        """Return a sentence that says what is expected, "" if the type allows the value."""
        if self.allows(value):
            return ""
        sentence = f"This key takes {self.expected}."
        if self.kind is Kind.JSON:
            return f"{sentence} {kinds.json_problem(value)}"
        return f"{sentence} {describe_invisible(value)}".rstrip()

    def allows(self, value: str) -> bool:
        """Return True if a value can be saved."""
        match self.kind:
            case Kind.INTEGER:
                number = kinds.integer_of(value)
                return number is not None and self._is_within(number)
            case Kind.LENGTH:
                return self._is_within(len(value))
            case Kind.ENUM:
                return value in self._choices
            case Kind.PATTERN:
                return matches(self.rule, value)
        return _CHECKS[self.kind](value)

    @property
    def _choices(self) -> list[str]:
        return self.rule.split("\n")

    @cached_property
    def _range(self) -> tuple[int | None, int | None]:
        return _bounds(self.rule)

    def _is_within(self, number: int) -> bool:
        low, high = self._range
        return (low is None or number >= low) and (high is None or number <= high)

    def _between(self, unit: str, verb: str = "") -> str:
        low, high = self._range
        if low is not None and low == high:
            return f"{verb} exactly {low}{unit}" if verb else f": {low}"
        if low is not None and high is not None:
            return f"{verb} {low} to {high}{unit}" if verb else f" from {low} to {high}"
        if low is not None:
            return f"{verb or ' of'} at least {low}{unit}"
        return f"{verb or ' of'} at most {high}{unit}" if high is not None else ""


_EXPECTED = {
    Kind.URL: "a URL, such as https://example.org/path",
    Kind.EMAIL: "an email address, such as name@example.org",
    Kind.PEM: "PEM with its line breaks, from -----BEGIN to -----END",
    Kind.JSON: "JSON",
}
_CHECKS: Mapping[Kind, Callable[[str], bool]] = {
    Kind.URL: kinds.is_url,
    Kind.EMAIL: kinds.is_email,
    Kind.PEM: kinds.is_pem,
    Kind.JSON: lambda value: not kinds.json_problem(value),
}


def _without_rule(rule: str) -> str:
    if rule:
        raise InvalidType("rule", NO_RULE)
    return ""


def _integer_rule(rule: str) -> str:
    return _checked_range(rule, NO_RANGE) if rule else ""


def _length_rule(rule: str) -> str:
    text = _checked_range(rule, NO_LENGTH)
    low, high = _bounds(text)
    if (low is not None and low < 0) or (high is not None and high < 0):
        raise InvalidType("rule", NO_LENGTH)
    return text


def _checked_range(rule: str, problem: str) -> str:
    """Return a range as it is stored. Raises InvalidType."""
    if not rule or rule == ".." or not _RANGE.fullmatch(rule):
        raise InvalidType("rule", problem)
    low, high = _bounds(rule)
    if low is not None and high is not None and low > high:
        raise InvalidType("rule", EMPTY_RANGE)
    return f"{'' if low is None else low}..{'' if high is None else high}"


def _bounds(rule: str) -> tuple[int | None, int | None]:
    found = _RANGE.fullmatch(rule)
    if found is None or not rule:
        return None, None
    low, dots, high = found.groups()
    first = None if low is None else int(low)
    return first, (None if high is None else int(high)) if dots else first


def _enum_rule(rule: str) -> str:
    choices = dict.fromkeys(filter(None, map(str.strip, rule.split("\n"))))
    if not choices:
        raise InvalidType("rule", NO_CHOICES)
    if len(choices) > MAX_CHOICES:
        raise InvalidType("rule", TOO_MANY_CHOICES)
    return "\n".join(choices)


def _pattern_rule(rule: str) -> str:
    if not rule or "\n" in rule:
        raise InvalidType("rule", NO_PATTERN)
    if problem := pattern_problem(rule):
        raise InvalidType("rule", problem)
    return rule


_PARSERS: Mapping[Kind, Callable[[str], str]] = {
    Kind.INTEGER: _integer_rule,
    Kind.LENGTH: _length_rule,
    Kind.ENUM: _enum_rule,
    Kind.PATTERN: _pattern_rule,
}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
