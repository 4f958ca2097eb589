"""Regular expressions over tags whose cost is known before they are used; pure.

Python's own `re` goes back and tries again, by which an expression that looks harmless takes
years, and nothing can end it (docs/decisions/tags.md). Here all positions of a text are tried
together: a set of positions is the bits of a number, and no step is ever taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST = 128
"""Characters of a text that is looked at: as long as a tag can be."""


@dataclass(frozen=True, slots=True)
class One:
    """One character of a set."""

    among: frozenset[str]


@dataclass(frozen=True, slots=True)
class Edge:
    """Nothing, at the start of the text, or at its end."""

    end: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One part after the other; without parts the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of several parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part from `least` to `most` times, None for any number."""

    part: Node
    least: int
    most: int | None

    @property
    def more(self) -> int:
        """How often it may come beyond `least`; no text has room for more than LONGEST."""
        return LONGEST if self.most is None else self.most - self.least


Node = One | Edge | Row | Either | Repeat


def steps(node: Node) -> int:
    """How many steps a match takes at the very most, whatever the text."""
    match node:
        case Row(parts) | Either(parts):
            return 1 + sum(steps(part) for part in parts)
        case Repeat(part, least, _):
            return 1 + (least + node.more) * steps(part)
    return 1


def matches(node: Node, text: str) -> bool:
    """Whether the whole of the text matches; one longer than LONGEST never does."""
    if len(text) > LONGEST:
        return False
    places: dict[str, int] = {}
    for at, letter in enumerate(text):
        places[letter] = places.get(letter, 0) | 1 << at
    return bool(_ends(node, 1, _Text(places, 1 << len(text))) & 1 << len(text))


@dataclass(frozen=True, slots=True)
class _Text:
    """Where each letter stands, and the position behind the last one."""

    places: Mapping[str, int]
    end: int
    _known: dict[frozenset[str], int] = field(init=False, default_factory=dict)

    def where(self, among: frozenset[str]) -> int:
        """The positions at which one of these letters stands."""
        if among not in self._known:
            self._known[among] = sum(at for one, at in self.places.items() if one in among)
        return self._known[among]


def _ends(node: Node, starts: int, text: _Text) -> int:
    """The positions at which a node can end that begins at one of `starts`."""
    match node:
        case One(among):
            return (starts & text.where(among)) << 1
        case Edge(end):
            return starts & (text.end if end else 1)
        case Row(parts):
            for part in parts:
                starts = _ends(part, starts, text)
            return starts
        case Either(parts):
            found = 0
            for part in parts:
                found |= _ends(part, starts, text)
            return found
    return _ends_of_repeat(node, starts, text)


def _ends_of_repeat(node: Repeat, starts: int, text: _Text) -> int:
    for _ in range(node.least):
        starts = _ends(node.part, starts, text)
    found = fresh = starts
    for _ in range(node.more):
        fresh = _ends(node.part, fresh, text) & ~found
        if not fresh:
            break
        found |= fresh
    return found
