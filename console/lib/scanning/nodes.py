"""Helpers for tree-sitter's nodes: texts, patterns, properties."""

from collections.abc import Iterator

from tree_sitter import Node

WRAPPERS = {
    *("parenthesized_expression", "as_expression", "satisfies_expression"),
    *("non_null_expression", "type_assertion"),
}


def text_of(node: Node | None) -> str:
    """Return a node's text, "" for none. Bytes that aren't UTF-8 are replaced."""
    return (node.text or b"").decode(errors="replace") if node else ""


def line_of(node: Node) -> int:
    """Return the line on which a node begins, from 1."""
    return node.start_point.row + 1


def literal_of(node: Node | None) -> str:
    """Return the text in the quotes of a module's name, "" for none."""
    return text_of(node)[1:-1]


def unwrapped(node: Node | None) -> Node | None:
    """Return a value without parentheses and without what only concerns its type."""
    while node and node.type in WRAPPERS:
        children = [child for child in node.named_children if child.type != "comment"]
        if not children:
            return None
        node = children[-1 if node.type == "type_assertion" else 0]
    return node


def pattern_names(pattern: Node | None) -> Iterator[tuple[str | None, str]]:
    """Yield (property, name) for each name that a pattern declares.

    The property is "" for the value itself, and None for something deeper inside.
    """
    if pattern is None:
        return
    if pattern.type in {"identifier", "shorthand_property_identifier_pattern"}:
        yield "", text_of(pattern)
        return
    if pattern.type == "object_pattern":
        for key, target, _ in pattern_items(pattern):
            if target.type in {"identifier", "shorthand_property_identifier_pattern"}:
                yield (
                    text_of(key) if key.type != "computed_property_name" else None,
                    text_of(target),
                )
            else:
                yield from ((None, name) for name in _deep_names(target))
    else:
        yield from ((None, name) for name in _deep_names(pattern))


def pattern_items(pattern: Node) -> Iterator[tuple[Node, Node, bool]]:
    """Yield (key, target, whether there is a default) for each property of an object pattern."""
    for child in pattern.named_children:
        if child.type == "shorthand_property_identifier_pattern":
            yield child, child, False
        elif child.type == "object_assignment_pattern" and (left := child.named_child(0)):
            yield left, left, True
        elif child.type == "pair_pattern":
            key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key and value and value.type == "assignment_pattern":
                if target := value.child_by_field_name("left"):
                    yield key, target, True
            elif key and value:
                yield key, value, False


def _deep_names(pattern: Node) -> Iterator[str]:
    waiting = [pattern]
    while waiting:
        node = waiting.pop()
        if node.type in {"identifier", "shorthand_property_identifier_pattern"}:
            yield text_of(node)
        elif node.type in {"pair_pattern", "assignment_pattern", "object_assignment_pattern"}:
            is_pair = node.type == "pair_pattern"
            inner = node.child_by_field_name("value" if is_pair else "left")
            waiting += [inner] if inner else []
        elif node.type in {"object_pattern", "array_pattern", "rest_pattern"}:
            waiting += node.named_children


def properties_of(literal: Node) -> Iterator[tuple[str, Node]]:
    """Yield the names and values of an object's or enum's properties."""
    body = literal.child_by_field_name("body") or literal
    for child in body.named_children:
        if child.type == "shorthand_property_identifier":
            yield text_of(child), child
        key = child.child_by_field_name("key") or child.child_by_field_name("name")
        value = child.child_by_field_name("value")
        if key and value and (name := key_name(key)) is not None:
            yield name, value


def key_name(key: Node) -> str | None:
    """Return the name of a property as it is written, or None for one in brackets."""
    if key.type == "string":
        return text_of(key)[1:-1]
    return None if key.type == "computed_property_name" else text_of(key)


def argument_of(call: Node, number: int = 0) -> Node | None:
    """Return an argument of a call."""
    arguments = call.child_by_field_name("arguments")
    found = [it for it in arguments.named_children if it.type != "comment"] if arguments else []
    return found[number] if number < len(found) else None
