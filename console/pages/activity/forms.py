"""The filter form of the activity pages."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from console.audit import presentation
from console.audit.labels import OUTCOME_CHOICES
from console.audit.queries import Filter

NO_TIME = "Enter a time such as 2026-11-23T14:05."
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
        validators=[_check_year],
        error_messages={"invalid": NO_TIME},
    )


def _check_year(time: datetime) -> None:
    if not MINYEAR < time.year < MAXYEAR:  # another zone, or a minute later, may be out of range
        raise ValidationError(NO_TIME)


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise ValidationError("Enter a time zone such as Europe/Berlin.") from None


class FilterForm(forms.Form):
    """The filters. If one is invalid, nothing is listed.

    `zone` is the time zone of the other times, as IANA names it. A script fills it in with the
    browser's, so that people filter by the same local times that they see. Without it, it is UTC.
    """

    q = _text("Search activity")
    action = forms.ChoiceField(label="Action", required=False)
    outcome = forms.ChoiceField(label="Outcome", required=False, choices=OUTCOME_CHOICES)
    person = _text("Person", "people")
    key = _text("Variable")
    branch = _text("Branch", "branches")
    app = _text("App ID")
    since = _time("From")
    until = _time("To")
    zone = forms.CharField(
        label="Time zone", required=False, validators=[_check_zone], widget=forms.HiddenInput
    )

    def __init__(self, data: Any, *, app_id: str = "") -> None:
        super().__init__(data, auto_id="by-%s", label_suffix="")
        self.app_id = app_id
        self.fields["action"].choices = presentation.action_choices()  # type: ignore[attr-defined]  # a ChoiceField
        if app_id:
            del self.fields["app"]

    def filters(self) -> Filter | None:
        """Return the filter, or None if a field is invalid."""
        with timezone.override(self.zone_or("")):
            if not self.is_valid():
                return None
        values = {name: value for name, value in self.cleaned_data.items() if name != "zone"}
        for name in ("since", "until"):
            values[name] = values[name] and values[name].astimezone(UTC)
        filters = Filter(**values)
        return filters.of_app(self.app_id) if self.app_id else filters

    def zone_or(self, default: str) -> ZoneInfo:
        """Return the time zone of the times, otherwise the default one; UTC if it is invalid."""
        name = self.data.get("zone") or default or "UTC"
        try:
            _check_zone(name)
        except ValidationError:
            return ZoneInfo("UTC")
        return ZoneInfo(name)

    def narrows(self) -> bool:
        """Return True if any filter is set."""
        return any(self.data.get(name) for name in self.fields if name != "zone")

    def narrows_more(self) -> bool:
        """Return True if one of the collapsed filters is set."""
        return any(self.data.get(name) for name in self.fields if name not in (*_FIRST, "zone"))


_FIRST = ("q", "action", "outcome")
