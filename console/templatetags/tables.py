"""`{% columns "Member" "Role" "actions.end:-Actions" as col %}`: declare a table's columns.

`{{ col.head }}` renders the table's head, `<td {{ col.role }}>` the attributes of a cell. See
`console.web.lists.tables.Column.parse` for the declarations.
"""

from django.template import Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from console.web.lists.tables import Column

register = Library()


@register.simple_tag
def columns(*declarations: str) -> dict[str, SafeString]:
    """Return the head, and the attributes of each column's cells by its key."""
    # A column that a page leaves out is declared as ""
    declared = [Column.parse(declaration) for declaration in declarations if declaration]
    head = format_html_join("", "{}", ((column.head,) for column in declared))
    cells = {column.key: column.cell for column in declared}
    return {"head": format_html("<thead><tr>{}</tr></thead>", head), **cells}
