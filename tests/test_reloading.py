"""A changed configuration: what it changes, what is taken of it, and what is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog

from deployer.config import Config, load
from deployer.config.sources import Sources
from deployer.reloading import Plan, Reloading, compare
from tests.test_worker import eventually

SECRET = "canary-7f3a"
WEB = "web: {image: acme/web, environment: {A: one}, route: {host: a.test, port: 80}}"
PLAIN = f"apps: {{{WEB}, api: {{image: acme/api}}}}"


@dataclass
class Scene:
    """A config.yml that is followed."""

    path: Path
    taken: list[Config] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.write(PLAIN)
        sources = Sources(self.path, self.read, settle=0.02)
        self.reloading = Reloading(
            sources, sources.load(), self.asked, self.taken.append, lambda: 7.0, glance=0.005
        )

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def read(self) -> Config:
        return load(self.path, {}, part="worker")

    def until_taken(self) -> Plan:
        """What the change brings, once it is found."""
        found: list[Plan | None] = []

        def taken() -> bool:
            found.append(self.reloading.take())
            return found[-1] is not None

        eventually(taken)
        plan = found[-1]
        assert plan is not None
        return plan

    def trouble(self) -> str:
        problem = self.reloading.shown()["problem"]
        return problem["reason"] if problem else ""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one, stop = Scene(tmp_path / "config.yml"), threading.Event()
    thread = threading.Thread(target=one.reloading.run, args=(stop,))
    thread.start()
    yield one
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


Compare = Callable[[str], Plan]


@pytest.fixture
def changed_to(tmp_path: Path) -> Compare:
    """What a configuration changes in the plain one."""

    def plan(text: str) -> Plan:
        both = []
        for one in (PLAIN, text):
            (tmp_path / "config.yml").write_text(one)
            both.append(load(tmp_path / "config.yml", {}, part="worker"))
        return compare(*both)

    return plan


class TestComparing:
    """By names of keys, never by values."""

    def test_apps_that_come_go_and_change_are_named_with_their_keys(
        self, changed_to: Compare
    ) -> None:
        web = "web: {image: acme/web, tags: [next], environment: {A: two}, mem_limit: 64m"
        plan = changed_to(f"apps: {{{web}, deploy: {{watch: 5s}}}}, shop: {{image: acme/shop}}}}")
        assert (plan.new, plan.gone, plan.restart) == (("shop",), ("api",), ())
        keys = {"tags", "environment", "mem_limit", "route", "health", "deploy"}
        assert set(plan.changed["web"]) == keys

    def test_the_same_configuration_changes_nothing(self, changed_to: Compare) -> None:
        assert changed_to(f"{PLAIN}\n# a word\n") == Plan((), (), {}, ())

    @pytest.mark.parametrize(
        ("section", "restart"),
        [
            ("nginx: {http_port: 81, drain: 5s}", ("nginx.http_port", "nginx.drain")),
            ("receiver: {host: d.test, port: 5001}", ("receiver.host", "receiver.port")),
            ("paths: {state: /srv/state}", ("paths.state",)),
            ("worker: {parallel: 2}\nreceiver: {max_body: 2MiB, threads: 8}", ()),
            ("registries: {ghcr.io: {username: bot, password_file: config.yml}}", ()),
        ],
    )
    def test_what_waits_for_a_restart_is_named(
        self, changed_to: Compare, section: str, restart: tuple[str, ...]
    ) -> None:
        plan = changed_to(f"{PLAIN}\n{section}")
        assert (plan.restart, plan.waits) == (restart, False)

    def test_apps_wait_where_their_network_or_folder_would_be_ahead_of_nginx(
        self, changed_to: Compare
    ) -> None:
        assert changed_to(f"{PLAIN}\nnginx: {{network: edge}}").waits
        assert changed_to(f"{PLAIN}\npaths: {{host_base: /srv}}").waits


class TestFollowing:
    """From the file to what is in force."""

    def test_a_sound_change_is_found_and_in_force_once_it_is_taken(self, scene: Scene) -> None:
        before = scene.reloading.config
        scene.write(PLAIN.replace("A: one", f"A: {SECRET}"))
        with structlog.testing.capture_logs() as logs:
            plan = scene.until_taken()
        assert plan.changed == {"web": ("environment",)}
        assert before.apps["web"].spec.environment == (("A", "one"),)
        assert scene.taken == [scene.reloading.config]
        assert scene.reloading.config.apps["web"].spec.environment == (("A", SECRET),)
        assert SECRET not in str(logs)

    def test_a_broken_one_leaves_what_is_in_force_and_says_where_until_it_is_mended(
        self, scene: Scene
    ) -> None:
        before = scene.reloading.config
        with structlog.testing.capture_logs() as logs:
            scene.write(
                f"apps:\n  web: {{image: acme/web, environment: {{A: {SECRET}}}, tugs: []}}"
            )
            eventually(scene.trouble)
        assert scene.trouble().startswith(f"{scene.path}:2: apps.web.tugs: unknown key 'tugs'.")
        assert scene.reloading.shown()["problem"]["since"] == 7.0
        assert (scene.reloading.take(), scene.reloading.config) == (None, before)
        assert SECRET not in str(logs)
        scene.write(PLAIN)
        eventually(lambda: not scene.trouble())

    def test_a_broken_one_is_told_with_how_much_more_is_wrong(self, scene: Scene) -> None:
        scene.write("apps: {web: {image: acme/web, tugs: [], imago: 1}}")
        eventually(scene.trouble)
        assert scene.trouble().endswith("(1 more: deployer check)")

    def test_when_asked_it_reads_at_once(self, scene: Scene) -> None:
        scene.asked.set()
        assert scene.until_taken() == Plan((), (), {}, ())

    def test_what_waits_for_a_restart_is_shown_and_not_in_force(self, scene: Scene) -> None:
        scene.write(f"{PLAIN.replace('A: one', 'A: two')}\nnginx: {{http_port: 81}}")
        scene.until_taken()
        assert scene.reloading.shown()["restart"] == ["nginx.http_port"]
        assert scene.reloading.config.nginx.http_port == 80
        assert scene.reloading.config.apps["web"].spec.environment == (("A", "two"),)

    def test_where_apps_wait_for_a_restart_nothing_is_taken(self, scene: Scene) -> None:
        before = scene.reloading.config
        scene.write(f"{PLAIN.replace('A: one', 'A: two')}\nnginx: {{network: edge}}")

        def told() -> bool:
            assert scene.reloading.take() is None
            return bool(scene.reloading.shown()["restart"])

        eventually(told)
        assert (scene.reloading.config, scene.taken) == (before, [])
