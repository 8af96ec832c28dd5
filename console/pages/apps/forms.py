"""Forms of apps and branches."""

from enum import StrEnum
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from console.lib.naming.lookalikes import label_problem
from console.lib.naming.names import PathProfile
from console.models import App, Branch

# Title, explanation and example paths, one per line. The page shows the first line in bold.
PROFILE_WORDS = {
    PathProfile.BOTH: (
        "Both paths (recommended)\n"
        "A backend's secret('foo') and a build's $secrets read the same value. $secrets has only "
        "ten secrets, of the branch's own.\n"
        "/amplify/d1j5gg27qnqg3c/main-branch-92c8a056ef/foo\n"
        "mirror: /amplify/d1j5gg27qnqg3c/main/foo"
    ),
    PathProfile.DOCUMENTED: (
        "Documented path only\n"
        "What the Hosting build reads as $secrets: only ten secrets, of the branch's own.\n"
        "/amplify/d1j5gg27qnqg3c/main/foo"
    ),
    PathProfile.BACKEND: (
        "Backend path only\n"
        "What a deployed backend's secret('foo') and npx ampx read.\n"
        "/amplify/d1j5gg27qnqg3c/main-branch-92c8a056ef/foo"
    ),
}


class AppKind(StrEnum):
    """What an app is, as the form of a new one asks."""

    AMPLIFY = "amplify"
    STANDALONE = "standalone"


KIND_WORDS = {
    AppKind.AMPLIFY: (
        "Amplify app\nDeployed by Amplify Hosting, from the branches of a Git repository."
    ),
    AppKind.STANDALONE: (
        "Standalone backend\n"
        "Deployed with npx ampx deploy. It has an identifier instead of an app ID.\n"
        "/amplify/myapp/backend-standalone-abeed4c9fc/foo"
    ),
}


def profile_field(help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Path profile",
        choices=[(profile.value, words) for profile, words in PROFILE_WORDS.items()],
        initial=PathProfile.BOTH.value,
        widget=forms.RadioSelect,
        help_text=help_text,
    )


class _LabeledApp:
    cleaned_data: dict[str, Any]

    def clean_name(self) -> str:
        """Refuse a name with characters that can't be seen."""
        name = str(self.cleaned_data["name"])
        if problem := label_problem(name):
            raise ValidationError(problem)
        return name


class AppForm(_LabeledApp, forms.ModelForm):
    """A new app. Its kind decides whether `app_id` or `identifier` is used and shown."""

    kind = forms.ChoiceField(
        choices=[(kind.value, words) for kind, words in KIND_WORDS.items()],
        initial=AppKind.AMPLIFY.value,
        required=False,
        widget=forms.RadioSelect,
    )
    identifier = forms.CharField(
        required=False,
        help_text=(
            "As in npx ampx deploy --identifier, for example my-app. Without that option, ampx "
            "derives it from the name in package.json. For a pipeline, enter pipeline."
        ),
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
    )
    path_profile = profile_field()
    field_order = ("kind", "name", "app_id", "identifier")

    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(*args, **arguments)
        for name in ("app_id", "path_profile"):  # `clean` requires them of an Amplify app
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """Take the ID and the profile that belong to the kind."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self._is_standalone:
            profile = PathProfile.STANDALONE.value
            return {**data, "app_id": data.get("identifier", ""), "path_profile": profile}
        if not data.get("path_profile") and "path_profile" not in self.errors:
            required = self.fields["path_profile"].error_messages["required"]
            self.add_error("path_profile", required)
        return data

    def add_error(self, field: str | None, error: Any) -> None:
        """Show what is wrong with a standalone backend's ID where it was typed."""
        problems = getattr(error, "error_dict", {})
        if self._is_standalone and "app_id" in problems:
            problems["identifier"] = problems.pop("app_id")
        super().add_error(field, error)

    @property
    def _is_standalone(self) -> bool:
        return self.cleaned_data.get("kind") == AppKind.STANDALONE

    @property
    def app_fields(self) -> dict[str, Any]:
        """Return the validated fields of the app."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    class Meta:
        model = App
        fields: ClassVar[list[str]] = ["name", "app_id", "repository", "path_profile"]
        labels: ClassVar[dict[str, str]] = {"app_id": "App ID"}
        help_texts: ClassVar[dict[str, str]] = {
            "app_id": (
                "As shown in the Amplify console, for example d1j5gg27qnqg3c. Keep the generated "
                "ID for an app that is not in Amplify yet."
            ),
            "repository": "Optional.",
        }
        widgets: ClassVar[dict[str, Any]] = {
            "app_id": forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
        }
        error_messages: ClassVar[dict[str, dict[str, str]]] = {
            "app_id": {"unique": "An app with this ID already exists. Ask its owner to add you."}
        }


class GeneralForm(_LabeledApp, forms.ModelForm):
    """An app's settings that can change."""

    path_profile = profile_field(
        "Changing the profile writes nothing by itself. After a change to both paths, the Secrets "
        "page copies the secrets to their new paths. After a change to one path, it offers the "
        "parameters at the other one for removal."
    )

    class Meta:
        model = App
        fields: ClassVar[list[str]] = ["name", "repository", "path_profile"]

    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(*args, **arguments)
        if self.instance.is_standalone:
            del self.fields["path_profile"]


class BranchForm(forms.ModelForm):
    """A new branch. Its name is not stripped."""

    name = forms.CharField(
        max_length=255,
        strip=False,
        help_text="Exactly as in Git.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off"}),
    )

    class Meta:
        model = Branch
        fields: ClassVar[list[str]] = ["name", "stage", "production", "protected"]
        labels: ClassVar[dict[str, str]] = {"production": "This is the production branch"}
        help_texts: ClassVar[dict[str, str]] = {
            "protected": (
                "Only maintainers and owners can edit or reveal values here, and for All "
                "branches while any branch is protected."
            )
        }


class BranchSettingsForm(forms.ModelForm):
    """A branch's settings that can change."""

    class Meta(BranchForm.Meta):
        fields: ClassVar[list[str]] = ["stage", "production", "protected"]


class FollowedBranchForm(forms.ModelForm):
    """What can change about a branch whose stage Amplify decides."""

    class Meta(BranchForm.Meta):
        fields: ClassVar[list[str]] = ["protected"]


class SearchForm(forms.Form):
    """A search box. Long text is cut, not rejected."""

    q = forms.CharField(required=False)

    def text(self) -> str:
        """Return the text to search for."""
        self.is_valid()
        return str(self.cleaned_data.get("q", ""))[:200]
