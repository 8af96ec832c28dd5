"""Forms of an account: preferences, a new password, and the first operator's."""

from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from console.models import User

BROWSERS = "The browser's"  # time zone
SELECTED = mark_safe(" selected")


@cache  # finding them reads hundreds of files
def time_zones() -> list[tuple[str, str]]:
    """Return the time zones to choose from, the browser's first."""
    # Without aliases such as "Cuba": the browser must know the name too
    names = sorted(zone for zone in available_timezones() if "/" in zone and "Etc/" not in zone)
    return [("", BROWSERS), ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class LongSelect(forms.Select):
    """A select of hundreds of options. Django would render a template for each, which is slow."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the HTML of the select."""
        chosen = self.format_value(value)
        options = format_html_join(
            "\n",
            '<option value="{}"{}>{}</option>',
            ((key, SELECTED if str(key) in chosen else "", text) for key, text in self.choices),
        )
        all_attrs = {"name": name, **self.build_attrs(self.attrs, attrs)}
        html = format_html_join(" ", '{}="{}"', all_attrs.items())
        return format_html("<select {}>{}</select>", html, options)


class PreferencesForm(forms.ModelForm):
    """How pages look for a user."""

    time_zone = forms.ChoiceField(
        choices=time_zones,
        required=False,
        widget=LongSelect,
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


class PasswordForm(forms.Form):
    """A new account's password, entered twice."""

    password1 = forms.CharField(
        label="Password",
        strip=False,
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label="Confirm password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str = "", **kwargs: Any) -> None:
        """Take the account's email, which the password must not resemble."""
        super().__init__(*args, **kwargs)
        self.account_email = email

    def clean(self) -> dict[str, Any]:
        """Check the password against the validators and its repetition."""
        fields = super().clean() or self.cleaned_data
        password = fields.get("password1")
        if password and fields.get("password2") and password != fields["password2"]:
            self.add_error("password2", "The passwords don't match. Enter them again.")
        elif password:
            try:
                validate_password(password, User(email=fields.get("email", self.account_email)))
            except ValidationError as error:
                self.add_error("password1", error)
        return fields


class SetupForm(PasswordForm):
    """The account of the first operator."""

    email = forms.EmailField(
        max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    sample_app = forms.BooleanField(label="Add a sample app", required=False, initial=True)
    field_order = ("email", "password1", "password2", "sample_app")
