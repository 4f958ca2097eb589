"""What every command starts from: the configuration, the store and the app that was named."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.cli.lazy import Misuse

if TYPE_CHECKING:
    from deployer.config.loader import Part
    from deployer.config.sources import Sources
    from deployer.config.values import Config
    from deployer.model import App
    from deployer.ports import Store


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was said before the command: `ctx.obj` of all commands."""

    config_path: Path

    def config(self, part: Part = "public") -> Config:
        """The configuration with that part's secrets. Raises ConfigError with all problems."""
        from deployer.config import load

        return load(self.config_path, os.environ, part=part)

    def sources(self, part: Part) -> Sources[Config]:
        """The files of the configuration, to be read now and whenever they change."""
        from deployer.config.sources import Sources

        return Sources(self.config_path, lambda: self.config(part))

    def store(self, config: Config) -> Store:
        """The store, to read and to give orders. Raises StoreError where it is not usable."""
        from deployer import wiring

        store = wiring.open_store(config)
        click.get_current_context().call_on_close(store.close)
        return store


pass_invocation = click.make_pass_decorator(Invocation)

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def app_named(config: Config, name: str) -> App:
    """The app of that name. Raises Misuse, with the nearest name, where there is none."""
    if name in config.apps:
        return config.apps[name]
    raise Misuse(f"no app is named {name!r}: {suggestion(name, config.apps)}")


def suggestion(word: str, known: Iterable[str]) -> str:
    """What was perhaps meant, else all that there is."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are {', '.join(names)}" if names else "the configuration has none"
