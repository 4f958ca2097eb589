"""Which apps a pushed image is for, and why; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.model import Image


@dataclass(frozen=True, slots=True)
class Selector:
    """Which pushes select an app: its configured image (without a tag) and its tags."""

    image: Image
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The apps that a push is for, by name, and why these or why none."""

    apps: tuple[str, ...]
    reason: str


def match(image: Image, apps: Mapping[str, Selector]) -> Match:
    """The apps whose host, repository and tag are exactly those of the image.

    Where there is none, the reason names what came nearest.
    """
    same_image = {name: app for name, app in sorted(apps.items()) if app.image.name == image.name}
    chosen = tuple(name for name, app in same_image.items() if image.tag in app.tags)
    if chosen:
        return Match(chosen, f"{image} is what {_named(chosen)} deploys")
    if same_image:
        return Match((), "; ".join(_wrong_tag(n, app, image) for n, app in same_image.items()))
    return Match((), f"no app uses {image.name}{_on_other_host(image, apps)}")


def _named(apps: tuple[str, ...]) -> str:
    return f"app {apps[0]}" if len(apps) == 1 else f"each of the apps {', '.join(apps)}"


def _wrong_tag(name: str, app: Selector, image: Image) -> str:
    tags = ", ".join(app.tags)
    return f"app {name} uses this image but not the tag {image.tag}; its tags are {tags}"


def _on_other_host(image: Image, apps: Mapping[str, Selector]) -> str:
    for name, app in sorted(apps.items()):
        if app.image.repository == image.repository:
            return f"; app {name} uses {app.image.name}: see `registry` of the hook"
    return ""
