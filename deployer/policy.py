"""Which apps a pushed image is for, and how a release takes over, each with why; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from deployer.deployment import Deployment, Trigger
from deployer.model import App, Image, Strategy
from deployer.spec import Spec


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


BY_OPERATORS = frozenset({Trigger.OPERATOR, Trigger.ROLLBACK})
"""What an operator asked for by name is done also while the app is paused."""


def held_back(waiting: Iterable[Deployment], paused: Mapping[str, str]) -> dict[int, str]:
    """Which of the waiting deployments may not begin yet, by id, and why.

    `paused` says who paused each paused app.
    """
    return {
        one.id: f"{one.app} is paused by {paused[one.app]}; deployer resume {one.app}"
        for one in waiting
        if one.app in paused and one.trigger not in BY_OPERATORS
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """How a release takes over from the one that serves, and the rule that says so."""

    strategy: Strategy
    why: str


def choose(app: App, new: Spec, old: Spec | None) -> Choice:
    """How containers of `new` take over from those of `old`, which serves (None: nothing does).

    Two that claim the same thing of the machine cannot run side by side, so the old one is
    stopped first. What the configuration says wins over a rule. Of whose network it shares a spec
    names the container, where that is known.
    """
    if old is None:
        return Choice(Strategy.START_FIRST, "nothing runs yet")
    if app.strategy is not None:
        return Choice(app.strategy, "`deploy.strategy` says so")
    held = set(claims(app, old))
    for claim in claims(app, new):
        if claim in held:
            return Choice(Strategy.STOP_FIRST, f"only one container at a time can have {claim}")
    return Choice(Strategy.START_FIRST, "old and new can run side by side")


def claims(app: App, spec: Spec) -> Iterator[str]:
    """What only one container at a time can have, in words that equal claims share."""
    for port in spec.ports:
        if port.published.isdigit():
            yield f"port {port.published}/{port.protocol} of the host"
    if spec.network_mode == "host" and app.health.port is not None:
        yield f"port {app.health.port}/tcp of the host's network"
    kind, _, whose = spec.network_mode.partition(":")
    if kind in ("container", "service") and app.health.port is not None:
        yield f"port {app.health.port}/tcp in the network of {whose}"
    yield from _addresses(spec)
    for device in spec.devices:
        yield f"the device {device.source}"
    for volume in spec.volumes if spec.replicas == 1 else ():
        if volume.type == "volume" and volume.source and not volume.read_only:
            yield f"the volume {volume.source} to write to"


def _addresses(spec: Spec) -> Iterator[str]:
    if spec.mac_address:
        yield f"the MAC address {spec.mac_address}"
    for network in spec.networks:
        for address in (network.ipv4_address, network.ipv6_address, network.mac_address):
            if address:
                yield f"the address {address} in {network.name}"
