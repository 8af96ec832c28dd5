"""Marks of rows in lists of secrets and variables: warnings, and copies on previews."""

from collections.abc import Iterable

from django.urls import reverse

from console.access.policy import Access
from console.environment.warnings import AppWarning
from console.web.lists.listing import Row
from console.workflows.previews.copies import copies_of


def add_warnings(rows: Iterable[Row], warnings: Iterable[AppWarning]) -> None:
    """Add warnings on values to the rows that show them."""
    found: dict[int, list[AppWarning]] = {}
    for it in warnings:
        found.setdefault(it.pk, []).append(it)
    for row in rows if found else ():
        row.warnings = found.get(row.pk, ())


def add_copies(access: Access, noun: str, rows: Iterable[Row]) -> None:
    """Add to rows of a list which are copies on previews. Takes one query if no row is."""
    marked = copies_of(access)
    for row in rows if marked else ():
        row.copy_of = found = marked.get((noun, row.pk))
        if found and found.is_outdated and found.original and row.may_write and not row.deleted:
            row.refresh_url = reverse("preview", args=[access.app.app_id, row.branch_id])
