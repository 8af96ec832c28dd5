"""The page of a key's type, which its secrets and variables share."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from console.access.policy import Access
from console.audit.events import Action
from console.catalog import key_types, notes
from console.environment.sources import source_of
from console.lib.row_forms import field, version
from console.lib.value_types.types import LABELS, RULE_LIMIT
from console.pages.notes import SAVE_AGAIN, base_of, secret_in
from console.web.kit import (
    app_context,
    call_service,
    find_app_for_form,
    form_data,
    page_with_form,
    show_form,
)

NO_TYPE = "Any value"


class TypeForm(forms.Form):
    """A kind and its rule. `is_suspicious` is True once it was refused for what may be a secret."""

    is_suspicious = False

    kind = forms.ChoiceField(
        label="Type",
        required=False,
        choices=[("", NO_TYPE), *((str(kind), label) for kind, label in LABELS.items())],
        help_text="Every new value is checked before it is saved. Stored values stay as they are.",
    )
    rule = forms.CharField(
        required=False,
        strip=False,
        max_length=2 * RULE_LIMIT,  # line breaks count twice in a browser
        widget=forms.Textarea(
            attrs={"rows": 3, "autocapitalize": "off", "spellcheck": "false", "class": "mono"}
        ),
        help_text=(
            "For a whole number, a range such as 1..65535. For a length, a number of characters "
            "such as 32 or 8..64. For a list, each allowed value on its own line. For a pattern, a "
            "regular expression (RE2) that matches the whole value. Every member can read the "
            "rule, so don't write secret values here."
        ),
    )


@page_with_form
def key_type(request: HttpRequest, app_id: str, pk: int, noun: str) -> HttpResponseBase:
    """Show a key's type, or change it."""
    access = find_app_for_form(request, app_id, Action.TYPE_CHANGED)
    source = source_of(noun)
    (key, _), back = source.find_key(access, pk), source.url(access, pk)
    form = TypeForm(form_data(request))
    if request.method == "POST" and _is_done(request, access, key, form):
        return redirect(back)
    current = notes.versions_of(access.app, key).first()
    if current:
        form.initial = {"kind": current.kind, "rule": current.rule}
    context = {
        **app_context(access, "secrets" if source.is_confidential else "variables"),
        "key": key,
        "noun": noun,
        "back": back,
        "base": base_of(request, form, current),
        "current": current,
        "what": "Type",
        "shares": "type",
        "may_edit": key_types.may_set(access),
    }
    return show_form(request, "console/key_type.html", form, context)


def _is_done(request: HttpRequest, access: Access, key: str, form: TypeForm) -> bool:
    """Set the type that was posted. Return False if the form has errors."""
    if not form.is_valid():
        return False
    if "sure" not in request.POST and (what := secret_in(form.cleaned_data["rule"])):
        form.add_error("rule", f"{what} {SAVE_AGAIN}")
        form.is_suspicious = True
        return False
    call_service(
        form,
        key_types.set_type,
        actor=access.actor,
        app_id=access.app.app_id,
        key=key,
        base=version(field(request.POST, "base")),
        **form.cleaned_data,
    )
    if form.is_valid():
        messages.success(request, f"Saved the type of {key}.")
    return form.is_valid()
