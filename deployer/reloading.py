"""A changed configuration: read and compared, taken if it is sound, or told why it is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import structlog

from deployer.config.sources import Sources
from deployer.config.values import Config
from deployer.errors import ConfigError
from deployer.model import App

log = structlog.get_logger()

GLANCE = 0.25
# What is taken without a restart: by the receiver, or by the worker.
_FOLLOWED = frozenset(
    {
        "receiver.max_body",
        "receiver.threads",
        "receiver.operator_token_file",
        "receiver.metrics_token_file",
        "worker.parallel",
    }
)
# What every app's containers are made with: an app must not get ahead of Nginx.
_OF_EVERY_APP = frozenset({"nginx.network", "paths.host_base"})
_WORDS = {
    "limits": "deploy",
    "strategy": "deploy.strategy",
    "files": "contents of secrets or configs",
    "device_requests": "gpus",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new configuration changes, by name; no value is told, since any may be a secret.

    `changed` has the keys of each app, `restart` the settings that wait for a restart.
    """

    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: Mapping[str, tuple[str, ...]]
    restart: tuple[str, ...]

    @property
    def waits(self) -> bool:
        """Whether no app can be changed before that restart."""
        return not _OF_EVERY_APP.isdisjoint(self.restart)


def compare(old: Config, new: Config) -> Plan:
    """What the new configuration changes; pure."""
    both = sorted(old.apps.keys() & new.apps.keys())
    keys = {name: tuple(_keys(old.apps[name], new.apps[name])) for name in both}
    return Plan(
        new=tuple(sorted(new.apps.keys() - old.apps.keys())),
        gone=tuple(sorted(old.apps.keys() - new.apps.keys())),
        changed={name: changed for name, changed in keys.items() if changed},
        restart=tuple(_settings(old, new)),
    )


def _keys(old: App, new: App) -> Iterator[str]:
    for one in fields(App):
        before, after = getattr(old, one.name), getattr(new, one.name)
        if before != after and one.name == "spec":
            yield from _differing(before, after)
        elif before != after:
            yield _WORDS.get(one.name, one.name)


def _differing(old: Any, new: Any) -> Iterator[str]:
    for one in fields(old):
        if getattr(old, one.name) != getattr(new, one.name):
            yield _WORDS.get(one.name, one.name)


def _settings(old: Config, new: Config) -> Iterator[str]:
    for section in ("receiver", "nginx", "paths", "worker"):
        before, after = getattr(old, section), getattr(new, section)
        for key in type(before).model_fields:
            name = f"{section}.{key}"
            if getattr(before, key) != getattr(after, key) and name not in _FOLLOWED:
                yield name


@dataclass(slots=True)
class Reloading:
    """Looks at the files in a thread of its own, and at once when `asked` is set (SIGHUP).

    `config` is the one in force; only `take` changes it, and tells `also`. `now` is in seconds
    since 1970.
    """

    sources: Sources[Config]
    config: Config
    asked: threading.Event
    also: Callable[[Config], None] = lambda _: None
    now: Callable[[], float] = time.time
    glance: float = GLANCE
    _found: Config | None = field(init=False, default=None)
    _trouble: dict[str, Any] | None = field(init=False, default=None)
    _restart: tuple[str, ...] = field(init=False, default=())

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.wait(self.glance):
            if self.asked.is_set() or self.sources.changed(time.monotonic()):
                self.asked.clear()
                self._load()

    def take(self) -> Plan | None:
        """Let a sound configuration that was found be in force; what it changes.

        None where there is none, or where all of it waits for a restart.
        """
        found, self._found = self._found, None
        if found is None:
            return None
        plan = compare(self.config, found)
        self._restart = plan.restart
        _say(plan)
        if plan.waits:
            return None
        kept = {name: getattr(self.config, name) for name in ("receiver", "nginx", "paths")}
        self.config = found.model_copy(update=kept)
        self.also(self.config)
        return plan

    def shown(self) -> dict[str, Any]:
        """What the snapshot says of it: the problem, and what waits for a restart."""
        return {"problem": self._trouble, "restart": list(self._restart)}

    def _load(self) -> None:
        try:
            found = self.sources.load()
        except ConfigError as error:
            self._found = None
            self._tell(error)
        else:
            if self._trouble is not None:
                log.info("the configuration is sound again")
            self._trouble, self._found = None, found

    def _tell(self, error: ConfigError) -> None:
        first, more = error.problems[0], len(error.problems) - 1
        reason = first + (f" ({more} more: deployer check)" if more else "")
        since = self._trouble["since"] if self._trouble else self.now()
        self._trouble = {"reason": reason, "since": since}
        log.error(
            "the configuration cannot be used, the one from before stays in force",
            problems=error.problems,
        )


def _say(plan: Plan) -> None:
    changed = {name: ", ".join(keys) for name, keys in plan.changed.items()}
    log.info("configuration read", new=plan.new, changed=changed, gone=plan.gone)
    if plan.restart:
        log.warning("these settings wait for a restart of deployer", settings=plan.restart)
    if plan.waits:
        log.warning("changes of apps wait for that restart too")
        return
    for name in plan.gone:
        log.warning(
            "app is gone from the configuration: it gets no traffic any more, its containers stay",
            app=name,
            remove=f"docker ps --all --filter label=deployer.app={name}",
        )
