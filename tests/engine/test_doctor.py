"""The doctor names each prepared fault on an otherwise sound machine, and is silent on a sound one.

Every fault is undone by the test that made it, so that all share two machines: one where
deployer has never run and one where it serves.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.engine.world import NOWHERE, World, serving, world
from tests.lab.registry import Registry
from tests.lab.shell import run
from tests.lab.user import ensure_receiver_user

pytestmark = [pytest.mark.lab, pytest.mark.root]

Settings = dict[str, str]
Fault = Callable[[World], AbstractContextManager[Settings | None]]


@pytest.fixture(scope="module")
def fresh() -> Iterator[World]:
    """All is prepared and deployer has never run."""
    ensure_receiver_user()
    with world("doctor-new") as made:
        made.web.push("v1")
        yield made


@pytest.fixture(scope="module")
def up() -> Iterator[World]:
    """Deployer runs and serves."""
    with serving("doctor-up") as made:
        yield made


@contextmanager
def configured(one: World, **sections: Any) -> Iterator[None]:
    """A config.yml with other sections, for the length of a block."""
    one.configure(**sections)
    try:
        yield
    finally:
        one.configure()


def app_with(**keys: Any) -> Fault:
    """The app's configuration says this, too."""

    @contextmanager
    def fault(one: World) -> Iterator[None]:
        with configured(one, apps={one.web.name: {**one.web.config, **keys}}):
            yield

    return fault


def mode(relative: str, bits: int) -> Fault:
    """A file or folder has this mode."""

    @contextmanager
    def fault(one: World) -> Iterator[None]:
        path = one.path / relative
        before = path.stat().st_mode & 0o7777
        path.chmod(bits)
        try:
            yield
        finally:
            path.chmod(before)

    return fault


def setting(name: str, value: str) -> Fault:
    """An environment variable says this."""

    @contextmanager
    def fault(_: World) -> Iterator[Settings]:
        yield {name: value}

    return fault


@contextmanager
def unreadable_config(one: World) -> Iterator[None]:
    with configured(one, apps={one.web.name: {**one.web.config, "imaje": "x"}}):
        yield


@contextmanager
def open_token(one: World) -> Iterator[None]:
    with mode("secrets", 0o755)(one), mode("secrets/dockerhub.token", 0o644)(one):
        yield


@contextmanager
def receivers_token(one: World) -> Iterator[None]:
    path = one.path / "secrets" / "dockerhub.token"
    shutil.chown(path, "deployer")
    try:
        yield
    finally:
        os.chown(path, 0, 0)


@contextmanager
def hanging_docker(one: World) -> Iterator[Settings]:
    path = one.path / "hangs.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        try:
            yield {"DOCKER_HOST": f"unix://{path}"}
        finally:
            path.unlink()


@contextmanager
def another_token(one: World) -> Iterator[None]:
    path = one.path / "secrets" / "dockerhub.token"
    before = path.read_text()
    with unfollowed(one):
        path.write_text("canary-Tz0w9qJ4uVb8mKd2sXyPnR6cLh1eGf3a\n")
        try:
            yield
        finally:
            path.write_text(before)


@contextmanager
def another_hook(one: World) -> Iterator[None]:
    own = {"source": "dockerhub", "token_file": "secrets/dockerhub.token"}
    hooks = {
        one.web.hook: {**own, "registry": one.web.registry.address},
        "later": {**own, "registry": one.web.registry.address},
    }
    with unfollowed(one), configured(one, hooks=hooks):
        yield


@contextmanager
def unfollowed(one: World) -> Iterator[None]:
    """`serve` does not get to tell the receiver of what changes meanwhile."""
    assert one.deployer.process is not None
    one.deployer.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        one.deployer.process.send_signal(signal.SIGCONT)


def elsewhere(address: str) -> Fault:
    """The app's image, and its hook, are on another registry."""

    @contextmanager
    def fault(one: World) -> Iterator[None]:
        own = {"source": "dockerhub", "token_file": "secrets/dockerhub.token"}
        image = f"{address}/{one.web.repository}"
        with configured(
            one,
            apps={one.web.name: {**one.web.config, "image": image}},
            hooks={"other": {**own, "registry": address}},
        ):
            yield

    return fault


@contextmanager
def second_app_without_hook(one: World) -> Iterator[None]:
    second = {"image": f"{NOWHERE.address}/e2e/second"}
    with configured(one, apps={one.web.name: dict(one.web.config), "second": second}):
        yield


@contextmanager
def broken_template(one: World) -> Iterator[Settings]:
    folder = one.path / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "site.conf.j2").write_text("server { {{ nothing_of_this_name }} }\n")
    yield {"DEPLOYER_NGINX__TEMPLATES": str(folder)}


def output(*, file: str, template: str = "{{ apps | length }}", **keys: Any) -> Fault:
    """There is an output with this file and template."""

    @contextmanager
    def fault(one: World) -> Iterator[None]:
        made = one.path / "targets.j2"
        made.write_text(f"{template}\n")
        whole = {"template": str(made), "file": file.format(path=one.path), **keys}
        try:
            with configured(one, outputs={"targets": whole}):
                yield
        finally:
            made.unlink(missing_ok=True)

    return fault


@contextmanager
def held_port(_: World) -> Iterator[Settings]:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield {"DEPLOYER_NGINX__HTTP_PORT": str(listener.getsockname()[1])}


@contextmanager
def foreign_nginx(one: World) -> Iterator[None]:
    run(["docker", "create", "--name", one.deployer.nginx, "nginx:stable"])
    try:
        yield
    finally:
        run(["docker", "rm", "--force", one.deployer.nginx])


def essential(one: World, words: str) -> str:
    """The words with the names that this run has."""
    return words.format(app=one.web.name, path=one.path, nginx=one.deployer.nginx)


def told(one: World, fault: AbstractContextManager[Settings | None], expect: int) -> str:
    """What the doctor says with this fault, in one line."""
    with fault as settings:
        said = one.deployer.run("doctor", expect=expect, settings=settings)
    print(said)
    return " ".join(said.split())


def test_where_deployer_has_never_run_it_is_silent_and_changes_nothing(fresh: World) -> None:
    before = sorted(fresh.path.rglob("*")), run(["docker", "ps", "--all", "--quiet"])
    assert fresh.deployer.run("doctor") == ""
    assert sorted(fresh.path.rglob("*")) == before[0]
    assert not (fresh.path / "state").exists()


BEFORE: dict[str, tuple[Fault, int, str]] = {
    "configuration": (unreadable_config, 2, "apps.{app}.imaje"),
    "secret in config.yml": (
        app_with(environment={"DB_PASSWORD": "canary-3f9a"}),
        1,
        "can read {path}/config.yml (mode 0644), and by its name this is a secret: "
        "apps.{app}.environment.DB_PASSWORD",
    ),
    "token for everybody": (open_token, 1, "every user of this machine can read this file"),
    "token of the receiver": (receivers_token, 1, "receiver's user deployer can read this file"),
    "no such user": (
        setting("DEPLOYER_RECEIVER__USER", "nobodyhere"),
        1,
        "there is no user nobodyhere on this machine",
    ),
    "docker is down": (
        setting("DOCKER_HOST", "unix:///nonexistent.sock"),
        1,
        "Docker is unavailable, its socket does not exist",
    ),
    "docker hangs": (hanging_docker, 1, "Docker is unavailable, it did not answer"),
    "port held": (held_port, 1, "is held by"),
    "foreign container": (foreign_nginx, 1, "a container {nginx} that deployer did not make"),
    "no image of nginx": (
        setting("DEPLOYER_NGINX__IMAGE", f"{NOWHERE.address}/nginx:none"),
        1,
        "nginx:none is not here and cannot be pulled",
    ),
    "template": (broken_template, 1, "site.conf.j2"),
    "output's template": (
        output(file="{path}/targets.json", template="{{ nothing_of_this_name }}"),
        1,
        "'nothing_of_this_name' is undefined",
    ),
    "output's folder": (
        output(file="{path}/nowhere/targets.json"),
        1,
        "the folder {path}/nowhere does not exist",
    ),
    "output's container": (
        output(file="{path}/targets.json", container="deployer-test-nobody", signal="HUP"),
        1,
        "the container deployer-test-nobody, which is told of changes, does not exist",
    ),
    "network": (app_with(networks=["nowhere"]), 1, "its network nowhere does not exist"),
    "bind source": (
        app_with(volumes=["/nonexistent/data:/data"]),
        1,
        "/nonexistent/data, mounted at /data, does not exist",
    ),
    "device": (app_with(devices=["/dev/nosuch:/dev/x"]), 1, "its device /dev/nosuch"),
    "runtime": (app_with(runtime="runsc"), 1, "Docker has no runtime runsc"),
    "gpu": (app_with(gpus="all"), 1, "it asks for GPUs"),
    "registry down": (
        elsewhere(NOWHERE.address),
        1,
        "the registry 127.0.0.1:1 does not serve it now",
    ),
    "no such tag": (app_with(tags=["nosuch"]), 1, "does not have it"),
    "no hook for an app": (
        second_app_without_hook,
        1,
        "no hook stands for 127.0.0.1:1, where app second has its image",
    ),
}

RUNNING: dict[str, tuple[Fault, int, str]] = {
    "database for everybody": (mode("state/deployer.db", 0o666), 1, "is open to every user"),
    "state for everybody": (mode("state", 0o755), 1, "is open to every user (mode 0755)"),
    "key for everybody": (
        mode("state/worker/release.key", 0o644),
        1,
        "release.key is not the worker's alone",
    ),
    "another token": (another_token, 1, "runs with another secret than the file has now"),
    "another hook": (another_hook, 1, "the receiver runs without this hook"),
}


@pytest.mark.parametrize("name", BEFORE)
def test_before_the_first_serve_it_names_the_fault(fresh: World, name: str) -> None:
    fault, expect, words = BEFORE[name]
    said = told(fresh, fault(fresh), expect)
    assert essential(fresh, words) in said
    assert "canary" not in said


def test_a_login_that_is_missing_is_named(fresh: World, private_registry: Registry) -> None:
    fault = elsewhere(private_registry.address)(fresh)
    assert "refuses it" in told(fresh, fault, 1)


def test_while_it_serves_it_is_silent_and_deploys_nothing(up: World) -> None:
    """Of its test deliveries nothing is queued, and nothing recorded."""
    newest = up.newest()
    assert up.deployer.run("doctor") == ""
    assert up.newest() == newest
    with closing(sqlite3.connect(f"file:{up.database}?mode=ro", uri=True)) as store:
        assert store.execute("SELECT verdict, reason FROM deliveries").fetchall() == []


def test_the_facts_are_shown_on_demand(up: World) -> None:
    """Docker's and Nginx's versions and users, for people and for programs."""
    facts = json.loads(up.deployer.run("doctor", "--json"))["facts"]
    assert "API 1." in facts["docker"]
    assert "storage driver" in facts["docker"]
    assert "free" in facts["docker disk"]
    assert "workers run as nginx" in facts["nginx"]
    assert "deployer" in facts["users"]
    tried = [said for what, said in facts.items() if what.startswith("hook ")]
    assert len(tried) == 2
    assert all(said.startswith("took a test: ") and "deploys" in said for said in tried)
    assert facts["nginx"] in " ".join(up.deployer.run("doctor", "--verbose").split())


@pytest.mark.parametrize("name", RUNNING)
def test_while_it_serves_it_names_the_fault(up: World, name: str) -> None:
    fault, expect, words = RUNNING[name]
    said = told(up, fault(up), expect)
    assert essential(up, words) in said
    assert "canary" not in said


def test_once_it_has_ended_what_does_not_run_is_named(up: World) -> None:
    """Receiver and Nginx, and a store of a newer deployer."""
    up.deployer.stop()
    run(["docker", "stop", up.deployer.nginx])
    with closing(sqlite3.connect(up.database)) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    said = told(up, nullcontext(), 1)
    assert "nobody listens on 127.0.0.1" in said
    assert f"Nginx does not run: the container {up.deployer.nginx} is stopped or gone" in said
    assert "was written by a newer deployer (schema 9999" in said
    assert Path(up.database).exists()
