"""Forms of apps, branches and the set-up page."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from console.lib.names import PathProfile
from console.models import App, Branch, User

# Title, explanation, example paths: a line each; the page makes the first one bold.
PROFILE_WORDS = {
    PathProfile.BOTH: """Both paths (recommended)
The backend's secret('foo') and the build's $secrets read the same value.
/amplify/d1j5gg27qnqg3c/main-branch-92c8a056ef/foo
mirror: /amplify/d1j5gg27qnqg3c/main/foo""",
    PathProfile.DOCUMENTED: """Documented path alone
What the Hosting build reads as $secrets.
/amplify/d1j5gg27qnqg3c/main/foo""",
    PathProfile.BACKEND: """Backend path alone
What a deployed backend's secret('foo') and npx ampx read.
/amplify/d1j5gg27qnqg3c/main-branch-92c8a056ef/foo""",
}


def _profile_field(help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Path profile",
        choices=[(profile.value, words) for profile, words in PROFILE_WORDS.items()],
        initial=PathProfile.BOTH.value,
        widget=forms.RadioSelect,
        help_text=help_text,
    )


class PasswordForm(forms.Form):
    """The password of a new account, twice."""

    password1 = forms.CharField(
        label="Password",
        strip=False,
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label="Password, once more",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str = "", **kwargs: Any) -> None:
        """Take whose password it is, for it can't be like the email."""
        super().__init__(*args, **kwargs)
        self.whose = email

    def clean(self) -> dict[str, Any]:
        """Check the password against the rules and its repetition."""
        fields = super().clean() or self.cleaned_data
        password = fields.get("password1")
        if password and fields.get("password2") and password != fields["password2"]:
            self.add_error("password2", "The two passwords differ. Type them again.")
        elif password:
            try:
                validate_password(password, User(email=fields.get("email", self.whose)))
            except ValidationError as error:
                self.add_error("password1", error)
        return fields


class SetupForm(PasswordForm):
    """The first operator."""

    email = forms.EmailField(
        max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    sample_app = forms.BooleanField(label="Add a sample app", required=False, initial=True)
    field_order = ("email", "password1", "password2", "sample_app")


class AppForm(forms.ModelForm):
    """A new app."""

    path_profile = _profile_field()

    class Meta:
        model = App
        fields: ClassVar[list[str]] = ["name", "app_id", "repository", "path_profile"]
        labels: ClassVar[dict[str, str]] = {"app_id": "App ID"}
        help_texts: ClassVar[dict[str, str]] = {
            "app_id": "As the Amplify console shows it, for example d1j5gg27qnqg3c. "
            "The generated one serves an app that is not in Amplify yet.",
            "repository": "Optional.",
        }
        widgets: ClassVar[dict[str, Any]] = {
            "app_id": forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
        }
        error_messages: ClassVar[dict[str, dict[str, str]]] = {
            "app_id": {"unique": "This app ID is in the console already. Ask its owner to add you."}
        }


class GeneralForm(forms.ModelForm):
    """What can change of an app."""

    path_profile = _profile_field(
        "A change moves no secret. The next check against the store shows what stands at the new "
        "path, and each secret's page puts it right."
    )

    class Meta:
        model = App
        fields: ClassVar[list[str]] = ["name", "repository", "path_profile"]


class BranchForm(forms.ModelForm):
    """A new branch. Its name is kept as it is: no stripping."""

    name = forms.CharField(
        max_length=255,
        strip=False,
        help_text="Exactly as in git.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
    )

    class Meta:
        model = Branch
        fields: ClassVar[list[str]] = ["name", "stage", "production", "protected"]
        labels: ClassVar[dict[str, str]] = {"production": "This is the production branch"}
        help_texts: ClassVar[dict[str, str]] = {
            "protected": "Only maintainers and owners write and reveal here, and on All branches "
            "as long as a branch is protected."
        }


class BranchSettingsForm(forms.ModelForm):
    """What can change of a branch."""

    class Meta(BranchForm.Meta):
        fields: ClassVar[list[str]] = ["stage", "production", "protected"]


class SearchForm(forms.Form):
    """A search box's text; what is too long is cut, not refused."""

    q = forms.CharField(required=False)

    def text(self) -> str:
        """Return what to search for."""
        self.is_valid()
        return str(self.cleaned_data.get("q", ""))[:200]
