"""The page that downloads a branch's effective variables in one of the formats."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from console.access.actors import from_request
from console.access.policy import find_app
from console.catalog.notes import notes_of
from console.lib.naming.names import ALL_BRANCHES
from console.models import KeyNote, scope_name
from console.web.downloads import one_at_a_time
from console.web.kit import app_context
from envvars_app.formats import FORMATS, Format
from envvars_app.pages.bulk_forms import ALL, scope_of
from envvars_app.variables.queries import effective_values, listed_branches


@require_safe
def download(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Send the requested file. Without a format, list the formats and what each can't hold."""
    access = find_app(from_request(request), app_id)
    branches = listed_branches(access)
    requested, name = request.GET.get("branch", ALL), request.GET.get("format", "")
    branch = scope_of(requested, branches)
    values = effective_values(access, branch)
    if name:
        notes = notes_of(access.app, values)
        return one_at_a_time(request, lambda: _file(name, values, notes))
    context = {
        **app_context(access, "variables"),
        "requested": requested,
        "branch_name": scope_name(branch),
        "count": len(values),
        "choices": [(ALL, ALL_BRANCHES), *((str(b.pk), b.label) for b in branches)],
        "formats": [_row(format, values) for format in FORMATS.values()],
    }
    return render(request, "variables/download.html", context)


def _row(format: Format, values: dict[str, str]) -> dict[str, Any]:
    return {
        "name": format.name,
        "label": format.label,
        "filename": format.filename,
        "left_out": format.render(values).left_out.items(),
    }


def _comment(key: str, note: KeyNote) -> str:
    labels = f"[{', '.join(note.label_list)}]" if note.labels else ""
    takes = f"({note.value_type.label})" if note.value_type else ""
    text = " ".join(filter(None, (note.note, labels, takes)))
    return f"{key}: {text}".replace("\t", " ").strip()


def _file(name: str, values: dict[str, str], notes: dict[str, KeyNote]) -> HttpResponse:
    if name not in FORMATS:
        raise Http404("Unknown format.")
    format = FORMATS[name]
    comments = [_comment(key, note) for key, note in sorted(notes.items())]
    text = format.with_comments(format.render(values).text, comments)
    response = HttpResponse(text, content_type=format.content_type)
    response["Content-Disposition"] = content_disposition_header(True, format.filename)
    response["Cache-Control"] = "no-store"  # a cached file would outlive the reader's access
    return response
