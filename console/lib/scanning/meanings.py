"""What expressions stand for: `process.env`, Amplify's `secret`, constant texts.

Names are followed through the file, and through relative imports into other files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from tree_sitter import Node

from console.lib.scanning.imports import Imports
from console.lib.scanning.nodes import argument_of, properties_of, text_of, unwrapped
from console.lib.scanning.syntax import Binding, Module, Scope

MAX_STEPS = 12  # from a name to what it stands for
MAX_LENGTH = 1_000  # of a constant text, in characters
FILE_COST = 100  # of finding another file, which may have to be read
BACKEND = "@aws-amplify/backend"
SVELTE_STATIC = {"$env/static/private", "$env/static/public"}


class Meaning(Enum):
    """What an expression stands for, if it matters here."""

    ENV = auto()  # process.env, and what has the same keys
    META_ENV = auto()  # import.meta.env, which has keys of its own
    META = auto()
    PROCESS = auto()
    GLOBAL = auto()
    BACKEND = auto()
    SECRET = auto()
    LOADS_ENV = auto()  # a function that returns what .env files and the environment hold


@dataclass(frozen=True)
class Namespace:
    """All that a file of the project exports."""

    path: str


_PROPERTIES = {
    (Meaning.PROCESS, "env"): Meaning.ENV,
    (Meaning.GLOBAL, "process"): Meaning.PROCESS,
    (Meaning.META, "env"): Meaning.META_ENV,
    (Meaning.BACKEND, "secret"): Meaning.SECRET,
}
_GLOBALS = {"process": Meaning.PROCESS, "globalThis": Meaning.GLOBAL, "global": Meaning.GLOBAL}
_IMPORTS = {
    (BACKEND, "*"): Meaning.BACKEND,
    (BACKEND, "secret"): Meaning.SECRET,
    ("vite", "loadEnv"): Meaning.LOADS_ENV,
    **{
        (module, name): meaning
        for module in ("process", "node:process")
        for name, meaning in (
            ("*", Meaning.PROCESS),
            ("default", Meaning.PROCESS),
            ("env", Meaning.ENV),
        )
    },
    ("$env/dynamic/private", "env"): Meaning.ENV,
    ("$env/dynamic/public", "env"): Meaning.ENV,
}
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}


class TooComplex(Exception):
    """Raised for a file whose names lead too far."""


@dataclass
class Budget:
    """How many expressions may still be followed, so that no file takes long."""

    left: int = 200_000

    def spend(self, cost: int = 1) -> None:
        """Take something away. Raises TooComplex if nothing is left."""
        self.left -= cost
        if self.left < 0:
            raise TooComplex


@dataclass
class Meanings:
    """What the expressions of a file stand for."""

    module: Module
    path: str
    imports: Imports
    budget: Budget = field(default_factory=Budget)

    def of(self, node: Node | None, scope: Scope, steps: int = 0) -> "Meaning | Namespace | None":
        """Return what an expression stands for."""
        self.budget.spend()
        node = unwrapped(node)
        if node is None or steps > MAX_STEPS:
            return None
        match node.type:
            case "identifier":
                binding = scope.find(text_of(node))
                if binding is None:
                    return _GLOBALS.get(text_of(node))
                return self.of_binding(binding, steps + 1)
            case "member_expression":
                name = text_of(node.child_by_field_name("property"))
                return self._of_property(
                    self.of(node.child_by_field_name("object"), scope, steps + 1), name, steps
                )
            case "subscript_expression":
                key = self.constant(node.child_by_field_name("index"), scope, steps + 1)
                owner = self.of(node.child_by_field_name("object"), scope, steps + 1)
                return self._of_property(owner, key or "", steps)
            case "meta_property":
                return Meaning.META if text_of(node).startswith("import") else None
            case "call_expression":
                return self._of_call(node, scope, steps)
        return None

    def of_binding(self, binding: Binding, steps: int = 0) -> "Meaning | Namespace | None":
        """Return what a declared name stands for."""
        if binding.module:
            return self._of_import(binding.module, binding.name, steps)
        if binding.value is None or binding.scope is None:
            return None
        owner = self.of(binding.value, binding.scope, steps + 1)
        return self._of_property(owner, binding.property, steps) if binding.property else owner

    def of_export(self, name: str, steps: int = 0) -> "Meaning | Namespace | None":
        """Return what the file exports under a name."""
        known = self.imports.known
        if (self.path, name) not in known:
            known[self.path, name] = None  # until it is found, or if it leads in a circle
            found = self._exports(name, steps + 1)
            known[self.path, name] = next((it for it in found if it), None)
        result = known[self.path, name]
        return result if isinstance(result, Meaning | Namespace) else None

    def _exports(self, name: str, steps: int) -> Iterator["Meaning | Namespace | None"]:
        for path, package in self.imports.exporters(self.path, name):
            if package:
                yield _IMPORTS.get((package, name))
            elif (there := self if path == self.path else self._file(path)) and steps < MAX_STEPS:
                yield there.of_binding(there.module.exports[name], steps + 1)

    def exports_any(self) -> bool:
        """Return True if another file can get anything that matters from this one."""
        return bool(self.module.all_of) or any(map(self.of_export, [*self.module.exports]))

    def _of_import(self, module: str, name: str, steps: int) -> "Meaning | Namespace | None":
        if steps > MAX_STEPS:
            return None
        if not module.startswith("."):
            return _IMPORTS.get((module, name))
        path = self.imports.path_of(self.path, module)
        if path is None or name == "*":
            return Namespace(path) if path else None
        return self._export_of(path, name, steps)

    def _export_of(self, path: str, name: str, steps: int) -> "Meaning | Namespace | None":
        if (path, name) not in self.imports.known:
            there = self._file(path)
            return there.of_export(name, steps + 1) if there else None
        result = self.imports.known[path, name]
        return result if isinstance(result, Meaning | Namespace) else None

    def _file(self, path: str) -> "Meanings | None":
        """Return a file of the project."""
        self.budget.spend(FILE_COST)
        module = self.imports.module(path)
        return Meanings(module, path, self.imports, self.budget) if module else None

    def _of_property(
        self, owner: "Meaning | Namespace | None", name: str, steps: int
    ) -> "Meaning | Namespace | None":
        if isinstance(owner, Namespace):
            return self._export_of(owner.path, name, steps)
        return _PROPERTIES.get((owner, name)) if owner else None

    def _of_call(self, node: Node, scope: Scope, steps: int) -> "Meaning | Namespace | None":
        function = unwrapped(node.child_by_field_name("function"))
        if function and function.type == "identifier" and text_of(function) == "require":
            module = self.constant(argument_of(node), scope, steps + 1)
            is_global = scope.find("require") is None
            return self._of_import(module, "*", steps + 1) if module and is_global else None
        is_loader = self.of(function, scope, steps + 1) is Meaning.LOADS_ENV
        return Meaning.ENV if is_loader else None

    def constant(self, node: Node | None, scope: Scope, steps: int = 0) -> str | None:
        """Return the text that an expression always has, or None if only running it shows."""
        self.budget.spend()
        node = unwrapped(node)
        if node is None or steps > MAX_STEPS:
            return None
        match node.type:
            case "string" | "template_string" | "template_substitution":
                return self._joined(node, scope, steps + 1)
            case "identifier":
                binding = scope.find(text_of(node))
                return self._bound(binding, steps + 1) if binding else None
            case "member_expression":
                owner = node.child_by_field_name("object")
                name = text_of(node.child_by_field_name("property"))
                return self._member(owner, scope, name, steps + 1)
            case "subscript_expression":
                key = self.constant(node.child_by_field_name("index"), scope, steps + 1)
                owner = node.child_by_field_name("object")
                return self._member(owner, scope, key, steps + 1) if key is not None else None
            case "binary_expression" if text_of(node.child_by_field_name("operator")) == "+":
                left = self.constant(node.child_by_field_name("left"), scope, steps + 1)
                right = self.constant(node.child_by_field_name("right"), scope, steps + 1)
                return None if left is None or right is None else (left + right)[:MAX_LENGTH]
        return None

    def _joined(self, node: Node, scope: Scope, steps: int) -> str | None:
        text = ""
        for child in node.named_children:
            part = self._part(child, scope, steps)
            if part is None:
                return None
            text = (text + part)[:MAX_LENGTH]
        return text

    def _part(self, node: Node, scope: Scope, steps: int) -> str | None:
        if node.type == "string_fragment":
            return text_of(node)
        if node.type == "escape_sequence":
            return _ESCAPE.sub(_unescaped, text_of(node))
        if node.type == "template_substitution":
            return self.constant(node.named_child(0), scope, steps)
        return self.constant(node, scope, steps)

    def _bound(self, binding: Binding, steps: int) -> str | None:
        """Return the text of a constant, also of one that another file exports."""
        if binding.module.startswith("."):
            path = self.imports.path_of(self.path, binding.module)
            there = self._file(path) if path else None
            exported = there.module.exports.get(binding.name) if there else None
            if not (there and exported) or steps > MAX_STEPS:
                return None
            return there._bound(exported, steps + 1)
        if not (binding.is_constant and binding.value and binding.scope):
            return None
        if binding.property:
            return self._member(binding.value, binding.scope, binding.property, steps)
        return self.constant(binding.value, binding.scope, steps)

    def _member(self, owner: Node | None, scope: Scope, name: str, steps: int) -> str | None:
        """Return the constant text of a property of an object in this file, or of an enum."""
        literal, where = self.literal(owner, scope, steps)
        value = self._properties(literal).get(name) if literal else None
        return self.constant(value, where, steps + 1) if value else None

    def literal(self, node: Node | None, scope: Scope, steps: int = 0) -> tuple[Node | None, Scope]:
        """Return the object or enum that an expression stands for, and its scope."""
        node = unwrapped(node)
        if node is None or steps > MAX_STEPS:
            return None, scope
        if node.type in {"object", "enum_declaration"}:
            return node, scope
        binding = scope.find(text_of(node)) if node.type == "identifier" else None
        if not (binding and binding.is_constant and binding.scope) or binding.property:
            return None, scope
        return self.literal(binding.value, binding.scope, steps + 1)

    def _properties(self, literal: Node) -> dict[str, Node]:
        known = self.module.objects.get(literal.id)
        if known is None:
            known = dict(properties_of(literal))
            self.module.objects[literal.id] = known
        return known


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if not code:
        return _ESCAPED.get(match[4], match[4])
    return chr(int(code, 16)) if int(code, 16) < 0x110000 else ""
