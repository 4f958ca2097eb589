"""The container of the managed Nginx: ours alone, started when needed, never touched otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.errors import ConfigRejected, NotConfirmed, ProxyError
from tests.contracts.proxy import until
from tests.lab.engine import ensure_engine
from tests.lab.images import NGINX, ensure_base_images
from tests.proxies.rig import NginxRig, docker

pytestmark = pytest.mark.lab


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[NginxRig]:
    ensure_engine()
    ensure_base_images([NGINX])
    with NginxRig(tmp_path) as made:
        yield made


def show(rig: NginxRig, what: str) -> str:
    """What `docker inspect` says of the rig's container."""
    return docker("inspect", "--format", f"{{{{json {what}}}}}", rig.settings.container).strip()


def test_facts_are_those_of_the_image(rig: NginxRig) -> None:
    facts = rig.container(rig.settings).facts()
    said = docker("run", "--rm", "--entrypoint", "nginx", NGINX, "-v")
    assert f"nginx/{'.'.join(map(str, facts.version))}" in said
    assert facts.user == "nginx"


def test_it_runs_on_the_hosts_network_with_the_folder_read_only(rig: NginxRig) -> None:
    rig.proxy.apply([])
    assert show(rig, ".HostConfig.NetworkMode") == '"host"'
    assert json.loads(show(rig, ".HostConfig.RestartPolicy"))["Name"] == "always"
    assert show(rig, ".Config.StopSignal") == '"SIGQUIT"'
    (mount,) = json.loads(show(rig, ".Mounts"))
    assert mount["Source"] == mount["Destination"] == str(rig.state)
    assert mount["RW"] is False
    assert json.loads(show(rig, ".Config.Labels")) == {
        "deployer.role": "nginx",
        "deployer.instance": "test",
    }


def test_its_workers_are_not_root(rig: NginxRig) -> None:
    rig.proxy.apply([])
    workers = rig.host.workers()
    assert workers
    for worker in workers:
        uids = re.search(r"Uid:\s+(.*)", Path(f"/proc/{worker.pid}/status").read_text())
        assert uids
        assert "0" not in uids[1].split()


def test_where_it_runs_already_nothing_is_started(rig: NginxRig) -> None:
    rig.proxy.apply([])
    before = show(rig, ".State.StartedAt")
    assert rig.container(rig.settings).ensure_running() is False
    assert show(rig, ".State.StartedAt") == before


def test_one_with_an_older_definition_serves_on_and_is_replaced_when_it_is_down(
    rig: NginxRig,
) -> None:
    rig.proxy.apply([])
    before, tag = show(rig, ".Id"), f"{rig.settings.container}:other"
    try:
        docker("build", "--quiet", "--tag", tag, "--label", "other=1", str(_recipe(rig)))
        newer = rig.container(rig.settings.model_copy(update={"image": tag}))
        assert newer.ensure_running() is False
        assert show(rig, ".Id") == before
        docker("kill", rig.settings.container)
        assert newer.ensure_running() is True
        assert show(rig, ".Id") != before
    finally:
        docker("rm", "--force", rig.settings.container)
        docker("rmi", tag)


def _recipe(rig: NginxRig) -> Path:
    folder = rig.templates.parent / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {NGINX}\n")
    return folder


@pytest.mark.parametrize("labels", [[], ["--label=deployer.role=nginx"]])
def test_a_foreign_container_of_that_name_is_named_and_left_alone(
    rig: NginxRig, labels: list[str]
) -> None:
    docker("create", "--name", rig.settings.container, *labels, NGINX)
    before = show(rig, ".")
    host = rig.container(rig.settings)
    for call in (host.ensure_running, host.facts, lambda: host.test("/x")):
        with pytest.raises(ProxyError, match=f"{rig.settings.container} that is not this"):
            call()
    assert show(rig, ".") == before


def test_another_instances_nginx_is_foreign(rig: NginxRig) -> None:
    rig.proxy.apply([])
    with pytest.raises(ProxyError, match="not this deployer's Nginx"):
        rig.container(rig.settings, instance="other").ensure_running()
    assert rig.host.workers()


def test_an_image_that_cannot_be_had_is_named_with_what_to_do(rig: NginxRig) -> None:
    settings = rig.settings.model_copy(update={"image": "127.0.0.1:9/nowhere/nginx:1"})
    with pytest.raises(ProxyError, match=r"Run `docker pull 127\.0\.0\.1:9/nowhere/nginx:1`"):
        rig.container(settings).ensure_running()
    assert rig.host.workers() == []


def test_one_that_does_not_stay_up_is_stopped_and_its_words_are_told(rig: NginxRig) -> None:
    generation = rig.state / "generations/1"
    generation.mkdir(parents=True)
    (generation / "nginx.conf").write_text("events {}\nnonsense;\n")
    (rig.state / "current").symlink_to("generations/1")
    with pytest.raises(NotConfirmed, match=r"does not start in .*nonsense"):
        rig.host.ensure_running()
    assert show(rig, ".State.Running") == "false"
    assert show(rig, ".State.Restarting") == "false"


def test_a_configuration_is_tested_with_and_without_a_running_nginx(rig: NginxRig) -> None:
    rig.proxy.apply([])
    bad = rig.state / "bad.conf"
    bad.write_text("events {}\nnonsense;\n")
    good = rig.state / "current/nginx.conf"
    rig.host.test(str(good))
    with pytest.raises(ConfigRejected) as running:
        rig.host.test(str(bad))
    docker("kill", rig.settings.container)
    rig.host.test(str(good))
    with pytest.raises(ConfigRejected) as down:
        rig.host.test(str(bad))
    for refused in (running.value, down.value):
        assert f'unknown directive "nonsense" in {bad}:2' in refused.detail


def test_a_reload_of_what_does_not_run_says_so(rig: NginxRig) -> None:
    with pytest.raises(ProxyError, match="does not run"):
        rig.host.reload()
    assert rig.host.workers() == []
    assert rig.host.errors(5) == ""


def test_nothing_is_left_of_the_containers_that_only_tested(rig: NginxRig) -> None:
    rig.proxy.apply([])
    docker("kill", rig.settings.container)
    rig.host.test(str(rig.state / "current/nginx.conf"))

    def those_with_the_folder() -> list[str]:
        mine = f"volume={rig.state}"
        return docker("ps", "--all", "--filter", mine, "--format", "{{.Names}}").split()

    until(lambda: those_with_the_folder() == [rig.settings.container])
