"""Which apps a pushed image is for, and how a release takes over, each with why; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployer import tags
from deployer.deployment import Deployment, Trigger
from deployer.model import App, Image, Strategy
from deployer.spec import Spec


@dataclass(frozen=True, slots=True)
class Selector:
    """Which pushes select an app: its configured image (without a tag) and its tag policy."""

    image: Image
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The apps that a push is for, by name, and why these or why none."""

    apps: tuple[str, ...]
    reason: str


def match(
    image: Image,
    apps: Mapping[str, Selector],
    in_use: Callable[[str], Iterable[str]] = lambda _: (),
) -> Match:
    """The apps whose host and repository are those of the image, and whose policy has its tag.

    `in_use` gives the tags that an app runs or is about to: by a range of versions only the
    newest is deployed. Where there is no app, the reason names what came nearest.
    """
    same_image = {name: app for name, app in sorted(apps.items()) if app.image.name == image.name}
    if not same_image:
        return Match((), f"no app uses {image.name}{_on_other_host(image, apps)}")
    why_not = {name: _why_not(name, app, image, in_use) for name, app in same_image.items()}
    chosen = tuple(name for name, why in why_not.items() if not why)
    if chosen:
        return Match(chosen, f"{image} is what {_named(chosen)} deploys")
    return Match((), "; ".join(why_not.values()))


def _named(apps: tuple[str, ...]) -> str:
    return f"app {apps[0]}" if len(apps) == 1 else f"each of the apps {', '.join(apps)}"


def _why_not(name: str, app: Selector, image: Image, in_use: Callable[[str], Iterable[str]]) -> str:
    """Why an app of this image does not deploy its tag; "" where it does."""
    if not tags.allows(app.tags, image.tag):
        why = tags.why_not(app.tags, image.tag)
        return (
            f"app {name} uses this image but not the tag {image.tag}; its tags are "
            f"{', '.join(app.tags)}{why and f', and {why}'}"
        )
    # Who is asked reads the store, which a tag without a version need not wait for.
    ranged = tags.is_ranged(app.tags, image.tag)
    newer = tags.newer(app.tags, image.tag, in_use(name)) if ranged else ""
    return newer and f"app {name} has {newer} already, and {image.tag} is an older version"


def _on_other_host(image: Image, apps: Mapping[str, Selector]) -> str:
    for name, app in sorted(apps.items()):
        if app.image.repository == image.repository:
            return f"; app {name} uses {app.image.name}: see `registry` of the hook"
    return ""


def in_common(one: Sequence[str], other: Sequence[str]) -> str:
    """What pushes do to two apps of one image that have these policies."""
    exact = [tag for tag in (*one, *other) if tags.is_exact(tag)]
    both = {tag for tag in exact if tags.allows(one, tag) and tags.allows(other, tag)}
    both |= set(one) & set(other)
    if both:
        return f"a push of {', '.join(sorted(both))} deploys both"
    if len(exact) < len([*one, *other]):
        return f"its tags are {', '.join(one)}"
    return "other tags deploy it"


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
