"""The tag policy of an app: exact tags, globs, expressions and ranges of versions; pure.

A policy is the list that config.yml has: `latest` is that very tag, `glob:v*`, `regex:...` and
`semver:^1.4` are patterns. No tag has a colon, so nothing of it can be read in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deployer.expressions import read_glob, read_regex
from deployer.model import TAG
from deployer.patterns import Node, matches
from deployer.versions import Range, is_newer, read_range, version_of

INSTEAD = (
    "Write a tag such as latest, or a pattern in one piece: glob:v*, regex:v[0-9]+ or semver:^1.4."
)

# What cosign and others keep beside an image: signatures, attestations, lists of its contents.
_SIDE_CAR = re.compile(r"sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a policy; `kind` is "" for an exact tag."""

    kind: str
    rule: str | Node | Range

    def why_not(self, tag: str) -> str:
        """Why it does not let a tag in; "" where it does."""
        if isinstance(self.rule, str):
            return "" if tag == self.rule else f"{tag} is another"
        if not TAG.fullmatch(tag):
            return "that is no tag"
        if _SIDE_CAR.fullmatch(tag):
            return f"{tag} is what belongs to an image and none itself, which no pattern matches"
        if isinstance(self.rule, Range):
            return self.rule.why_not(tag)
        return "" if matches(self.rule, tag) else f"{tag} does not match"


@lru_cache(maxsize=1024)
def read(text: str) -> Entry:
    """An entry as it is written. Raises ValueError with what to write instead."""
    kind, colon, rest = text.partition(":")
    if not colon:
        if not TAG.fullmatch(text):
            raise ValueError(f"not a tag, which has letters, digits and . _ - only. {INSTEAD}")
        return Entry("", text)
    if kind not in _READERS:
        raise ValueError(f"no kind of pattern is named like this. {INSTEAD}")
    return Entry(kind, _READERS[kind](rest.strip()))


_READERS: dict[str, Callable[[str], Node | Range]] = {
    "glob": read_glob,
    "regex": read_regex,
    "semver": read_range,
}


def allows(policy: Iterable[str], tag: str) -> bool:
    """Whether a policy lets a tag in."""
    return any(not read(entry).why_not(tag) for entry in policy)


def is_ranged(policy: Iterable[str], tag: str) -> bool:
    """Whether it is only by a range of versions that a policy lets a tag in."""
    kinds = {one.kind for one in map(read, policy) if not one.why_not(tag)}
    return kinds == {"semver"}


def why_not(policy: Iterable[str], tag: str) -> str:
    """What the patterns of a policy have against a tag, beside that they do not match."""
    entries = [one for one in map(read, policy) if one.kind == "semver" or _SIDE_CAR.fullmatch(tag)]
    return " and ".join(dict.fromkeys(one.why_not(tag) for one in entries if one.kind))


def newer(policy: Sequence[str], tag: str, others: Iterable[str]) -> str:
    """The newest of the other tags that is a newer version than this one; "" where none is.

    Only tags that ranges let in are versions of one line: all others are never newer or older.
    """
    found = newest(policy, others)
    return found if is_ranged(policy, tag) and is_newer(found, tag) else ""


def newest(policy: Sequence[str], known: Iterable[str]) -> str:
    """The newest version among these tags that a range of the policy lets in; "" where none is.

    Of several tags of one version (`1.4.2` and `v1.4.2`) the first.
    """
    best, found = None, ""
    ranges = [entry for entry in policy if read(entry).kind == "semver"]
    for tag in known:
        version = version_of(tag)
        if version is not None and (best is None or version > best) and allows(ranges, tag):
            best, found = version, tag
    return found


def lead(policy: Iterable[str]) -> str:
    """The first entry that says by itself what to start from: a tag or a range; "" none."""
    return next((entry for entry in policy if read(entry).kind in ("", "semver")), "")


def is_exact(entry: str) -> bool:
    """Whether an entry is just a tag."""
    return not read(entry).kind
