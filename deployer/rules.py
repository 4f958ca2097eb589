"""What a hook makes of a delivery: other names of its images, apps for events without one; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from deployer.model import Image, image_of


@dataclass(frozen=True, slots=True)
class Rule:
    """Which events deploy which apps: each fact of `when` must be there and match its pattern.

    A pattern matches as a whole; `*` and `?` stand for any characters and for one.
    `deploys` are the apps, each with the tag that it is deployed from.
    """

    when: tuple[tuple[str, str], ...]
    deploys: tuple[tuple[str, str], ...]

    def fits(self, facts: Mapping[str, str]) -> bool:
        """Whether an event with these facts is meant."""
        return all(
            bool(facts.get(name)) and fnmatchcase(facts[name], pattern)
            for name, pattern in self.when
        )


@dataclass(frozen=True, slots=True)
class Ruled:
    """The apps that an event is for, each with its tag, and why these or why none."""

    deploys: tuple[tuple[str, str], ...]
    reason: str


def by_rule(facts: Mapping[str, str], rules: Sequence[Rule]) -> Ruled:
    """The apps of all rules that fit. The reason names the facts, so that a rule can be written."""
    fitting = [rule for rule in rules if rule.fits(facts)]
    deploys = tuple(dict.fromkeys(one for rule in fitting for one in rule.deploys))
    said = ", ".join(f"{name} {value[:100]!a}" for name, value in facts.items() if value)
    if not deploys:
        return Ruled((), f"no rule of this hook fits {said}")
    apps = ", ".join(f"{app} ({tag})" for app, tag in deploys)
    return Ruled(deploys, f"by rule {apps}: {said}")


def renamed(image: Image, aliases: Mapping[str, str]) -> Image:
    """The image under the name that apps know it by.

    `aliases` are beginnings of names, whole parts of them: a host, or a host and more. The longest
    that fits is replaced. An image whose new name would not be well formed keeps its own.
    """
    fitting = [one for one in aliases if f"{image.name}/".startswith(f"{one}/")]
    if not fitting:
        return image
    longest = max(fitting, key=len)
    host, _, repository = f"{aliases[longest]}{image.name[len(longest) :]}".partition("/")
    return image_of(host, repository, image.tag, image.digest) or image


def beginning(name: str) -> str | None:
    """A host, or a host and more, as aliases are compared; None where it is not one."""
    host, slash, rest = name.partition("/")
    found = image_of(host, rest if slash else "x/x")
    if found is None or (slash and not rest):
        return None
    return replace(found, repository=rest).name if slash else found.host
