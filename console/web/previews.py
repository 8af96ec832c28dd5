"""Links that copy to a preview what it would take from its source."""

from collections.abc import Iterable

from django.urls import reverse

from console.access.policy import Access
from console.models import Branch


def copy_url(
    access: Access, branch: Branch, source: Branch, values: Iterable[tuple[str, int]]
) -> str:
    """Return the page that copies these values (noun, `OwnKey.pk`), which are chosen already."""
    query = {
        "from": source.pk,
        "scope": branch.pk,
        "value": [f"{noun}:{pk}" for noun, pk in values],
    }
    return reverse("compare_copy", args=[access.app.app_id], query=query)
