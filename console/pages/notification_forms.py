"""The form of the events that somebody is mailed about."""

from django import forms

from console.models.notifications import Kind


class NoticesForm(forms.Form):
    """A box for each kind of event; no tick is no mail."""

    kinds = forms.MultipleChoiceField(
        label="Mail me when",
        choices=Kind.choices,
        required=False,
        help_text="A mail says who did what, where and when, and never a value. What you do "
        "yourself is in none. Protected is what the app's roles guard: All branches too, as soon "
        "as one branch is protected.",
        widget=forms.CheckboxSelectMultiple,
    )
