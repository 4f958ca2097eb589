"""Every key that says how containers run: from config.yml to what `docker inspect` shows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from docker.utils import version_lt

from deployer.config import load
from deployer.errors import StartFailed
from deployer.model import Image, Release
from deployer.spec import Spec
from tests.engines.docker.world import DockerWorld
from tests.fakes.registry import Behaviour
from tests.lab.registry import Registry

pytestmark = pytest.mark.lab

CHECK = "{test: 'true', interval: 90s, timeout: 1500ms, start_period: 2s, retries: 7}"
RULE = "c 189:* rwm"


# What a machine may forbid: it is asked for all the same, and shown.
MACHINE = "operation not permitted|unable to apply caps"


@dataclass(frozen=True)
class Row:
    """A key in YAML, and what inspect shows; `refused` where this Docker cannot, in its words.

    `since` is the version of Docker's API that knows the key; an older one is refused by us.
    """

    field: str
    yaml: str
    shown: Mapping[str, Any]
    refused: str = ""
    since: str = ""

    def refusal(self, api_version: str) -> str:
        """The words that it is refused with by a Docker of this API; "" where it is taken."""
        return "" if self.since and not version_lt(api_version, self.since) else self.refused


def row(field: str, value: str, shown: Mapping[str, Any], refused: str = "") -> Row:
    return Row(field, f"{field}: {value}", shown, refused)


def host(field: str, value: str, key: str, expected: Any, refused: str = "") -> Row:
    return row(field, value, {f"HostConfig/{key}": expected}, refused)


ROWS = [
    row("command", "[sh, -c, sleep 60]", {"Config/Cmd": ["sh", "-c", "sleep 60"]}),
    row("command", "sleep '6 0'", {"Config/Cmd": ["sleep", "6 0"]}),
    row("entrypoint", "[sleep, '60']", {"Config/Entrypoint": ["sleep", "60"], "Config/Cmd": None}),
    Row(
        "entrypoint",
        "entrypoint: []\ncommand: sleep 9",
        {"Config/Entrypoint": None, "Path": "sleep"},
    ),
    row("working_dir", "/srv/app", {"Config/WorkingDir": "/srv/app"}),
    row("user", '"1000:50"', {"Config/User": "1000:50"}),
    host("group_add", "['7']", "GroupAdd", ["7"]),
    row("environment", "{A: 'x=y $z'}", {"Config/Env/0": "A=x=y $z"}),
    host("init", "true", "Init", True),
    host("init", "false", "Init", False),
    row("tty", "true", {"Config/Tty": True}),
    row("stdin_open", "true", {"Config/OpenStdin": True}),
    row("platform", "linux/amd64", {"Platform": "linux"}),
    host("runtime", "runc", "Runtime", "runc"),
    host("runtime", "nosuch", "Runtime", "nosuch", "(?i)unknown.*runtime"),
    row(
        "healthcheck",
        CHECK,
        {
            "Config/Healthcheck": {
                "Test": ["CMD-SHELL", "true"],
                "Interval": 90_000_000_000,
                "Timeout": 1_500_000_000,
                "StartPeriod": 2_000_000_000,
                "Retries": 7,
            }
        },
    ),
    Row(
        "healthcheck",
        "healthcheck: {test: 'true', start_period: 9s, start_interval: 3s}",
        {"Config/Healthcheck/StartInterval": 3_000_000_000},
        "`healthcheck.start_interval` needs Docker 25",
        since="1.44",
    ),
    row("healthcheck", "{disable: true}", {"Config/Healthcheck/Test": ["NONE"]}),
    host(
        "restart", "on-failure:3", "RestartPolicy", {"Name": "on-failure", "MaximumRetryCount": 3}
    ),
    row("stop_signal", "INT", {"Config/StopSignal": "SIGINT"}),
    row("stop_grace_period", "1m30s", {"Config/StopTimeout": 90}),
    row("labels", "[team=web]", {"Config/Labels/team": "web"}),
    Row(
        "annotations",
        "annotations: {a: b}",
        {"HostConfig/Annotations": {"a": "b"}},
        "`annotations` needs Docker 24",
        since="1.43",
    ),
    host(
        "logging",
        "{driver: json-file, options: {max-size: 1m}}",
        "LogConfig",
        {"Type": "json-file", "Config": {"max-size": "1m"}},
    ),
    row("volumes", "['/usr:/a:ro']", {"Mounts/0/Source": "/usr", "Mounts/0/RW": False}),
    row(
        "volumes",
        "[{type: bind, source: /usr, target: /a, bind: {propagation: private}}]",
        {"Mounts/0/Type": "bind", "Mounts/0/Propagation": "private"},
    ),
    row(
        "volumes",
        "[{type: bind, source: FOLDER/new, target: /a, bind: {create_host_path: true}}]",
        {"Mounts/0/Source": "FOLDER/new", "Mounts/0/RW": True},
    ),
    row(
        "volumes", "[/anonymous]", {"Mounts/0/Type": "volume", "Mounts/0/Destination": "/anonymous"}
    ),
    row(
        "volumes",
        "[{type: volume, source: APP-data, target: /a, volume: {nocopy: true}}]",
        {"Mounts/0/Name": "APP-data", "HostConfig/Mounts/0/VolumeOptions/NoCopy": True},
    ),
    row(
        "volumes",
        "[{type: tmpfs, target: /a, tmpfs: {size: 1m, mode: '0770'}}]",
        {"HostConfig/Mounts/0/TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o770}},
    ),
    Row(
        "volumes",
        "volumes: [{type: volume, source: APP-full, target: /a, volume: {subpath: x}}]",
        {
            "HostConfig/Mounts/0/VolumeOptions/Subpath": "x",
            "Mounts/0/Destination": "/a",
        },
        "`subpath` of a volume needs Docker 26",
        since="1.45",
    ),
    Row(
        "volumes",
        "volumes: [{type: image, source: 'IMAGE', target: /a}]",
        {"HostConfig/Mounts/0/Type": "image", "HostConfig/Mounts/0/Source": "IMAGE"},
        "type image needs Docker 28",
        since="1.48",
    ),
    host("tmpfs", "['/run:size=64k']", "Tmpfs", {"/run": "size=64k"}),
    Row(
        "files",
        "secrets: [password]\nconfigs: [{source: motd, target: /etc/motd, mode: '0444'}]",
        {
            "Mounts/0/Destination": "/etc/motd",
            "Mounts/1/Destination": "/run/secrets/password",
            "Mounts/1/RW": False,
        },
    ),
    host("read_only", "true", "ReadonlyRootfs", True),
    host("shm_size", "2m", "ShmSize", 2 << 20),
    host("storage_opt", "{size: 1G}", "StorageOpt", {"size": "1G"}, "storage-opt"),
    row(
        "networks",
        "{NETWORK: {aliases: [shop], ipv4_address: SUBNET.77}}",
        {
            "HostConfig/NetworkMode": "NETWORK",
            "NetworkSettings/Networks/NETWORK/IPAMConfig/IPv4Address": "SUBNET.77",
        },
    ),
    Row(
        "networks",
        "networks: {NETWORK: {mac_address: '02:42:00:00:00:07'}}",
        {"NetworkSettings/Networks/NETWORK/MacAddress": "02:42:00:00:00:07"},
        "`mac_address` of a network needs Docker 25",
        since="1.44",
    ),
    host("network_mode", "host", "NetworkMode", "host"),
    host("network_mode", "none", "NetworkMode", "none"),
    row("hostname", "web", {"Config/Hostname": "web"}),
    row("domainname", "example.com", {"Config/Domainname": "example.com"}),
    row(
        "mac_address",
        "'02:42:00:00:00:07'",
        {"NetworkSettings/Networks/bridge/MacAddress": "02:42:00:00:00:07"},
    ),
    host("dns", "10.0.0.53", "Dns", ["10.0.0.53"]),
    host("dns_opt", "['ndots:1']", "DnsOptions", ["ndots:1"]),
    host("dns_search", "[example.com]", "DnsSearch", ["example.com"]),
    host("extra_hosts", "['db:10.0.0.5']", "ExtraHosts", ["db:10.0.0.5"]),
    host("extra_hosts", "{db: '::1'}", "ExtraHosts", ["db:::1"]),
    host(
        "ports",
        "['127.0.0.1::9090/udp']",
        "PortBindings",
        {"9090/udp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
    ),
    row("expose", "['8000-8001']", {"Config/ExposedPorts": {"8000/tcp": {}, "8001/tcp": {}}}),
    host("privileged", "true", "Privileged", True, MACHINE),
    host("cap_add", "[CAP_CHOWN]", "CapAdd", ["CAP_CHOWN"]),
    host("cap_drop", "[ALL]", "CapDrop", ["ALL"]),
    host("security_opt", "['no-new-privileges:true']", "SecurityOpt", ["no-new-privileges:true"]),
    host("userns_mode", "host", "UsernsMode", "host"),
    host("ipc", "shareable", "IpcMode", "shareable"),
    host("pid", "host", "PidMode", "host"),
    host("uts", "host", "UTSMode", "host"),
    host("cgroup", "host", "CgroupnsMode", "host"),
    host("cgroup_parent", "/APP", "CgroupParent", "/APP"),
    host("sysctls", "['net.core.somaxconn=77']", "Sysctls", {"net.core.somaxconn": "77"}),
    host(
        "ulimits",
        "{nofile: {soft: 1000, hard: 2000}}",
        "Ulimits",
        [{"Name": "nofile", "Soft": 1000, "Hard": 2000}],
    ),
    host(
        "devices",
        "['/dev/null:/dev/x:r']",
        "Devices",
        [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}],
    ),
    host("device_cgroup_rules", f"['{RULE}']", "DeviceCgroupRules", [RULE]),
    Row(
        "device_requests",
        "gpus: [{driver: nvidia, count: 2}]",
        {
            "HostConfig/DeviceRequests/0/Driver": "nvidia",
            "HostConfig/DeviceRequests/0/Count": 2,
            "HostConfig/DeviceRequests/0/Capabilities": [["gpu"]],
        },
        "could not select device driver",
    ),
    host("cpus", "1.5", "NanoCpus", 1_500_000_000),
    host("cpu_shares", "512", "CpuShares", 512),
    host("cpu_quota", "50000", "CpuQuota", 50000),
    host("cpu_period", "50000", "CpuPeriod", 50000),
    host("cpuset", "0", "CpusetCpus", "0"),
    host("mem_limit", "64m", "Memory", 64 << 20),
    host("mem_reservation", "32m", "MemoryReservation", 32 << 20),
    Row(
        "memswap_limit",
        "mem_limit: 64m\nmemswap_limit: 128m",
        {"HostConfig/MemorySwap": 128 << 20},
    ),
    host("mem_swappiness", "7", "MemorySwappiness", 7),
    host("pids_limit", "50", "PidsLimit", 50),
    Row(
        "oom_kill_disable",
        "mem_limit: 64m\noom_kill_disable: true",
        {"HostConfig/OomKillDisable": True},
    ),
    host("oom_score_adj", "500", "OomScoreAdj", 500),
    Row(
        "mem_limit",
        "deploy: {resources: {limits: {cpus: '0.5', memory: 64m, pids: 9}}}",
        {
            "HostConfig/NanoCpus": 500_000_000,
            "HostConfig/Memory": 64 << 20,
            "HostConfig/PidsLimit": 9,
        },
    ),
]
# Seen elsewhere: how many there are is what the contract of engines is about.
ELSEWHERE = {"replicas"}


def test_every_field_of_a_spec_has_a_row() -> None:
    assert {each.field for each in ROWS} | ELSEWHERE == {each.name for each in fields(Spec)}


@pytest.fixture(scope="module")
def world(lab_registry: Registry) -> Iterator[DockerWorld]:
    """One world for all rows."""
    with DockerWorld(lab_registry) as made:
        yield made


@pytest.fixture(scope="module")
def pushed(world: DockerWorld) -> Image:
    """An image that is here, for all rows."""
    image = world.push(Behaviour.ANSWERS)
    world.engine.pull(image, stall=20, timeout=60, stopping=lambda: None)
    return image


def found(inspected: Any, path: str) -> Any:
    """What is at `a/0/b` of nested mappings and lists."""
    return reduce(
        lambda inner, part: inner[int(part)] if isinstance(inner, list) else inner[part],
        path.split("/"),
        inspected,
    )


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the names of this world in place of those in capitals."""
    if isinstance(value, str):
        return reduce(lambda text, name: text.replace(name, names[name]), names, value)
    return value


@pytest.mark.parametrize("each", ROWS, ids=[f"{at}-{one.field}" for at, one in enumerate(ROWS)])
def test_what_config_yml_says_is_what_docker_inspect_shows(
    world: DockerWorld, pushed: Image, each: Row, tmp_path: Path
) -> None:
    names = {"FOLDER": str(tmp_path), "APP": world.app, "IMAGE": pushed.pinned}
    if "APP-full" in each.yaml:
        world.fill_volume(f"{world.app}-full", "x")
    if "NETWORK" in each.yaml:
        names["NETWORK"], names["SUBNET"] = world.network_with_subnet()
    keys = filled(each.yaml, names).replace("\n", "\n    ")
    config = tmp_path / "config.yml"
    top = "secrets: {password: {environment: PASSWORD}}\nconfigs: {motd: {content: Hello}}\n"
    app = f"{world.app}k"
    config.write_text(f"{top}apps:\n  {app}:\n    image: {pushed.name}\n    {keys}\n")
    spec = load(config, {"PASSWORD": "hunter2"}).apps[app].spec
    release = Release(app, 1, pushed, spec)
    try:
        refused = each.refusal(world.api.api_version)
        if refused == MACHINE:
            with suppress(StartFailed):
                world.engine.start(release, 1)
        elif refused:
            with pytest.raises(StartFailed, match=refused):
                world.engine.start(release, 1)
        else:
            world.engine.start(release, 1)
        if each.shown and not (refused and each.since):
            assert_shown(world, app, each, names)
    finally:
        world.engine.discard(app, 1)
        world.engine.forget(app, [])


def assert_shown(world: DockerWorld, app: str, each: Row, names: Mapping[str, str]) -> None:
    """What the row says is what Docker shows; a refusal before the create leaves nothing to see."""
    listed = world.api.containers(all=True, filters={"name": f"^/{app}-1-1$"})
    if not listed:
        assert each.refused not in ("", MACHINE)
        return
    inspected = world.api.inspect_container(listed[0]["Id"])
    inspected["Mounts"].sort(key=lambda mount: mount["Destination"])
    for path, expected in each.shown.items():
        assert found(inspected, filled(path, names)) == filled(expected, names), path


KEYS = """
      command: [sleep, "60"]
      user: "1000:50"
      init: true
      working_dir: /tmp
      hostname: web
      environment: {{MODE: production}}
      labels: {{team: shop}}
      networks: {{{network}: {{ipv4_address: {subnet}.9, aliases: [{service}shop]}}}}
      volumes: ["{app}-data:/data", "/usr:/host:ro"]
      tmpfs: [/run]
      extra_hosts: ["db:10.0.0.5"]
      cap_drop: [ALL]
      security_opt: ["no-new-privileges:true"]
      ulimits: {{nofile: {{soft: 1000, hard: 2000}}}}
      healthcheck: {{test: exit 0, interval: 1m}}
      logging: {{driver: json-file, options: {{max-size: 1m}}}}
      mem_limit: 64m
      cpus: 0.5
      restart: always
      stop_grace_period: 3s
"""


def test_a_compose_file_gives_the_same_container_as_config_yml(
    world: DockerWorld, pushed: Image, tmp_path: Path
) -> None:
    network, subnet = world.network_with_subnet()
    app = f"{world.app}k"
    names = {"network": network, "subnet": subnet, "app": app}
    config, compose = tmp_path / "config.yml", tmp_path / "compose.yml"
    compose.write_text(
        f"services:\n  web:\n      image: ${{IMAGE}}:v1{KEYS.format(service='', **names)}"
        f"networks: {{{network}: {{external: true}}}}\n"
        f"volumes: {{{app}-data: {{name: {app}-data}}}}\n"
    )
    written = f"      image: {pushed.name}\n{KEYS.format(service='web, ', **names)}"
    taken = "      compose: {file: compose.yml, service: web}\n"
    shown = []
    for keys in (written, taken):
        config.write_text(f"apps:\n  {app}:\n{keys}")
        spec = load(config, {"IMAGE": pushed.name}).apps[app].spec
        [replica] = world.engine.start(Release(app, 1, pushed, spec), 1)
        shown.append(comparable(world.inspect(replica)))
        world.engine.discard(app, 1)
    assert shown[0] == shown[1]
    assert shown[0]["HostConfig"]["Memory"] == 64 << 20


OF_ONE_LIFE = {
    *("Id", "Created", "State", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath"),
    *("GraphDriver", "EndpointID", "NetworkID", "SandboxID", "SandboxKey", "MacAddress"),
}
UNORDERED = ("Aliases", "Mounts")


def comparable(inspected: Any) -> Any:
    """What inspect shows without what differs between two lives of the same container."""
    text = json.dumps({key: one for key, one in inspected.items() if key not in OF_ONE_LIFE})
    return without_life(json.loads(text.replace(inspected["Id"][:12], "")))


def without_life(value: Any) -> Any:
    """The value without the keys of one life; what Docker keeps in no order, in a stable one."""
    if isinstance(value, list):
        return [without_life(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: without_life(one) for key, one in value.items() if key not in OF_ONE_LIFE}
    unordered = {key: sorted(kept[key], key=str) for key in UNORDERED if kept.get(key)}
    return kept | unordered
