"""Tags as semantic versions, and ranges of them as npm and Go's Masterminds have them; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from semver import Version

_LONGEST = 256
_SPACED = re.compile(r"([<>=^~])\s+")
_BETWEEN = re.compile(r"\s*,\s*|\s+")
# A number may be left out, or be written as x or *, and then so is what comes behind it.
_NUMBER = "0|[1-9][0-9]{0,8}"
_PART = re.compile(
    r"[xX*](?:\.[xX*]){0,2}|(?P<sign>>=|<=|[<>=^~])?v?"
    rf"(?P<major>{_NUMBER})(?:(?:\.[xX*]){{1,2}}|\.(?P<minor>{_NUMBER})"
    rf"(?:\.[xX*]|\.(?P<patch>{_NUMBER})(?:-(?P<pre>[0-9A-Za-z.-]+))?)?)?"
)
_HOLDS = {">=": (0, 1), ">": (1,), "<=": (-1, 0), "<": (-1,)}
_FIRST = "0"
"""The pre-release that comes before all others of its version."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a version has to be, compared with another."""

    sign: str
    version: Version

    def holds(self, version: Version) -> bool:
        """Whether a version lies on the right side of it."""
        return version.compare(self.version) in _HOLDS[self.sign]


@dataclass(frozen=True, slots=True)
class Span:
    """Bounds that all have to hold; `early` is whether it names a pre-release, and so has some."""

    bounds: tuple[Bound, ...]
    early: bool


@dataclass(frozen=True, slots=True)
class Range:
    """Spans of which one has to hold."""

    spans: tuple[Span, ...]

    def why_not(self, tag: str) -> str:
        """Why the version that a tag names is not in the range; "" where it is."""
        version = version_of(tag)
        if version is None:
            return f"{tag} is no version of three numbers"
        within = [one for one in self.spans if all(bound.holds(version) for bound in one.bounds)]
        if not within:
            return f"{tag} is not in that range"
        if version.prerelease and not any(one.early for one in within):
            return f"{tag} is a pre-release, and that range names none"
        return ""


def version_of(tag: str) -> Version | None:
    """The version that a tag names, with or without a `v` before it; None where it is none.

    All three numbers have to be there: `1.4` is a name that moves with each 1.4.x.
    """
    text = tag.removeprefix("v")
    return Version.parse(text) if Version.is_valid(text) and "+" not in text else None


def is_newer(tag: str, other: str) -> bool:
    """Whether both tags are versions, and the first one is newer."""
    one, two = version_of(tag), version_of(other)
    return one is not None and two is not None and one > two


def read_range(text: str) -> Range:
    """The range that is written. Raises ValueError with what to write instead."""
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters. Write a shorter range.")
    return Range(tuple(_span(part.strip()) for part in text.split("||")))


def _span(text: str) -> Span:
    found = [_PART.fullmatch(one) for one in _BETWEEN.split(_SPACED.sub(r"\1", text))]
    bounds: list[Bound] = []
    for one in found:
        if one is None or (one["pre"] and not Version.is_valid(f"0.0.0-{one['pre']}")):
            raise ValueError(
                "not a range of versions. Write one such as ^1.4, ~1.4.2, 1.x or >=1.2 <2.0: "
                "several in a row all have to hold, and || stands between alternatives."
            )
        numbers = [int(one[name]) for name in ("major", "minor", "patch") if one[name]]
        bounds += _bounds(one["sign"] or "=", numbers, one["pre"]) if numbers else []
    return Span(tuple(bounds), any(one["pre"] for one in found if one))


def _bounds(sign: str, numbers: list[int], pre: str | None) -> list[Bound]:
    """What a version has to be, from one part of a range; left out numbers can be any."""
    least = _version(numbers, pre)
    if sign == "^":
        # What is left of the first number that is not 0 stays, and so does that.
        kept = next((at for at, one in enumerate(numbers, 1) if one), len(numbers))
        return [Bound(">=", least), _below(numbers[:kept])]
    if sign == "~":
        return [Bound(">=", least), _below(numbers[:2])]
    if sign == ">=":
        return [Bound(">=", least)]
    if sign == "<":
        return [Bound("<", least if pre else least.replace(prerelease=_FIRST))]
    whole = len(numbers) == 3
    beyond = _below(numbers)
    if sign == ">":
        return [Bound(">", least) if whole else replace(beyond, sign=">=")]
    most = Bound("<=", least) if whole else beyond
    return [most] if sign == "<=" else [Bound(">=", least), most]


def _below(numbers: list[int]) -> Bound:
    """Below the next version that has another number in the last of these places."""
    return Bound("<", _version([*numbers[:-1], numbers[-1] + 1], _FIRST))


def _version(numbers: list[int], pre: str | None) -> Version:
    major, minor, patch = [*numbers, 0, 0][:3]
    return Version(major, minor, patch, pre)
