"""Parse YAML 1.2 to plain values with line numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, MappingNode, ScalarNode, SequenceNode
from ruamel.yaml import Node as YamlNode
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import ReaderError

from gansearch.errors import InvalidEntry, SpaceError
from gansearch.settings import LARGEST
from gansearch.space.wording import shown

MOST_BYTES = 64 * 1024
"""Largest size of a space's file: thirty times the largest shipped one."""

_MOST_VALUES = 10_000  # Far above any space; limits aliases that multiply.

_HALF = r"holds half of a character pair, such as \ud800"

_STANDARD = "tag:yaml.org,2002:"

_ADVICE = {
    "'\\t'": "indent with spaces, not with tabs",
    "mapping values are not allowed": "quote a value that holds ': ', align keys of one level, and "
    "write a colon and a space after each key",
    "expected <block end>": "this line is indented like none above it: align keys of one level",
    "expected '<document start>'": "begin the lines of all sections at the left margin",
    "undefined alias": "an alias *name needs an &name before it",
    "expected a single document": "a space is one document: remove the line ---",
    "'<stream end>'": "a bracket, brace or quote is still open",
    "unexpected end of stream": "a quote is still open",
}


@dataclass(frozen=True)
class Node:
    """A value with the line numbers of its parts.

    Attributes:
        value: plain Python value; mappings have string keys.
        size: number of values in it, including itself.
        children: by key, or by index as a string: the 1-based line and the node.
    """

    value: Any
    size: int = 1
    children: Mapping[str, tuple[int, Node]] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """The top-level mapping of a file.

    Attributes:
        root: node of the mapping.
        invalid: duplicate keys, unknown tags and other errors that left a usable rest.
    """

    root: Node
    invalid: list[InvalidEntry]

    def invalid_entry(self, path: tuple[str | int, ...], message: str) -> InvalidEntry:
        """Return ``message`` about ``path``, with the key and the line in the file.

        Dotted names may be dotted or nested in the file. The key omits a part of the path that a
        shorthand in the file omits.
        """
        rest = ".".join(map(str, path)).split(".") if path else []
        node, line, key = self.root, None, []
        while rest:
            names = (".".join(rest[:n]) for n in range(len(rest), 0, -1))
            name = next((n for n in names if n in node.children), None)
            if name is not None:
                line, node = node.children[name]
                key.append(name)
                rest = rest[name.count(".") + 1 :]
            elif len(rest) == 1 and isinstance(node.value, dict):
                key += rest  # A missing key has its mapping's line.
                break
            else:
                rest = rest[1:]
        return InvalidEntry(".".join(key), line, message)


def read_yaml(text: str, file: Path) -> Document:
    """Parse the top-level mapping of ``text``.

    Raises:
        SpaceError: the text is not YAML, is too large for a space, is empty, is not a mapping, or
            expands without end.
    """
    if len(text) > MOST_BYTES:
        message = f"is larger than the {MOST_BYTES >> 10} KiB that a space can have"
        raise SpaceError(file, [InvalidEntry("", None, message)])
    yaml = YAML(typ="safe", pure=True)
    yaml.Parser, yaml.Composer = _Parser, _Composer
    try:
        root = yaml.compose(text)
        if root is None:
            raise SpaceError(file, [InvalidEntry("", None, "is empty; a space is a YAML mapping")])
        builder = _Builder()
        node = builder.build(root, "")
    except YAMLError as error:
        raise SpaceError(file, [_syntax_error(error, text)]) from None
    except RecursionError:
        raise SpaceError(
            file, [InvalidEntry("", None, "is nested too deeply for a space")]
        ) from None
    if not isinstance(node.value, dict):
        given = {"sequence": "a list", "scalar": "a single value"}[root.id]
        message = f"should be a mapping with keys such as variant and parameters, not {given}"
        raise SpaceError(file, [InvalidEntry("", root.start_mark.line + 1, message)])
    return Document(node, builder.invalid)


def _syntax_error(error: YAMLError, text: str) -> InvalidEntry:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        message = " ".join(filter(None, (error.context, error.problem)))
    elif isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        message = f"character {error.character!r} is not allowed"
    else:
        line, message = None, str(error)
    if isinstance(error, _RefusedError):
        return InvalidEntry("", line, message)
    advice = next((a for fragment, a in _ADVICE.items() if fragment in message), "")
    return InvalidEntry(
        "", line, f"is not valid YAML: {message}" + (f"; {advice}" if advice else "")
    )


class _RefusedError(MarkedYAMLError):
    """YAML that no space may contain."""


class _Parser(Parser):
    """ruamel's parser, which looks its scanner up once and not at every event."""

    @cached_property
    def scanner(self) -> Any:
        return self.loader.scanner


class _Composer(Composer):
    """ruamel's composer with a limit on the number of keys and values."""

    @cached_property
    def parser(self) -> Any:
        return self.loader.parser

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False  # A repeated anchor applies from there on.
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_VALUES:
            mark = self.parser.peek_event().start_mark
            message = f"the file holds more than {_MOST_VALUES:,} keys and values"
            raise _RefusedError(problem=message, problem_mark=mark)
        return super().compose_node(parent, index)


class _Builder:
    """Converts composed nodes to values, each node once, and collects the invalid ones."""

    def __init__(self) -> None:
        self.invalid: list[InvalidEntry] = []
        self._built: dict[int, Node | None] = {}
        self._by_type: dict[type[YamlNode], Callable[[Any, str], Node]] = {
            MappingNode: self._mapping,
            SequenceNode: self._sequence,
            ScalarNode: self._scalar,
        }
        construct = YAML(typ="safe", pure=True).constructor
        self._scalars: dict[str, Callable[[ScalarNode], Any]] = {
            "null": construct.construct_yaml_null,
            "bool": construct.construct_yaml_bool,
            "int": construct.construct_yaml_int,
            "float": construct.construct_yaml_float,
            "str": lambda node: node.value,
            "timestamp": lambda node: node.value,  # No value in a space is a date.
        }

    def build(self, node: YamlNode, key: str) -> Node:
        if id(node) in self._built:
            built = self._built[id(node)]
            if built is None:
                raise _error(node, f"{key}: an alias that contains itself")
            return built
        self._built[id(node)] = None
        built = self._by_type[type(node)](node, key)
        if built.size > _MOST_VALUES:
            raise _error(node, f"{key or 'the file'} expands to more than {_MOST_VALUES:,} values")
        self._built[id(node)] = built
        return built

    def _scalar(self, node: ScalarNode, key: str) -> Node:
        tag = _short(node)
        if tag not in self._scalars:
            self._refuse_tag(node, key)
            return Node(node.value)
        try:
            value = self._scalars[tag](node)
        except (ValueError, KeyError):
            self._complain(node, key, f"{shown(node.value)} is not of type {tag}")
            return Node(None)
        if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
            self._complain(node, key, f"integers go up to {LARGEST} (got {shown(value)})")
        elif isinstance(value, str) and not _is_text(value):
            self._complain(node, key, _HALF)
            return Node("")
        return Node(value)

    def _sequence(self, node: SequenceNode, key: str) -> Node:
        if _short(node) != "seq":
            self._refuse_tag(node, key)
        children = {
            str(i): (_line(item), self.build(item, f"{key}.{i}"))
            for i, item in enumerate(node.value)
        }
        return Node([child.value for _, child in children.values()], _size(children), children)

    def _mapping(self, node: MappingNode, key: str) -> Node:
        if _short(node) != "map":
            self._refuse_tag(node, key)
        children: dict[str, tuple[int, Node]] = {}
        merged: list[tuple[int, Node]] = []
        for name_node, value_node in node.value:
            name = name_node.value
            path = f"{key}.{name}".lstrip(".")
            if not isinstance(name_node, ScalarNode):
                self._complain(name_node, key, "a key should be a plain name")
            elif not _is_text(name):
                self._complain(name_node, key, f"a key {_HALF}")
            elif name in children:
                first = children[name][0]
                self._complain(name_node, path, f"is given twice; line {first} has it too")
            elif _short(name_node) == "merge":
                merged += self._sources(value_node, path)
            else:
                children[name] = (_line(name_node), self.build(value_node, path))
        for source in merged:
            children = {**source[1].children, **children}
        values = {name: child.value for name, (_, child) in children.items()}
        return Node(values, _size(children), children)

    def _sources(self, node: YamlNode, key: str) -> list[tuple[int, Node]]:
        # `<<: *a` or `<<: [*a, *b]`; the first mapping with a key determines its value.
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        wrong = [n for n in nodes if not isinstance(n, MappingNode)]
        for each in wrong:
            self._complain(each, key, "should be an alias of a mapping, or a list of them")
        return [(_line(n), self.build(n, key)) for n in nodes if n not in wrong]

    def _refuse_tag(self, node: YamlNode, key: str) -> None:
        self._complain(
            node, key, f"tag {str(node.tag).replace(_STANDARD, '!!')} is not known here; remove it"
        )

    def _complain(self, node: YamlNode, key: str, message: str) -> None:
        self.invalid.append(InvalidEntry(key, _line(node), message))


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _short(node: YamlNode) -> str:
    return str(node.tag).removeprefix(_STANDARD)


def _line(node: YamlNode) -> int:
    return int(node.start_mark.line) + 1


def _size(children: Mapping[str, tuple[int, Node]]) -> int:
    return 1 + sum(child.size for _, child in children.values())


def _error(node: YamlNode, message: str) -> _RefusedError:
    return _RefusedError(problem=message, problem_mark=node.start_mark)
