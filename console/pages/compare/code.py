"""The page that reads a zip of a project, and shows which of its keys a branch doesn't have.

The result is the answer to the upload: neither is stored.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html

from console.access.actors import from_request
from console.access.policy import Access, Permission, find_app
from console.environment import build_files
from console.environment.sources import source_of
from console.lib.scanning.isolated.answers import NO_FOLDER
from console.lib.scanning.isolated.parent import Refused, scan_upload
from console.lib.scanning.results import Place, Project
from console.lib.text.unprintable import one_line
from console.models import Branch, scope_name
from console.web.kit import app_context, form_data, page_with_form, show_form
from console.workflows.checking import Line, Report, State, check

MAX_BYTES = 4_000_000  # of a zip
MAX_ROWS = 1_000  # of all branches
MAX_COMPARED = 100_000  # keys of the code, counted on each branch: a second of work
MAX_PLACES = 3  # of a key
MAX_REMARKS = 100  # on what was not checked
TOO_LARGE = (
    f"The zip has more than {MAX_BYTES:,} bytes. Leave out images, packages and build output."
)
TOO_MANY = (
    "The code uses too many keys to compare with so many branches. Choose one branch, or enter the "
    "folder of one app."
)
UNCLEAR = "The key of this {} is known only when the code runs."
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}\Z", re.ASCII)  # what can be added
# How a state looks (static/css/states.css)
LOOKS = {
    State.MISSING: "missing",
    State.OPTIONAL: "none",
    State.OWN: "own",
    State.INHERITED: "inherited",
    State.UNUSED: "none",
}


class CodeForm(forms.Form):
    """A zip, and what to compare it with."""

    zip = forms.FileField(
        label="Zip of the project",
        help_text=format_html(
            "At most {} bytes. Git can make it: <code>{}</code>",
            f"{MAX_BYTES:,}",
            "git archive --format=zip --output=project.zip HEAD",
        ),
        error_messages={"required": "Choose a zip.", "empty": "This file is empty."},
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip", "data-max": MAX_BYTES}),
    )
    folder = forms.CharField(
        label="Folder (optional)",
        required=False,
        max_length=500,
        help_text="In a monorepo, the folder of one app, such as apps/web.",
    )
    branch = forms.ChoiceField(label="Compare with", required=False)

    def __init__(self, access: Access, data: Any, uploads: Any) -> None:
        super().__init__(data, uploads)
        live = [branch for branch in access.branches if branch.deleted_at is None]
        self._branches = {str(branch.pk): branch for branch in live}
        choices = [(pk, branch.label) for pk, branch in self._branches.items()]
        self.fields["branch"].choices = [("", "Every branch"), *choices]  # type: ignore[attr-defined]  # a ChoiceField

    def clean_zip(self) -> UploadedFile:
        """Refuse a file that is too large."""
        upload: UploadedFile = self.cleaned_data["zip"]
        if (upload.size or 0) > MAX_BYTES:
            raise ValidationError(TOO_LARGE)
        return upload

    @property
    def scopes(self) -> Sequence[Branch | None]:
        """Return what was chosen. An app without branches has what All branches would get."""
        if chosen := self.cleaned_data["branch"]:
            return [self._branches[chosen]]
        return [*self._branches.values()] or [None]


@page_with_form
def check_code(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show the form. A post reads the zip and shows the result."""
    access = find_app(from_request(request), app_id)
    data = form_data(request)
    form = CodeForm(access, data, None if data is None else request.FILES)
    context = {**app_context(access, "compare"), "form": form}
    if not form.is_valid():
        return show_form(request, "console/code.html", form, context)
    upload, folder = form.cleaned_data["zip"], form.cleaned_data["folder"]
    try:
        project = scan_upload(upload.chunks(), folder, build_files.module())
    except Refused as refusal:
        message = one_line(str(refusal))
        form.add_error("folder" if message == NO_FOLDER else "zip", message)
        return show_form(request, "console/code.html", form, context)
    keys = (project.uses, project.declared, project.sets, project.prefixes)
    if sum(map(len, keys)) * len(form.scopes) > MAX_COMPARED:
        form.add_error("zip", TOO_MANY)
        return show_form(request, "console/code.html", form, context)
    access = find_app(access.actor, app_id)  # it may be another one by now
    context |= _result(access, project, check(access, project, form.scopes))
    response = render(request, "console/code.html", context)
    response["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True)
class Row:
    """A key on some branches. `address` is where to add it, "" if the actor can't or needn't."""

    state: State
    look: str
    noun: str
    key: str
    places: Sequence[str]
    more: int
    remarks: Sequence[str]
    address: str


@dataclass(frozen=True)
class Group:
    """Branches that have the same keys, with the number of rows that are left out."""

    branches: Sequence[str]
    number_missing: int  # also of those left out
    missing: Sequence[Row]
    others: Sequence[Row]
    counts: Sequence[tuple[State, int]]  # of the others
    left_out: int


def _result(access: Access, project: Project, report: Report) -> dict[str, Any]:
    remarks = [*_remarks(project)]
    return {
        "report": report,
        "project": project,
        "missing": len({(line.noun, line.key) for line in report.missing}),
        "groups": [*_groups(access, report)],
        "remarks": remarks[:MAX_REMARKS],
        "remarks_left_out": max(len(remarks) - MAX_REMARKS, 0),
        "is_wrong": any(problem.is_error for problem in project.problems),
        "has_optional": any(line.state is State.OPTIONAL for line in report.lines),
        "has_unused": any(line.state is State.UNUSED for line in report.lines),
    }


def _remarks(project: Project) -> Iterator[tuple[str, str]]:
    """Yield where and why something was not checked, with what makes the result wrong first."""
    for problem in sorted(project.problems, key=lambda it: not it.is_error):
        yield _shown(problem.place), one_line(problem.message)
    for noun, place in project.unclear:
        yield _shown(place), UNCLEAR.format(noun)


def _shown(place: Place) -> str:
    return f"{one_line(place.path)}:{place.line}" if place.path else ""


def _groups(access: Access, report: Report) -> Iterator[Group]:
    """Yield the results by branch. Branches with the same result have one together."""
    same: dict[object, list[list[Line]]] = {}
    for _, found in groupby(report.lines, key=lambda line: line.branch):
        lines = [*found]
        result = tuple((it.noun, it.key, it.state, it.hint) for it in lines)
        same.setdefault(result, []).append(lines)
    left = MAX_ROWS
    for members in same.values():
        lines = members[0]
        branches = [member[0].branch for member in members]
        rows = [_row(access, line, branches) for line in islice(lines, left)]
        left -= len(rows)
        yield Group(
            [scope_name(branch) for branch in branches],
            sum(line.state is State.MISSING for line in lines),
            [row for row in rows if row.state is State.MISSING],
            others := [row for row in rows if row.state is not State.MISSING],
            [*Counter(row.state for row in others).items()],
            len(lines) - len(rows),
        )


def _row(access: Access, line: Line, branches: Sequence[Branch | None]) -> Row:
    texts = (line.hint, line.description, f"Pattern: {line.pattern}" if line.pattern else "")
    return Row(
        line.state,
        LOOKS[line.state],
        line.noun,
        one_line(line.key),
        [_shown(place) for place in line.places[:MAX_PLACES]],
        max(len(line.places) - MAX_PLACES, 0),
        [one_line(text) for text in texts if text] if line.state is State.MISSING else [],
        _address(access, line, branches),
    )


def _address(access: Access, line: Line, branches: Sequence[Branch | None]) -> str:
    """Return the list in which the first row is filled with a missing key, on the first branch."""
    is_missing = line.state is State.MISSING and line.noun and _KEY.match(line.key)
    if not is_missing or not access.may_on(Permission.WRITE, branches[0]):
        return ""
    on = {"branch": branches[0].pk} if branches[0] else {}
    return source_of(line.noun).list_url(access, key=line.key, **on)
