"""What the pages around the variables are asked for, and what they answer."""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

from django.test import Client

from console.models import Branch

BASE = "/apps/d1shop/hosting/environment-variables/"
_HIDDEN = re.compile(r'<input type="hidden" name="seen" value="([^"]*)"')


class Sheets:
    """Somebody at the pages of bulk edit."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def post(self, action: str, text: str, *scopes: Branch | None, **fields: Any) -> Any:
        """Post a text for some scopes; for all branches where none is given."""
        chosen = [branch.pk if branch else "" for branch in scopes or (None,)]
        data = {"action": action, "text": text, "scope": chosen, **fields}
        return self.client.post(f"{BASE}bulk/", data)

    def preview(self, text: str, *scopes: Branch | None, **fields: Any) -> Any:
        """Return the preview of a text."""
        answer = self.post("preview", text, *scopes, **fields)
        assert answer.status_code == 200, answer.status_code
        return answer

    def apply(self, text: str, *scopes: Branch | None, **fields: Any) -> Any:
        """Preview a text, and apply it as the page does."""
        seen = seen_on(self.preview(text, *scopes, **fields))
        return self.post("apply", text, *scopes, seen=seen, **fields)


def seen_on(answer: Any) -> str:
    """Return what the preview's form carries of the versions that it shows."""
    [seen] = _HIDDEN.findall(answer.text)
    return unescape(seen)


def lines(answer: Any) -> list[tuple[str, str, str]]:
    """Return a preview's lines: change, key and branch; "Refused" where it goes no further."""
    return [
        ("Refused" if line["refused"] else line["word"], line["key"], line["branch"])
        for line in answer.context["lines"]
    ]


def values(answer: Any) -> dict[str, tuple[str | None, str | None]]:
    """Return a preview's old and new values, by key."""
    return {
        line["key"]: tuple(line[side] and line[side].text for side in ("old", "new"))
        for line in answer.context["lines"]
    }


def notes(answer: Any) -> dict[str, str]:
    """Return what a preview says of its lines, by key."""
    return {line["key"]: line["note"].message for line in answer.context["lines"] if line["note"]}


def keys(rows: Iterable[Any]) -> list[str]:
    """Return the keys of rows."""
    return [row["key"] for row in rows]
