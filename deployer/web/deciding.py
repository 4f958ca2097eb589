"""What a delivery asks for: its pushes and events against the apps of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.config.values import AppPart, HookPart
from deployer.deployment import Trigger, Wanted
from deployer.errors import ConfigError
from deployer.model import Push, parse_image
from deployer.policy import Selector
from deployer.ports import Heard, Store
from deployer.rules import by_rule, renamed
from deployer.web.matching import matched


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be queued, and why that or why nothing.

    `digests` are those that the sender says it pushed, by app, where it says so.
    """

    wanted: tuple[Wanted, ...]
    reason: str
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """The delivery's verdict."""
        return "accepted" if self.wanted else "ignored"


def selectors_of(apps: Mapping[str, AppPart]) -> dict[str, Selector]:
    """Which pushes deploy each app. Raises ConfigError where an image is not well formed."""
    return {name: _selector(name, app) for name, app in apps.items()}


def decide(
    heard: Heard, hook: HookPart, selectors: Mapping[str, Selector], store: Store
) -> Decided:
    """The deployments that what was heard on a hook asks for. Raises StoreError."""
    if heard.facts:
        ruled = by_rule(heard.facts, hook.rules)
        wanted = tuple(Wanted(app, Trigger.WEBHOOK, tag) for app, tag in ruled.deploys)
        return Decided(wanted, ruled.reason)
    pushes = [Push(renamed(push.image, hook.aliases)) for push in heard.pushes]
    matches = matched(pushes, selectors, store)
    queued = [(app, push.image) for push, found in matches for app in found.apps]
    return Decided(
        tuple(Wanted(app, Trigger.WEBHOOK, image.tag) for app, image in queued),
        "; ".join(found.reason for _, found in matches) or heard.reason,
        {app: image.digest for app, image in queued if image.digest},
    )


def _selector(name: str, app: AppPart) -> Selector:
    image = parse_image(app.image)
    if image is None:
        raise ConfigError([f"apps.{name}.image: not well formed. Run: deployer check"])
    return Selector(image, app.tags)
