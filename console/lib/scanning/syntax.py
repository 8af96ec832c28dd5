"""Reading of JavaScript and TypeScript: the names that each scope declares, and what matters in it.

tree-sitter reads any bytes, also code with mistakes. The tree is walked once and without recursion,
so that neither depth nor length of a text can exhaust the stack.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from console.lib.scanning.nodes import literal_of, pattern_names, text_of

MAX_CANDIDATES = 100_000  # of one file
ANCESTORS = 8  # that are kept of each candidate: wrappers, and what uses the value

_FUNCTIONS = {
    *("arrow_function", "function_declaration", "function_expression", "method_definition"),
    *("generator_function", "generator_function_declaration"),
}
# What holds no values, or no parts that matter
_SKIPPED = {
    *("type_annotation", "type_arguments", "type_parameters", "type_query", "object_type"),
    *("interface_declaration", "type_alias_declaration", "ambient_declaration", "function_type"),
    *("constructor_type", "function_signature", "method_signature", "abstract_method_signature"),
    *("string", "comment", "jsx_text", "regex"),
}
_BLOCKS = {
    *("program", "statement_block", "for_statement", "for_in_statement", "catch_clause"),
    *("switch_body", "class"),
}
_NAMED = {
    *("function_declaration", "generator_function_declaration", "class_declaration"),
    *("abstract_class_declaration", "enum_declaration", "internal_module"),
}
_CANDIDATES = {
    *("call_expression", "member_expression", "subscript_expression", "variable_declarator"),
    *("assignment_expression", "required_parameter", "pair", "import_statement"),
}


@dataclass(slots=True)
class Binding:
    """What a declared name stands for, as far as it is known.

    An import has a `module` and a `name`, "*" being all of the module. Anything else has the
    `value` that it was declared with, or the `property` of that value.
    """

    module: str = ""
    name: str = ""
    value: Node | None = None
    property: str = ""
    is_constant: bool = False
    scope: "Scope | None" = None


@dataclass(slots=True)
class Scope:
    """The names that a part of the code declares."""

    parent: "Scope | None" = None
    is_function: bool = True
    names: dict[str, Binding] = field(default_factory=dict)

    def find(self, name: str) -> Binding | None:
        """Return what a name stands for here, or None for a global one."""
        scope: Scope | None = self
        while scope is not None:
            if found := scope.names.get(name):
                return found
            scope = scope.parent
        return None

    @property
    def function(self) -> "Scope":
        """Return the scope of the function around this one, or of the file."""
        scope = self
        while not scope.is_function and scope.parent:
            scope = scope.parent
        return scope


class Candidate(NamedTuple):
    """A node that may use a key, with what is around it."""

    node: Node
    scope: Scope
    ancestors: tuple[Node, ...]


@dataclass
class Module:
    """What is known of one file: its scope, its candidates and what it exports.

    `modules` are those that it imports. `all_of` are those of which it exports everything.
    """

    scope: Scope = field(default_factory=Scope)
    candidates: list[Candidate] = field(default_factory=list)
    exports: dict[str, Binding] = field(default_factory=dict)
    all_of: list[str] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    is_cut: bool = False  # it has more candidates than are kept
    objects: dict[int, dict[str, Node]] = field(default_factory=dict)


@lru_cache
def _parser(language: str) -> Parser:
    grammars = {
        "ts": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
    }
    return Parser(Language(grammars[language]()))


def read(source: bytes, *, has_markup: bool) -> Module:
    """Return what the code declares and may use. JavaScript can always contain markup (JSX)."""
    tree = _parser("tsx" if has_markup else "ts").parse(source)
    walk = _Walk()
    cursor, ancestors = tree.walk(), walk.ancestors
    while node := cursor.node:
        if node.is_named and node.type not in _SKIPPED:
            walk.enter(node)
            if cursor.goto_first_child():
                ancestors.append(node)
                continue
            walk.leave(node)
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return walk.module
            walk.leave(ancestors.pop())
    return walk.module


class _Walk:
    """The state of a walk through a tree."""

    def __init__(self) -> None:
        self.module = Module()
        self.scope = self.module.scope
        self.ancestors: list[Node] = []

    def enter(self, node: Node) -> None:
        kind = node.type
        if kind in _NAMED:
            self._declare_name(node)
        if kind == "program":
            return
        if kind in _FUNCTIONS or kind in _BLOCKS:
            self.scope = Scope(self.scope, kind in _FUNCTIONS)
        if declare := _DECLARATIONS.get(kind):
            declare(self, node)
        if kind in _CANDIDATES and len(self.module.candidates) == MAX_CANDIDATES:
            self.module.is_cut = True
        elif kind in _CANDIDATES:
            around = tuple(self.ancestors[-ANCESTORS:])
            self.module.candidates.append(Candidate(node, self.scope, around))

    def leave(self, node: Node) -> None:
        kind = node.type
        if kind != "program" and (kind in _FUNCTIONS or kind in _BLOCKS):
            self.scope = self.scope.parent or self.scope

    def _add(self, name: str, binding: Binding, scope: Scope | None = None) -> None:
        binding.scope = self.scope
        (scope or self.scope).names.setdefault(name, binding)

    def _declare_name(self, node: Node) -> None:
        if name := node.child_by_field_name("name"):
            is_enum = node.type == "enum_declaration"
            self._add(text_of(name), Binding(value=node if is_enum else None, is_constant=is_enum))
            self._export_declared(text_of(name))

    def _export_declared(self, name: str) -> None:
        around = self.ancestors[-1] if self.ancestors else None
        if around and around.type in {"lexical_declaration", "variable_declaration"}:
            around = self.ancestors[-2] if len(self.ancestors) > 1 else None
        if around and around.type == "export_statement":
            self.module.exports[name] = self.scope.names[name]

    def _variable(self, node: Node) -> None:
        declaration = self.ancestors[-1]
        is_var = declaration.type == "variable_declaration"
        scope = self.scope.function if is_var else self.scope
        value, first = node.child_by_field_name("value"), declaration.child(0)
        is_constant = first is not None and first.type == "const"
        for key, name in pattern_names(node.child_by_field_name("name")):
            known = value if key is not None else None
            self._add(name, Binding("", "", known, key or "", is_constant), scope)
            if scope is self.scope:
                self._export_declared(name)

    def _parameter(self, node: Node) -> None:
        for field_name in ("pattern", "parameter", "left"):
            if pattern := node.child_by_field_name(field_name):
                for _, name in pattern_names(pattern):
                    self._add(name, Binding())

    def _for_each(self, node: Node) -> None:
        if node.child_by_field_name("kind"):
            self._parameter(node)

    def _import(self, node: Node) -> None:
        source = node.child_by_field_name("source")
        module = literal_of(source)
        for part in node.named_children:
            for item in part.named_children if part.type == "import_clause" else [part]:
                if item.type == "identifier":
                    self._add(text_of(item), Binding(module, "default"))
                elif item.type == "namespace_import":
                    self._add(text_of(item.named_child(0)), Binding(module, "*"))
                elif item.type == "import_require_clause":
                    module = literal_of(item.child_by_field_name("source"))
                    self._add(text_of(item.named_child(0)), Binding(module, "*"))
                else:
                    for specifier in item.named_children:
                        self._import_one(specifier, module)
        self.module.modules.add(module)

    def _import_one(self, specifier: Node, module: str) -> None:
        if specifier.type == "import_specifier":
            name = text_of(specifier.child_by_field_name("name"))
            alias = specifier.child_by_field_name("alias")
            self._add(text_of(alias) if alias else name, Binding(module, name))

    def _export(self, node: Node) -> None:
        source, value = node.child_by_field_name("source"), node.child_by_field_name("value")
        module = literal_of(source)
        if module:
            self.module.modules.add(module)
        if value is not None:
            self.module.exports["default"] = Binding(
                value=value, is_constant=True, scope=self.scope
            )
        names = [child for child in node.named_children if child.type == "export_clause"]
        for specifier in names[0].named_children if names else []:
            self._export_one(specifier, module)
        if module and not names:
            spaces = [it for it in node.named_children if it.type == "namespace_export"]
            for space in spaces:
                name = text_of(space.named_child(0))
                self.module.exports[name] = Binding(module, "*")
            if not spaces:
                self.module.all_of.append(module)

    def _export_one(self, specifier: Node, module: str) -> None:
        name = specifier.child_by_field_name("name")
        if specifier.type != "export_specifier" or name is None:
            return
        binding = Binding(module, text_of(name)) if module else Binding(value=name)
        binding.scope, binding.is_constant = self.scope, True
        alias = specifier.child_by_field_name("alias")
        self.module.exports[text_of(alias or name)] = binding


_DECLARATIONS = {
    "variable_declarator": _Walk._variable,
    "required_parameter": _Walk._parameter,
    "optional_parameter": _Walk._parameter,
    "arrow_function": _Walk._parameter,
    "catch_clause": _Walk._parameter,
    "for_in_statement": _Walk._for_each,
    "import_statement": _Walk._import,
    "export_statement": _Walk._export,
}
