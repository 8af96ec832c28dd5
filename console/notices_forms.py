"""The form of the events that somebody is mailed about."""

from django import forms

from console.notices_models import Kind


class NoticesForm(forms.Form):
    """A box for each kind of event; no tick is no mail."""

    kinds = forms.MultipleChoiceField(
        label="Mail me when",
        choices=Kind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
