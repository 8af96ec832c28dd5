"""Columns of tables, each declared once: the head, the cells' classes and labels, and the sort.

CSS sets widths by the column's class. A narrow page shows the label beside each cell.
"""

from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `sort` is its name in `listing.SORTS`, or "" if it can't be sorted.

    `short` is the label on narrow pages, where the full one does not fit. The label of a `quiet`
    column is only read out by screen readers, and left out on narrow pages unless it has a `short`.
    """

    key: str
    label: str
    sort: str = ""
    short: str = ""
    quiet: bool = False
    more_classes: str = ""

    @property
    def classes(self) -> str:
        """Return the CSS classes of the head and the cells."""
        return f"col-{self.key} {self.more_classes}".strip()

    @property
    def cell(self) -> SafeString:
        """Return the HTML attributes of a cell."""
        label = self.short or ("" if self.quiet else self.label)
        if not label:
            return format_html('class="{}"', self.classes)
        return format_html('class="{}" data-label="{}"', self.classes, label)

    @property
    def head(self) -> SafeString:
        """Return the head cell of a column that can't be sorted."""
        label = format_html('<span class="sr-only">{}</span>', self.label)
        return format_html(
            '<th scope="col" class="{}">{}</th>', self.classes, label if self.quiet else self.label
        )

    @classmethod
    def parse(cls, declaration: str) -> "Column":
        """Read `[key[.class]:]Label[|Short]`. Without a key, "Last seen" gets the key last_seen.

        The label of a quiet column begins with a hyphen.
        """
        name, _, text = declaration.rpartition(":")
        label, _, short = text.partition("|")
        key, _, more_classes = (name or label.lower().replace(" ", "_")).partition(".")
        return cls(
            key,
            label.removeprefix("-"),
            short=short,
            quiet=label.startswith("-"),
            more_classes=more_classes,
        )
