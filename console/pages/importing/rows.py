"""What the preview of an import shows: its rows, their notes, and the sum of what is chosen."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.environment.importing import Change
from console.environment.sources import sources
from console.lib.results import RowOutcome
from console.models import scope_name
from console.pages.importing.forms import REMOVE, ImportForm, removal_text, row_text, token_of
from console.workflows.absent_keys import AbsentKey
from console.workflows.importing import Line

DECIDE = "decide"
GROUPS = {
    DECIDE: "Needs a decision",
    Change.NEW: "New, ready",
    Change.CHANGED: "Changed, ready",
    Change.EXISTS: "Exists, ready",
    Change.SAME: "Same",
}
BADGES = {
    "conflict": ("warn", "warn", "Conflict"),
    "rejected": ("warn", "warn", "Rejected"),
    Change.NEW: ("ok", "plus", "New"),
    Change.CHANGED: ("info", "edit", "Changed"),
    Change.EXISTS: ("info", "edit", "Exists"),
    Change.SAME: ("", "", "Same"),
    REMOVE: ("bad", "bin", "Remove"),
}
NOT_YET = "Not saved yet."
OVERRIDES = "Overrides All branches"
_BASE = re.compile(r":[0-9:-]+ ")
PLACEHOLDER = "Looks like a placeholder, so it is left out."
PLAIN_TEXT = "{} Variables are plain text in builds."
BOTH = "A {} of this name exists. If you import a {}, both will exist."


@dataclass(frozen=True)
class Note:
    """A sentence below a row. `action` names what its button does (static/js/import/page.js)."""

    text: str
    icon: str = "warn"
    action: str = ""
    about: str = ""  # what the action is about
    label: str = ""


def rows_of(
    form: ImportForm,
    lines: Sequence[Line],
    absent: Sequence[AbsentKey],
    failed: Mapping[str, RowOutcome],
) -> list[dict[str, Any]]:
    """Return the rows of a preview, those that need a decision first, among them `absent`.

    `failed` are the outcomes of a save just before, by token. Each key offers its kinds once.
    """
    order = list(GROUPS)
    grouped = sorted((order.index(_group(line)), number) for number, line in enumerate(lines))
    numbers: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for _, index in grouped:
        line = lines[index]
        is_first = line.planned.key not in numbers
        number = numbers.setdefault(line.planned.key, len(numbers))
        row = _row(line, failed, is_first=is_first, form=form) | {"number": number}
        rows.append(row)
    ended = {_without_base(token): outcome for token, outcome in failed.items()}
    rows += [_absent_row(it, ended) for it in absent]
    rows.sort(key=lambda row: order.index(row["group"]))
    sizes = Counter(row["group"] for row in rows)
    for before, row in zip([{"group": ""}, *rows], rows, strict=False):
        is_new_group = before["group"] != row["group"]
        row["title"] = f"{GROUPS[row['group']]} ({sizes[row['group']]})" if is_new_group else ""
    return rows


def _without_base(text: str) -> str:
    """Return what names a value to remove in any state, from what names it in one."""
    return _BASE.sub(" ", text, count=1)


def _absent_row(absent: AbsentKey, ended: Mapping[str, RowOutcome]) -> dict[str, Any]:
    """Return the row of a value that the text lacks, which nobody has chosen yet."""
    text = removal_text(absent)
    outcome = ended.get(_without_base(text))
    problem = (outcome.message or NOT_YET) if outcome else absent.refusal
    return {
        "token": text,
        "text": text,
        "line": None,
        "noun": absent.noun,
        "key": absent.key,
        "branch": scope_name(absent.branch),
        "group": DECIDE,
        "change": REMOVE,
        "is_first": False,  # no choice of its kind
        "is_chosen": False,
        "is_fixed": bool(absent.refusal),
        "left": "not in the text",
        "badge": BADGES[REMOVE],
        "effect": _effect(absent),
        "notes": [Note(problem)] if problem else [],
    }


def _effect(absent: AbsentKey) -> str:
    if absent.branch is None:
        return "Branches stop inheriting it"
    return "Inherits All branches instead" if absent.is_override else ""


def _group(line: Line) -> str:
    return DECIDE if line.needs_decision else line.planned.change


def _row(
    line: Line, failed: Mapping[str, RowOutcome], *, is_first: bool, form: ImportForm
) -> dict[str, Any]:
    planned = line.planned
    token = token_of(*planned.scope)
    outcome = failed.get(token)
    left = _why_left(line)
    return {
        "token": token,
        "text": row_text(line),
        "line": line,
        "noun": line.noun,
        "key": planned.key,
        "branch": scope_name(planned.branch),
        "group": _group(line),
        "change": str(planned.change),
        "is_first": is_first,
        "is_chosen": line.is_ready and outcome is None,
        "is_fixed": bool(planned.refusal) or planned.change is Change.SAME,
        "is_cleaned": planned.key in form.cleaned,
        "left": left,
        "badge": BADGES.get(left, BADGES[planned.change]),
        "effect": OVERRIDES if line.overrides and planned.change is Change.NEW else "",
        "notes": list(_notes(line, token, outcome, is_first=is_first)),
    }


def _why_left(line: Line) -> str:
    """Return why a row is left out until it is chosen, for the sum below the table."""
    if line.planned.refusal:
        return "rejected"
    if line.is_conflict or line.also:
        return "conflict"
    if line.planned.change is Change.SAME:
        return "the same"
    return "placeholder" if line.is_placeholder else "not chosen"


def _notes(line: Line, token: str, outcome: RowOutcome | None, *, is_first: bool) -> Iterable[Note]:
    planned = line.planned
    if outcome is not None:
        yield Note(outcome.message or NOT_YET)
    if planned.refusal:
        yield Note(planned.refusal)
    if line.is_conflict:
        gone = planned.change is Change.NEW
        who = "It was removed" if gone else planned.last_change or "It changed"
        text = f"{who} after you opened this preview."
        yield Note(text, action="choose", about=token, label="Write yours")
    if line.also:
        about, label = f"{line.also} {planned.key}", f"Import as {line.also}"
        yield Note(BOTH.format(line.also, line.noun), action="kind", about=about, label=label)
    if line.is_placeholder and planned.change is not Change.SAME:
        may_generate = is_first and line.noun in {it.noun for it in sources() if it.is_confidential}
        action = {"action": "generate", "about": planned.key, "label": "Generate"}
        yield Note(PLACEHOLDER, **(action if may_generate else {}))
    if line.remark:
        can_be_cleaned = line.can_be_cleaned and is_first
        action = {"action": "clean", "about": planned.key, "label": "Remove it"}
        yield Note(line.remark, **(action if can_be_cleaned else {}))
    if line.warning:
        yield Note(PLAIN_TEXT.format(line.warning))
    for text in planned.notes:
        yield Note(text, "info")


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many rows each filter shows."""
    changes = Counter(row["change"] for row in rows)
    return {
        "all": len(rows),
        DECIDE: sum(row["group"] == DECIDE for row in rows),
        **{str(change): changes[change] for change in (*Change, REMOVE)},
    }


def sum_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what would be saved and what not, such as "3 new. Left out: 1 conflict."."""
    chosen = Counter(row["change"] for row in rows if row["is_chosen"])
    left = Counter(row["left"] for row in rows if not row["is_chosen"])
    words = {"exists": "that exist", REMOVE: "to remove"}
    parts = [f"{number} {words.get(change, change)}" for change, number in chosen.items()]
    left_out = [f"{number} {why}" for why, number in left.items()]
    sentence = f"{', '.join(parts)}." if parts else ""
    return f"{sentence} Left out: {', '.join(left_out)}.".strip() if left_out else sentence
