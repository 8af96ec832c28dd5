"""The page of a key's note and labels, which its secrets and variables share."""

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from console.access.policy import Access
from console.audit.events import Action
from console.catalog import notes
from console.environment.sources import source_of
from console.lib.row_forms import field, version
from console.lib.text.labels import LABEL_LIMIT, MAX_LABELS
from console.lib.text.likely_secrets import secret_warning, token_format
from console.models import KeyNote
from console.web.kit import app_context, find_app_for_form, form_data, page_with_form, show_form

SHOWN_VERSIONS = 50


SAVE_AGAIN = (
    "Nothing was saved yet. Every member can read notes, and backups contain them. If this isn't a "
    "secret, save again."
)


class NoteForm(forms.Form):
    """A note and labels. `is_suspicious` is True once it was refused for what may be a secret."""

    is_suspicious = False

    note = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=(
            "Plain text that every member of the app can read, such as where the value comes from "
            "and what to do after changing it. Characters that can't be seen are left out. Don't "
            "write secret values here."
        ),
    )
    labels = forms.CharField(
        required=False,
        max_length=MAX_LABELS * (LABEL_LIMIT + 2),
        help_text="Words to filter lists by, separated by spaces, such as payments.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )


@page_with_form
def key_note(request: HttpRequest, app_id: str, pk: int, noun: str) -> HttpResponseBase:
    """Show a key's note with its earlier versions. Change it, or erase the earlier ones."""
    access = find_app_for_form(request, app_id, Action.NOTE_CHANGED)
    source = source_of(noun)
    (key, _), back = source.find_key(access, pk), source.url(access, pk)
    form = NoteForm(form_data(request))
    if request.method == "POST" and _is_done(request, access, key, form):
        return redirect(back)
    found = [*notes.versions_of(access.app, key)[:SHOWN_VERSIONS]]
    current, earlier = (found[0], found[1:]) if found else (None, [])
    if current:
        form.initial = {"note": current.note, "labels": " ".join(current.label_list)}
    context = {
        **app_context(access, "secrets" if source.is_confidential else "variables"),
        "key": key,
        "noun": noun,
        "back": back,
        "base": base_of(request, form, current),
        "current": current,
        "earlier": earlier,
        "what": "Note",
        "shares": "note and labels",
        "may_edit": not access.is_read_only,
    }
    return show_form(request, "console/key_note.html", form, context)


def base_of(request: HttpRequest, form: forms.Form, current: KeyNote | None) -> object:
    """Return the version that the next save of a note or type expects."""
    # After a conflict the page shows the other text, so the next save may replace it.
    is_new = not form.is_bound or form.has_error(NON_FIELD_ERRORS)
    return (current.version if current else 0) if is_new else request.POST.get("base")


def secret_in(text: str) -> str:
    """Return a sentence on what looks like a secret in the text, or ""."""
    if found := token_format(text):
        return f"This contains what looks like {found}."
    is_random = any(secret_warning("", word) for word in text.split())
    return "This contains text that looks random, like a key or token." if is_random else ""


def _is_done(request: HttpRequest, access: Access, key: str, form: NoteForm) -> bool:
    """Do what was posted. Return False if the form has errors."""
    actor, app_id = access.actor, access.app.app_id
    if "erase" in request.POST:
        number = notes.erase_earlier(actor=actor, app_id=app_id, key=key)
        messages.success(request, f"Erased {number} earlier note{'s' if number != 1 else ''}.")
        return True
    text = " ".join(form.cleaned_data.values()) if form.is_valid() else ""
    if "sure" not in request.POST and (what := secret_in(text)):
        form.add_error("note", f"{what} {SAVE_AGAIN}")
        form.is_suspicious = True
    if form.is_valid():
        base = version(field(request.POST, "base"))
        try:
            notes.set_note(actor=actor, app_id=app_id, key=key, base=base, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, f"Saved the note of {key}.")
    return form.is_valid()
