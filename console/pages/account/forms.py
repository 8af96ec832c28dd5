"""Forms of the user's own account."""

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms

from console.models import User

BROWSERS = "The browser's"  # time zone


def time_zones() -> list[tuple[str, str]]:
    """Return the time zones to choose from, the browser's first."""
    # Without aliases such as "Cuba": the browser must know the name too
    names = sorted(zone for zone in available_timezones() if "/" in zone and "Etc/" not in zone)
    return [("", BROWSERS), ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class PreferencesForm(forms.ModelForm):
    """How pages look for a user."""

    time_zone = forms.ChoiceField(
        choices=time_zones,
        required=False,
        help_text="Point at a time to see it in UTC. Without JavaScript, times are in UTC.",
    )

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["theme", "time_zone", "single_keys"]
        labels: ClassVar[dict[str, str]] = {"single_keys": "Shortcuts of a single key"}
        help_texts: ClassVar[dict[str, str]] = {
            "single_keys": (
                "/ searches, ? shows all shortcuts. In lists, n adds, e edits and u goes to Undo."
            ),
        }
        widgets: ClassVar[dict[str, Any]] = {"theme": forms.RadioSelect}
