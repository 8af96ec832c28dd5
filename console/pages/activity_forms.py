"""The filter form of the activity pages."""

from typing import Any

from django import forms

from console.audit import presentation
from console.audit.queries import Filter

_TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


def _text(label: str, offered: str = "") -> forms.CharField:
    attributes = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    if offered:
        attributes["list"] = offered
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=1011,
        widget=forms.TextInput(attributes),
    )


def _time(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        required=False,
        input_formats=_TIMES,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=_TIMES[0]),
        error_messages={"invalid": "Enter a UTC time such as 2026-11-23T14:05."},
    )


class FilterForm(forms.Form):
    """The filters, with times in UTC. If one is invalid, nothing is listed."""

    q = _text("Search activity")
    action = forms.ChoiceField(label="Action", required=False)
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=presentation.OUTCOME_CHOICES
    )
    person = _text("Person", "people")
    key = _text("Variable")
    branch = _text("Branch", "branches")
    app = _text("App ID")
    since = _time("From (UTC)")
    until = _time("To (UTC)")

    def __init__(self, data: Any, *, app_id: str = "") -> None:
        super().__init__(data, auto_id="by-%s", label_suffix="")
        self.app_id = app_id
        self.fields["action"].choices = presentation.action_choices()  # type: ignore[attr-defined]
        if app_id:
            del self.fields["app"]

    def filters(self) -> Filter | None:
        """Return the filter, or None if a field is invalid."""
        if not self.is_valid():
            return None
        filters = Filter(**self.cleaned_data)
        return filters.of_app(self.app_id) if self.app_id else filters

    def narrows(self) -> bool:
        """Return True if any filter is set."""
        return any(self.data.get(name) for name in self.fields)

    def narrows_more(self) -> bool:
        """Return True if one of the collapsed filters is set."""
        return any(self.data.get(name) for name in self.fields if name not in _FIRST)


_FIRST = ("q", "action", "outcome")
