"""Columns of tables: one declaration gives the head, the cells' classes and their labels."""

import pytest
from django.template import Context, Template

from console.web.lists.tables import Column


@pytest.mark.parametrize(
    ("declaration", "head", "cell"),
    [
        (
            "Last seen",
            '<th scope="col" class="col-last_seen">Last seen</th>',
            'class="col-last_seen" data-label="Last seen"',
        ),
        (
            "calls.number:Calls in the last hour|Calls",
            '<th scope="col" class="col-calls number">Calls in the last hour</th>',
            'class="col-calls number" data-label="Calls"',
        ),
        (
            "actions.end:-Actions",
            '<th scope="col" class="col-actions end"><span class="sr-only">Actions</span></th>',
            'class="col-actions end"',
        ),
        ("What <is>", '<th scope="col" class="col-what_&lt;is&gt;">What &lt;is&gt;</th>', None),
    ],
)
def test_declaration(declaration: str, head: str, cell: str | None) -> None:
    column = Column.parse(declaration)
    assert column.head == head
    assert cell is None or column.cell == cell


def test_optional_column() -> None:
    template = Template(
        '{% load tables %}{% columns "Key" with_app|yesno:"App," as col %}'
        "{{ col.head }}<td {{ col.key }}><td {{ col.app }}>"
    )
    assert "App" in template.render(Context({"with_app": True}))
    assert "App" not in template.render(Context({"with_app": False}))
