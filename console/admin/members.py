"""Admin pages of members and groups. Changes are audited."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from console.access.actors import from_request
from console.admin.base import AuditedAdmin
from console.lib.naming.branch_patterns import parse_patterns
from console.lib.naming.lookalikes import label_problem
from console.members import services
from console.models import Member, User

admin.site.unregister(Group)  # Django's own page is not audited


@admin.register(Member)
class MemberAdmin(AuditedAdmin):
    """Members. An operator who wants to read values must become a member here, which is audited."""

    list_display = (
        "name",
        "app",
        "role",
        "patterns",
    )
    list_filter = ("role", "app")
    list_select_related = (
        "user",
        "group",
        "app",
    )
    search_fields = (
        "user__email",
        "group__name",
        "app__name",
        "app__app_id",
    )
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Member | None = None) -> list[str]:
        """Return the fields that can't change once the member exists."""
        return ["app", "user", "group"] if obj else []

    def save_model(self, request: HttpRequest, obj: Member, form: Any, change: bool) -> None:
        """Set the role."""
        principal = obj.user or obj.group
        assert principal  # noqa: S101 - the form has asked for one of the two
        saved = services.set_member(
            actor=from_request(request),
            app=obj.app,
            principal=principal,
            role=obj.role,
            patterns=parse_patterns(obj.patterns),
        )
        obj.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        """Remove the member."""
        services.remove_member(actor=from_request(request), member=obj)


class GroupForm(forms.ModelForm):
    """A group and its users."""

    users = forms.ModelMultipleChoiceField(
        User.objects.order_by("email"),
        required=False,
        label="People",
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Group
        fields: ClassVar[list[str]] = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["users"].initial = self.instance.user_set.all()

    def clean_name(self) -> str:
        """Refuse a name with characters that can't be seen."""
        name = str(self.cleaned_data["name"])
        if problem := label_problem(name):
            raise forms.ValidationError(problem)
        return name


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    """Groups. A group's users have its roles in apps, so changes are recorded in each app."""

    form = GroupForm
    list_display = ("name",)
    list_filter = ("memberships__app",)
    search_fields = ("name",)
    actions = None

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Save the name and the users."""
        services.set_group(actor=from_request(request), group=obj, users=form.cleaned_data["users"])

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Delete the group."""
        services.delete_group(actor=from_request(request), group=obj)
