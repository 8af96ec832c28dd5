"""The keys that a JavaScript or TypeScript file uses, and those that it sets."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from console.lib.scanning.imports import Imports
from console.lib.scanning.meanings import (
    BACKEND,
    SVELTE_STATIC,
    Meaning,
    Meanings,
    TooComplex,
)
from console.lib.scanning.nodes import (
    WRAPPERS,
    argument_of,
    key_name,
    line_of,
    literal_of,
    pattern_items,
    properties_of,
    text_of,
    unwrapped,
)
from console.lib.scanning.syntax import Candidate, Module, read
from console.lib.scanning.uses import SECRET, VARIABLE, FileUses, Unclear, Use

MAX_USES = 2_000  # in one file
TOO_COMPLEX = "This file is too complex to be read to its end."
# What bundlers define besides the variables (Vite, Astro)
META_KEYS = {"MODE", "BASE_URL", "PROD", "DEV", "SSR", "SITE", "ASSETS_PREFIX"}
_ENVIRONMENTS = {Meaning.ENV, Meaning.META_ENV}
_CHOICES = {"??", "||", "&&", "===", "!==", "==", "!="}
_CONDITIONS = {"if_statement", "ternary_expression", "while_statement"}
_MARKUP = (".tsx", ".jsx", ".js", ".mjs", ".cjs")
_COMPONENTS = (".vue", ".svelte", ".astro")
_SCRIPT = re.compile(rb"<script\b[^>]{0,1000}>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_FRONTMATTER = re.compile(rb"\A\s*---\r?\n(.*?)^---", re.DOTALL | re.MULTILINE)
CODE = (".ts", ".mts", ".cts", *_MARKUP, *_COMPONENTS)


def parse(path: str, source: bytes) -> Module:
    """Return the syntax of a file."""
    if path.endswith(_COMPONENTS):
        source = _scripts(source)
    return read(source, has_markup=path.endswith(_MARKUP))


def _scripts(source: bytes) -> bytes:
    """Return the code of a component, with a blank for every other character."""
    blank = bytearray(re.sub(rb"[^\n]", b" ", source))
    for pattern in (_SCRIPT, _FRONTMATTER):
        for match in pattern.finditer(source):
            blank[match.start(1) : match.end(1)] = match[1]
    return bytes(blank)


def uses_of(module: Module, path: str, imports: Imports) -> FileUses:
    """Return what a file uses and sets."""
    reader = _Reader(module, path, imports)
    found = reader.found
    found.runs_in_build = "amplify" not in path.split("/")[:-1] or any(
        name == BACKEND or name.startswith("aws-cdk-lib") for name in module.modules
    )
    for candidate in module.candidates:
        try:
            reader.read(candidate)
            if len(found.uses) + len(found.unclear) > MAX_USES:
                raise TooComplex
        except TooComplex:
            found.problem = (line_of(candidate.node), TOO_COMPLEX)
            break
    if module.is_cut and not found.problem:
        found.problem = (1, TOO_COMPLEX)
    return found


class _Reader:
    """Reads the candidates of a file."""

    def __init__(self, module: Module, path: str, imports: Imports) -> None:
        self.meanings = Meanings(module, path, imports)
        self.found = FileUses()

    def read(self, candidate: Candidate) -> None:
        match candidate.node.type:
            case "call_expression":
                self._call(candidate)
            case "member_expression" | "subscript_expression":
                self._member(candidate)
            case "pair":
                self._pair(candidate)
            case "import_statement":
                self._static_import(candidate)
            case _:
                self._pattern(candidate)

    def _call(self, candidate: Candidate) -> None:
        node, scope = candidate.node, candidate.scope
        function = unwrapped(node.child_by_field_name("function"))
        if self.meanings.of(function, scope) is Meaning.SECRET:
            key = self.meanings.constant(argument_of(node), scope)
            self._add(SECRET, key, node)
        elif _method_of(function) == "addEnvironment":
            key = self.meanings.constant(argument_of(node), scope)
            self.found.function_sets |= {key} if key else set()

    def _add(self, noun: str, key: str | None, node: Node, *, is_optional: bool = False) -> None:
        line = line_of(node)
        if key is None:
            self.found.unclear.append(Unclear(noun, line))
        else:
            self.found.uses.append(Use(noun, key, line, is_optional))

    def _member(self, candidate: Candidate) -> None:
        """Add what `process.env.KEY` or `process.env['KEY']` reads, or sets."""
        node, scope = candidate.node, candidate.scope
        meaning = self.meanings.of(node.child_by_field_name("object"), scope)
        if meaning not in _ENVIRONMENTS:
            return
        if node.type == "member_expression":
            key: str | None = text_of(node.child_by_field_name("property"))
        else:
            key = self.meanings.constant(node.child_by_field_name("index"), scope)
        if _is_target(candidate):
            self.found.sets |= {key} if key else set()
        elif not (meaning is Meaning.META_ENV and key in META_KEYS):
            self._add(VARIABLE, key, node, is_optional=_is_optional(candidate))

    def _pattern(self, candidate: Candidate) -> None:
        """Add what `{ KEY, OTHER: name = "default" } = process.env` reads."""
        node = candidate.node
        pattern, value = _sides(node)
        if pattern is None or pattern.type != "object_pattern":
            return
        meaning = self.meanings.of(value, candidate.scope)
        if meaning not in _ENVIRONMENTS:
            return
        for key, _, has_default in pattern_items(pattern):
            name = key_name(key)
            if name is None:
                name = self.meanings.constant(key.named_child(0), candidate.scope)
            if not (meaning is Meaning.META_ENV and name in META_KEYS):
                self._add(VARIABLE, name, key, is_optional=has_default)

    def _pair(self, candidate: Candidate) -> None:
        """Add what `environment: { KEY: … }` gives to a function."""
        key, value = (candidate.node.child_by_field_name(it) for it in ("key", "value"))
        if key is None or key_name(key) != "environment":
            return
        literal, _ = self.meanings.literal(value, candidate.scope)
        if literal and literal.type == "object":
            self.found.function_sets |= {name for name, _ in properties_of(literal)}

    def _static_import(self, candidate: Candidate) -> None:
        """Add what `import { KEY } from '$env/static/private'` reads (SvelteKit)."""
        if literal_of(candidate.node.child_by_field_name("source")) not in SVELTE_STATIC:
            return
        clause = candidate.node.named_child(0)
        for names in clause.named_children if clause else ():
            for specifier in names.named_children:
                if name := specifier.child_by_field_name("name"):
                    self._add(VARIABLE, text_of(name), specifier)


def _method_of(function: Node | None) -> str:
    is_member = function is not None and function.type == "member_expression"
    return text_of(function.child_by_field_name("property")) if function and is_member else ""


def _sides(node: Node) -> tuple[Node | None, Node | None]:
    names = {
        "variable_declarator": ("name", "value"),
        "assignment_expression": ("left", "right"),
        "required_parameter": ("pattern", "value"),
    }[node.type]
    return node.child_by_field_name(names[0]), node.child_by_field_name(names[1])


def _outer(candidate: Candidate) -> Iterator[tuple[Node, Node]]:
    """Yield (the value, the node that uses it), from inside to outside."""
    node = candidate.node
    for parent in reversed(candidate.ancestors):
        yield node, parent
        node = parent


def _is_target(candidate: Candidate) -> bool:
    """Return True if the variable is set or deleted here, rather than read."""
    for node, parent in _outer(candidate):
        if parent.type in WRAPPERS:
            continue
        if parent.type == "unary_expression":
            return text_of(parent.child_by_field_name("operator")) == "delete"
        if parent.type in {"assignment_expression", "augmented_assignment_expression"}:
            return bool(parent.child_by_field_name("left") == node)
        return False
    return False


def _is_guard(candidate: Candidate) -> bool:
    """Return True for `if (!process.env.KEY) throw …`."""
    for node, parent in _outer(candidate):
        if parent.type == "if_statement":
            then = parent.child_by_field_name("consequence")
            block = then if then and then.type == "statement_block" else parent
            is_condition = parent.child_by_field_name("condition") == node
            return is_condition and any(it.type == "throw_statement" for it in block.named_children)
        if parent.type not in {*WRAPPERS, "unary_expression", "binary_expression"}:
            return False
    return False


def _is_optional(candidate: Candidate) -> bool:
    """Return True if the code goes on without a value: it has a default, or asks for one."""
    for node, parent in _outer(candidate):
        match parent.type:
            case kind if kind in WRAPPERS:
                # The condition of an if stands in parentheses too
                continue
            case "binary_expression":
                return text_of(parent.child_by_field_name("operator")) in _CHOICES
            case "unary_expression":
                operator = text_of(parent.child_by_field_name("operator"))
                return operator == "typeof" or (operator == "!" and not _is_guard(candidate))
            case "member_expression" | "call_expression" | "subscript_expression":
                is_chain = any(it.type == "optional_chain" for it in parent.named_children)
                return is_chain and parent.named_child(0) == node
            case kind if kind in _CONDITIONS:
                return bool(parent.child_by_field_name("condition") == node)
            case _:
                return False
    return False
