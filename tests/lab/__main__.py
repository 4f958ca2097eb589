"""`python -m tests.lab up | down | status`: starts, stops and shows the lab."""

import sys
import time
from collections.abc import Callable

from . import base_images, engine, registry, shell
from .errors import LabError

Part = tuple[str, Callable[[], str]]


def _engine_up() -> str:
    started = engine.ensure_engine()
    return f"{engine.engine_version()}, {'started' if started else 'running already'}"


def _registry_up() -> str:
    running = registry.shared_registry().answers()
    address = registry.ensure_registry().address
    return f"{address}, {'running already' if running else 'started'}"


def _images_up() -> str:
    return "; ".join(f"{name} {how}" for name, how in base_images.ensure_base_images().items())


def _engine_status() -> str:
    if not engine.engine_answers():
        return "does not answer"
    whose = "started by the lab" if engine.started_by_lab() else "not the lab's"
    return f"{engine.engine_version()}, {whose}"


def _registry_status() -> str:
    shared = registry.shared_registry()
    return f"{shared.address}, {'answers' if shared.answers() else 'does not answer'}"


def _images_status() -> str:
    if not engine.engine_answers():
        return "unknown without the engine"
    names = (base_images.NGINX, base_images.PYTHON)
    return "; ".join(
        f"{name} {'present' if base_images.present(name) else 'missing'}" for name in names
    )


def _engine_down() -> str:
    return "stopped" if engine.stop_engine() else "not the lab's, or not running: left alone"


def _registry_down() -> str:
    stopped = registry.shared_registry().stop()
    return "stopped" if stopped else "not the lab's, or not running: left alone"


COMMANDS: dict[str, tuple[Part, ...]] = {
    "up": (("engine", _engine_up), ("registry", _registry_up), ("images", _images_up)),
    "down": (("registry", _registry_down), ("engine", _engine_down)),
    "status": (
        ("engine", _engine_status),
        ("registry", _registry_status),
        ("images", _images_status),
        ("folder", lambda: str(shell.LAB)),
    ),
}


def main(arguments: list[str]) -> int:
    """Do each part of the command, saying how it went and how long it took."""
    parts = COMMANDS.get(arguments[0]) if len(arguments) == 1 else None
    if parts is None:
        print("usage: python -m tests.lab up | down | status", file=sys.stderr)
        return 2
    for name, act in parts:
        begun = time.monotonic()
        try:
            said = act()
        except LabError as error:
            print(f"{name:10}failed: {error}", file=sys.stderr)
            return 1
        print(f"{name:10}{time.monotonic() - begun:6.1f} s  {said}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
