"""Reads globs and regular expressions of tags, and says what is wrong with one; pure."""

from __future__ import annotations

import re
import string

from deployer.patterns import LONGEST, Edge, Either, Node, One, Repeat, Row, steps

_MOST_CHARACTERS = 512
_MOST_STEPS = 50_000
_DEEPEST = 20
_TAG = frozenset(string.ascii_letters + string.digits + "_.-")
_CLASSES = {
    "d": frozenset(string.digits),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
}
_CLASSES |= {name.upper(): _TAG - letters for name, letters in _CLASSES.items()}
_COUNT = re.compile(r"([0-9]{1,3})(?:(,)([0-9]{0,3}))?\}")
_TIMES = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_SPECIAL = frozenset("\\.[](){}*+?|^$")


def read_glob(text: str) -> Node:
    """What a glob matches: `*` stands for any characters, none included, `?` for one.

    Raises ValueError, with what to write instead, for what no tag can match.
    """
    if not text or set(text) - _TAG - set("*?") or len(text) > LONGEST:
        raise ValueError(
            "not a glob. Write letters, digits and . _ - with * and ? among them, as in glob:v*; "
            "for more than that a regex:."
        )
    parts: dict[str, Node] = {"*": Repeat(One(_TAG), 0, None), "?": One(_TAG)}
    # Two stars in a row say no more than one.
    letters = re.sub(r"\*+", "*", text)
    return Row(tuple(parts.get(letter) or One(frozenset(letter)) for letter in letters))


def read_regex(text: str) -> Node:
    """What a regular expression matches; a text is always matched as a whole.

    The language is that of `re` without what looks around, back or ahead. Raises ValueError,
    with what to write instead, for what is not in it or could take long.
    """
    if not text or len(text) > _MOST_CHARACTERS:
        raise ValueError(
            f"not an expression of 1 to {_MOST_CHARACTERS} characters. "
            "Write one, as in regex:v[0-9]+."
        )
    node = _Reader(text).whole()
    if steps(node) > _MOST_STEPS:
        raise ValueError(
            "this expression could take long: repetitions within repetitions multiply. "
            "Write it with fewer of them within one another."
        )
    return node


class _Reader:
    """Goes through an expression once, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._either()
        if self._at < len(self._text):
            raise ValueError("there is a ) without its (. Remove it.")
        return node

    def _next(self) -> str:
        """The next character, "" at the end."""
        return self._text[self._at : self._at + 1]

    def _take(self, what: str) -> bool:
        found = self._text.startswith(what, self._at)
        self._at += len(what) if found else 0
        return found

    def _either(self) -> Node:
        parts = [self._row()]
        while self._take("|"):
            parts.append(self._row())
        return Either(tuple(parts))

    def _row(self) -> Node:
        parts = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return Row(tuple(parts))

    def _repeated(self, part: Node) -> Node:
        if self._next() not in ("*", "+", "?", "{"):
            return part
        least, most = self._times()
        if self._next() in ("*", "+", "?", "{"):
            raise ValueError(
                "a repetition is followed by another. Write one of them, or ( ) around the first: "
                "how greedy it is changes nothing where all of a tag has to match."
            )
        if most is not None and most < least:
            raise ValueError("a repetition has more at least than at most. Swap the numbers.")
        return Repeat(part, least, most)

    def _times(self) -> tuple[int, int | None]:
        letter = self._next()
        self._at += 1
        if letter != "{":
            return _TIMES[letter]
        found = _COUNT.match(self._text, self._at)
        if found is None:
            raise ValueError("there is a { without a count. Write one such as {3}, {1,3} or {2,}.")
        self._at = found.end()
        least, comma, most = found.groups()
        return int(least), (int(most) if most else None) if comma else int(least)

    def _atom(self) -> Node:
        letter = self._next()
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._class()
        self._at += 1
        if letter == ".":
            return One(_TAG)
        if letter in ("^", "$"):
            return Edge(end=letter == "$")
        if letter == "\\":
            return One(self._escaped())
        if letter in _SPECIAL:
            raise ValueError(f"there is a {letter} with nothing before it. Remove it.")
        return One(_literal(letter))

    def _group(self) -> Node:
        if not self._take("(?:"):
            self._at += 1
            if self._next() == "?":
                raise ValueError(
                    "a group begins with (? and cannot be used here. Write ( ) or (?: ); for "
                    "both cases of a letter [Aa]."
                )
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} groups are within one another. Use fewer.")
        node = self._either()
        self._depth -= 1
        if not self._take(")"):
            raise ValueError("there is a ( without its ). Write it.")
        return node

    def _escaped(self) -> frozenset[str]:
        """The characters that are meant, behind a backslash."""
        letter = self._next()
        self._at += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        if not letter or letter.isalnum():
            raise ValueError(
                "a \\ is followed by what cannot be used here. Write \\d, \\w, \\D, \\W, or one "
                "before a character that means something else, such as \\."
            )
        return _literal(letter)

    def _class(self) -> Node:
        self._at += 1
        negated = self._take("^")
        found: frozenset[str] = frozenset()
        while not self._take("]"):
            found |= self._range()
        among = _TAG - found if negated else found
        if not found or not among:
            raise ValueError("there are [ ] that no character is in. Write some.")
        return One(among)

    def _range(self) -> frozenset[str]:
        first = self._in_class()
        if self._next() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return first
        self._at += 1
        last = self._in_class()
        if len(first) != 1 or len(last) != 1 or min(last) < min(first):
            raise ValueError("there is a range in [ ] that is none. Write one such as a-z.")
        return frozenset(one for one in _TAG if min(first) <= one <= min(last))

    def _in_class(self) -> frozenset[str]:
        letter = self._next()
        if letter in ("", "["):
            raise ValueError("there is a [ without its ]. Write it, or ranges such as a-z in it.")
        self._at += 1
        return self._escaped() if letter == "\\" else _literal(letter)


def _literal(letter: str) -> frozenset[str]:
    if letter not in _TAG:
        raise ValueError(
            "there is a character that no tag has: tags have letters, digits and . _ -. Remove it."
        )
    return frozenset(letter)
