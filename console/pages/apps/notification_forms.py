"""The form of notification settings."""

from django import forms

from console.models.notifications import Kind


class NotificationsForm(forms.Form):
    """A checkbox for each kind of event. None checked means no mail."""

    kinds = forms.MultipleChoiceField(
        label="Email me when",
        choices=Kind.choices,
        required=False,
        help_text=(
            "Mails say who did what, where and when, and never contain a value. Your own actions "
            "are not included. “Protected” includes All branches while any branch is protected."
        ),
        widget=forms.CheckboxSelectMultiple,
    )
