"""A browser test waits for what a click leads to before it goes on.

A click returns before the page that answers has loaded. What is read then may be the page before,
and what changes in the database then may be in the page that answers.
"""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import tests.factories
from console.lib.paths import BASE_DIR

LOOKS = {
    *("all", "all_inner_texts", "bounding_box", "content", "count", "evaluate", "get_attribute"),
    *("go_back", "goto", "inner_text", "input_value", "reload", "screenshot", "set_viewport_size"),
}
# The factories, and what steps.py makes of them
CHANGES = {name for name, it in vars(tests.factories).items() if callable(it)} | {"set_secrets"}


def statements(tree: ast.AST) -> Iterator[tuple[ast.stmt, ast.stmt]]:
    """Yield each statement with the one after it."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            yield from pairwise(body)


def clicks(statement: ast.stmt, helpers: set[str]) -> bool:
    """Return True if a statement clicks, presses Enter, or calls a helper that ends with that."""
    match statement:
        case ast.Expr(ast.Call(ast.Name(name))):
            return name in helpers
        case ast.Expr(ast.Call(ast.Attribute(attr="press"), [ast.Constant("Enter")])):
            return True
        case ast.Expr(ast.Call(ast.Attribute(attr="click"))):
            return True
    return False


def looks(statement: ast.stmt) -> bool:
    """Return True if a statement reads or changes without waiting, or leaves the page."""
    nodes = [*ast.walk(statement)]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    functions = {node.id for node in nodes if isinstance(node, ast.Name)}
    return (
        isinstance(statement, ast.Assert)
        or not names.isdisjoint(LOOKS)
        or not functions.isdisjoint(CHANGES)
    )


def early_looks(source: str, helpers: set[str]) -> Iterator[int]:
    """Yield the lines that look right after a click."""
    for statement, following in statements(ast.parse(source)):
        if clicks(statement, helpers) and looks(following):
            yield following.lineno


def helpers_that_click(sources: list[str]) -> set[str]:
    """Return the functions, tests aside, that end with a click."""
    helpers = set[str]()
    functions = [
        node
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("test_")
    ]
    while found := {it.name for it in functions if clicks(it.body[-1], helpers)} - helpers:
        helpers |= found
    return helpers


def test_it_works() -> None:
    paths = sorted(Path(BASE_DIR / "tests/browser").rglob("*.py"))
    helpers = helpers_that_click([path.read_text() for path in paths])
    assert {"save_all", "sign_in"} <= helpers
    assert "follow" not in helpers
    found = [
        f"{path.relative_to(BASE_DIR)}:{line}: expect something of the page first, or use follow"
        for path in paths
        for line in early_looks(path.read_text(), helpers)
    ]
    assert found == []


def test_early_looks_are_found() -> None:
    source = """
def test_save(page):
    save(page)
    assert page.url == "/"
    page.keyboard.press("Enter")
    page.goto("/")
    page.get_by_role("link").click()
    expect(page.get_by_role("heading")).to_be_visible()
    text = page.content()
    page.get_by_role("link").click()
    set_secret(world, "API_KEY", "theirs")
"""
    helper = "def save(page):\n    page.get_by_role('button').click()\n"
    assert [*early_looks(source, helpers_that_click([helper, source]))] == [4, 6, 11]
