"""YAML to plain data and the line of every key, so that each problem can name its line.

Scalars stay the text that was written, and only an empty one is None: `no`, `1.10` and
`10:30` mean in an environment what they look like, and the kind of each key decides how its
text is read, just as it does for an environment variable.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from deployer.config.files import read_text
from deployer.config.problems import Key, Problems
from deployer.errors import ConfigError

_MAX_VALUES = 20_000
_MAX_DEPTH = 30
_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(
    _TAG + name for name in ("str", "null", "bool", "int", "float", "timestamp", "value", "merge")
)
_Pair = tuple[yaml.Node, yaml.Node]
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
# What PyYAML quotes may be part of a value; names of tokens and single characters are kept.
_CITED = re.compile(r" '([^']*)'")


def read(path: Path, problems: Problems) -> dict[str, Any]:
    """The data of config.yml; what is wrong with its keys goes to `problems`.

    Raises ConfigError at once where the file is missing, unreadable, empty, no YAML or no
    mapping: nothing else can be said of it then.
    """
    if not path.exists():
        raise ConfigError(
            [f"{path}: there is no such file. Name another by --config or DEPLOYER_CONFIG."]
        )
    try:
        text = read_text(path)
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from error
    node = _compose(path, text)
    if not isinstance(node, yaml.MappingNode):
        what = "the file is empty" if _is_null(node) else "the file is not a mapping"
        raise ConfigError([f"{path}:1: {what}. Write sections such as `apps:` and their keys."])
    problems.where[()] = 1
    data = _Reader(problems).mapping(node, ())
    return {name: value for name, value in data.items() if not name.startswith("x-")}


def _compose(path: Path, text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = _CITED.sub(_uncited, error.problem or "it cannot be read")
        advice = f"Check indentation, colons and quotes near column {column}."
        raise ConfigError([f"{path}:{line}: this is not YAML: {what}. {advice}"]) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = "a character that YAML does not allow"
        raise ConfigError([f"{path}:{line}: {what}. Remove it or write it as \\x.."]) from error
    except (ValueError, OverflowError) as error:
        what = "a number in an escape or directive is out of range"
        raise ConfigError([f"{path}:1: this is not YAML: {what}. Remove it."]) from error
    except RecursionError as error:
        raise ConfigError([f"{path}:1: the file is nested too deeply. Make it flatter."]) from error


def _uncited(cited: re.Match[str]) -> str:
    harmless = len(cited[1]) == 1 or re.fullmatch("<[a-z ]+>", cited[1])
    return cited[0] if harmless else ""


def _is_name(node: yaml.Node) -> bool:
    text = node.value
    return isinstance(text, str) and not _is_null(node) and not _UNUSABLE.search(text)


def _is_null(node: yaml.Node | None) -> bool:
    return node is None or node.tag == f"{_TAG}null"


class _Reader:
    """Turns nodes into data once, aliases and merges included, noting each key's line."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._open: list[int] = []
        self._values = 0

    def mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        """A mapping's data: its own keys win over those that `<<` brings in."""
        result: dict[str, Any] = {}
        own, merged = self._pairs(node, key)
        for name_node, value_node in own:
            name, line = name_node.value, name_node.start_mark.line + 1
            if not _is_name(name_node):
                self._problems.add(key, "a key is not a word. Write `name: value`.", line=line)
            elif name in result:
                first = self._problems.where[*key, name]
                text = f"this key is written twice, first in line {first}. Keep one of them."
                self._problems.add((*key, name), text, line=line)
            else:
                result[name] = self._item(value_node, (*key, name), line)
        for name_node, value_node in merged:
            name, line = name_node.value, name_node.start_mark.line + 1
            if _is_name(name_node) and name not in result:
                result[name] = self._item(value_node, (*key, name), line)
        return result

    def _pairs(self, node: yaml.MappingNode, key: Key) -> tuple[list[_Pair], list[_Pair]]:
        own: list[_Pair] = []
        merged: list[_Pair] = []
        for name_node, value_node in node.value:
            if name_node.tag == f"{_TAG}merge":
                merged += self._merge(value_node, key)
            else:
                own.append((name_node, value_node))
        return own, merged

    def _merge(self, node: yaml.Node, key: Key) -> list[_Pair]:
        """What `<<` brings in, by https://yaml.org/type/merge.html: earlier mappings win."""
        pairs: list[_Pair] = []
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(part, yaml.MappingNode):
                text = "`<<` takes a mapping or a list of them. Write `<<: *anchor`."
                self._problems.add(key, text, line=part.start_mark.line + 1)
            elif self._enter(part, key):
                own, deeper = self._pairs(part, key)
                pairs += own + deeper
                self._open.pop()
        return pairs

    def _value(self, node: yaml.Node, key: Key) -> Any:
        if not self._enter(node, key):
            return None
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
                return self.mapping(node, key)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
                return [
                    self._item(item, (*key, at), item.start_mark.line + 1)
                    for at, item in enumerate(node.value)
                ]
            return self._scalar(node, key)
        finally:
            self._open.pop()

    def _item(self, node: yaml.Node, key: Key, line: int) -> Any:
        self._problems.where[key] = line
        return self._value(node, key)

    def _scalar(self, node: yaml.Node, key: Key) -> str | None:
        if node.tag not in _SCALARS:
            self._problems.add(key, "YAML tags are not supported. Write the value without `!`.")
            return None
        if _UNUSABLE.search(node.value):
            self._problems.add(key, "a character that no setting can hold. Remove it.")
            return None
        return None if _is_null(node) else str(node.value)

    def _enter(self, node: yaml.Node, key: Key) -> bool:
        """Whether to go on: anchors can make a small file endless."""
        self._values += 1
        if self._values > _MAX_VALUES:
            self._problems.add(key, f"more than {_MAX_VALUES} values. Use fewer anchors.")
            self._problems.check()
        if id(node) in self._open or len(self._open) >= _MAX_DEPTH:
            self._problems.add(key, "nested too deeply or inside itself. Make it flatter.")
            return False
        self._open.append(id(node))
        return True
