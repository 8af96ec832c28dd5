"""Post to the pages of variables, and read what they answer."""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

from django.test import Client

from console.models import Branch

BASE = "/apps/d1shop/hosting/environment-variables/"
_HIDDEN = re.compile(r'<input type="hidden" name="seen" value="([^"]*)"')


def post_bulk(client: Client, action: str, text: str, *scopes: Branch | None, **fields: Any) -> Any:
    """Post a text to bulk edit, for All branches unless scopes are given."""
    chosen = [branch.pk if branch else "" for branch in scopes or (None,)]
    data = {"action": action, "text": text, "scope": chosen, **fields}
    return client.post(f"{BASE}bulk/", data)


def preview_bulk(client: Client, text: str, *scopes: Branch | None, **fields: Any) -> Any:
    """Return the preview of a text."""
    page = post_bulk(client, "preview", text, *scopes, **fields)
    assert page.status_code == 200, page.status_code
    return page


def apply_bulk(client: Client, text: str, *scopes: Branch | None, **fields: Any) -> Any:
    """Preview a text, then apply it with the versions that the preview showed."""
    seen = seen_field(preview_bulk(client, text, *scopes, **fields))
    return post_bulk(client, "apply", text, *scopes, seen=seen, **fields)


def seen_field(page: Any) -> str:
    """Return the preview's hidden field with the versions that it shows."""
    [seen] = _HIDDEN.findall(page.text)
    return unescape(seen)


def lines(page: Any) -> list[tuple[str, str, str]]:
    """Return a preview's lines as change (or "Refused"), key and branch."""
    return [
        ("Refused" if line["refused"] else line["word"], line["key"], line["branch"])
        for line in page.context["lines"]
    ]


def values(page: Any) -> dict[str, tuple[str | None, str | None]]:
    """Return a preview's old and new values, by key."""
    return {
        line["key"]: tuple(line[side] and line[side].text for side in ("old", "new"))
        for line in page.context["lines"]
    }


def notes(page: Any) -> dict[str, str]:
    """Return the messages of a preview's lines, by key."""
    return {line["key"]: line["note"].message for line in page.context["lines"] if line["note"]}


def keys(rows: Iterable[Any]) -> list[str]:
    """Return the keys of rows."""
    return [row["key"] for row in rows]
