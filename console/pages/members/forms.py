"""Forms of members and invitations."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from console.access.explain import ACTS
from console.access.policy import Access, Permission, Role
from console.lib.naming.branch_patterns import parse_patterns
from console.lib.naming.names import ALL_BRANCHES
from console.members.services import people_of
from console.models import App, User

# Title and explanation, one per line. The page shows the first line in bold.
ROLE_WORDS = {
    Role.VIEWER: "Viewer\nSees keys, variables and activity, but no secret values.",
    Role.DEVELOPER: "Developer\nEdits and reveals values on unprotected branches.",
    Role.MAINTAINER: (
        "Maintainer\nEdits and reveals values everywhere, including protected branches."
    ),
    Role.OWNER: (
        "Owner\nEverything a maintainer can do, plus the app's settings, branches and members."
    ),
}


class RoleForm(forms.Form):
    """A role and the branches it is limited to."""

    role = forms.ChoiceField(
        choices=[(role.value, words) for role, words in ROLE_WORDS.items()],
        initial=Role.DEVELOPER.value,
        widget=forms.RadioSelect,
    )
    patterns = forms.CharField(
        label="Limit to branches",
        required=False,
        strip=False,
        max_length=6000,  # 20 patterns of 255 characters, with room
        help_text=(
            "Where this role can edit and reveal values. Enter one pattern per line, such as "
            "main, release/* or feature/*; * matches any characters, including /. Leave empty "
            "for every branch. A limited role can't edit or reveal values for All branches."
        ),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "off"}),
    )

    def clean_patterns(self) -> list[str]:
        return parse_patterns(self.cleaned_data["patterns"])


class GroupMemberForm(RoleForm):
    """A group that becomes a member."""

    group = forms.ModelChoiceField(
        Group.objects.none(),
        empty_label="Choose a group",
        help_text="Operators manage groups. Everyone in the group gets this role.",
    )
    field_order = ("group", "role", "patterns")

    def __init__(self, *args: Any, app: App, **kwargs: Any) -> None:
        """Offer the groups that are not members yet."""
        super().__init__(*args, **kwargs)
        free = Group.objects.exclude(memberships__app=app).order_by("name")
        _offer(self.fields["group"], free)


class InvitationForm(RoleForm):
    """An invitation."""

    email = forms.EmailField(
        label="Email address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("email", "role", "patterns")


class DecisionForm(forms.Form):
    """The user, act and branch to check access for."""

    who = forms.ModelChoiceField(User.objects.none(), label="Member", empty_label=None)
    act = forms.TypedChoiceField(
        label="Action",
        choices=[(permission.name, words) for permission, words in ACTS.items()],
        coerce=lambda name: Permission[name],
    )
    where = forms.TypedChoiceField(label="Branch", required=False, empty_value=None)

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        """Offer the app's people and branches."""
        super().__init__(*args, **kwargs)
        people = [person.pk for person in people_of(access.app)]
        _offer(self.fields["who"], User.objects.filter(pk__in=people).order_by("email"))
        branches = {str(branch.pk): branch for branch in access.branches}
        where = cast(forms.TypedChoiceField, self.fields["where"])
        choices = ((pk, branch.label) for pk, branch in branches.items())
        where.choices = [("", ALL_BRANCHES), *choices]
        where.coerce = branches.__getitem__


class RotatedForm(forms.Form):
    """Secrets that were rotated, by their tokens."""

    entry = forms.MultipleChoiceField()

    def __init__(self, *args: Any, entries: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["entry"].choices = [(entry, entry) for entry in entries]  # type: ignore[attr-defined]  # a ChoiceField


def _offer(field: forms.Field, rows: QuerySet) -> None:
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for the types alone
    field.queryset = rows
