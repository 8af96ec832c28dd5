"""The page of an app's preview rules: which branches take from another what they don't have."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from console.access.amplify_apps import require_amplify_app
from console.access.policy import Access
from console.audit.events import Action
from console.catalog import previews
from console.catalog.previews import Previews, previews_of
from console.models import Branch, PreviewRule
from console.web.kit import (
    app_context,
    call_service,
    form_data,
    page_with_form,
    require_manager_access,
    show_form,
)


class RuleForm(forms.Form):
    """A new rule."""

    pattern = forms.CharField(
        label="Branches",
        max_length=255,
        help_text="A pattern such as pr-*. A * stands for any characters.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    source = forms.ChoiceField(label="Take from")

    def __init__(self, data: Any, branches: list[Branch]) -> None:
        super().__init__(data)
        choices = [(str(it.pk), it.label) for it in branches if it.deleted_at is None]
        self.fields["source"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField


@page_with_form
def preview_rules(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """List each rule with the branches that it applies to. Add, remove or move one."""
    access = require_manager_access(request, app_id, Action.PREVIEWS_CHANGED)
    require_amplify_app(access)
    for name, change in (("remove", previews.remove_rule), ("up", previews.move_rule_up)):
        if name in request.POST:
            pk = _rule_id(request.POST[name])
            changed = change(actor=access.actor, app_id=app_id, pk=pk)
            done = "Removed" if name == "remove" else "Moved"
            messages.success(request, f"{done} the rule for {changed.pattern}.")
            return redirect("preview_rules", app_id=app_id)
    form = RuleForm(form_data(request), access.branches)
    if form.is_valid():
        rule = call_service(form, _add, access=access, fields=form.cleaned_data)
        if rule is not None:
            messages.success(request, f"Added the rule for {rule.pattern}.")
            return redirect("preview_rules", app_id=app_id)
    found = previews_of(access)
    context = {
        **app_context(access, "preview_rules"),
        "rules": _lines(found, access.branches),
        "may_add": any(branch.deleted_at is None for branch in access.branches),
    }
    return show_form(request, "console/preview_rules.html", form, context)


def _rule_id(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Http404("Preview rule not found.")
    return int(text)


def _add(access: Access, fields: dict[str, Any]) -> PreviewRule:
    return previews.add_rule(
        actor=access.actor,
        app_id=access.app.app_id,
        pattern=fields["pattern"],
        source_id=int(fields["source"]),
    )


def _lines(found: Previews, branches: list[Branch]) -> list[dict[str, Any]]:
    """Return each rule with its source and the branches that it applies to."""
    by_id = {branch.pk: branch for branch in branches}
    return [
        {
            "rule": rule,
            "source": by_id[rule.source_id],
            "branches": [by_id[pk] for pk, it in found.decided.items() if it.pk == rule.pk],
        }
        for rule in found.rules
        if rule.source_id in by_id
    ]
