"""The Jinja2 environment in which rows of lists are rendered (docs/adr/0002)."""

from typing import Any

from django.utils.safestring import SafeString
from jinja2 import Environment

from console.web.lists.listing import COLUMNS


def environment(**options: Any) -> Environment:
    """Return the environment. Django passes the options, autoescaping among them."""
    environment = Environment(**options)  # noqa: S701 - Django turns autoescaping on
    environment.filters["cell"] = cell_attributes
    return environment


def cell_attributes(key: str) -> SafeString:
    """Return the HTML attributes of a list's cells in a column.

    Jinja2 applies a filter to a constant when it compiles a template, so rows don't pay for it.
    """
    return next(column.cell for column in COLUMNS if column.key == key)
