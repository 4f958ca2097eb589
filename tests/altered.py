"""For each field of a spec: two values, and in which words their difference is told."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from deployer.spec import (
    Attachment,
    Device,
    DeviceRequest,
    FileMount,
    Healthcheck,
    Logging,
    Port,
    Ulimit,
    Volume,
)

Told = tuple[str, str, str | None, str | None]
"""A change as the tables have it: key, kind, old and new."""


def mount(content: str, kind: str = "secret", **changes: Any) -> FileMount:
    """A file with a content."""
    encoded = base64.b64encode(content.encode()).decode()
    return replace(FileMount(kind, "db", "/run/secrets/db", encoded), **changes)


ALTERED: list[tuple[str, Any, Any, list[Told]]] = [
    (
        "command",
        None,
        ("python", "my server.py"),
        [("command", "added", None, "python 'my server.py'")],
    ),
    ("entrypoint", ("/tini", "--"), (), [("entrypoint", "changed", "/tini --", "[]")]),
    ("working_dir", "/srv", "", [("working_dir", "removed", "/srv", None)]),
    ("user", "app", "1000:1000", [("user", "changed", "app", "1000:1000")]),
    (
        "group_add",
        ("a", "b"),
        ("b", "c"),
        [("group_add", "added", None, "c"), ("group_add", "removed", "a", None)],
    ),
    (
        "environment",
        (("A", "1"), ("B", "1")),
        (("B", "2"), ("C", "3")),
        [
            ("environment.B", "changed", None, None),
            ("environment.C", "added", None, None),
            ("environment.A", "removed", None, None),
        ],
    ),
    ("init", None, True, [("init", "added", None, "true")]),
    ("tty", False, True, [("tty", "changed", "false", "true")]),
    ("stdin_open", True, False, [("stdin_open", "changed", "true", "false")]),
    ("platform", "", "linux/arm64", [("platform", "added", None, "linux/arm64")]),
    ("runtime", "runc", "runsc", [("runtime", "changed", "runc", "runsc")]),
    (
        "healthcheck",
        Healthcheck(("CMD-SHELL", "curl -f localhost"), interval=5.0),
        Healthcheck(("CMD", "curl", "-f", "local host"), interval=90.0, retries=3),
        [
            ("healthcheck.test", "changed", "curl -f localhost", "CMD curl -f 'local host'"),
            ("healthcheck.interval", "changed", "5s", "1m30s"),
            ("healthcheck.retries", "added", None, "3"),
        ],
    ),
    ("healthcheck", None, Healthcheck(("NONE",)), [("healthcheck.test", "added", None, "NONE")]),
    ("healthcheck", None, Healthcheck(), [("healthcheck", "added", None, "the image's own")]),
    ("replicas", 1, 3, [("replicas", "changed", "1", "3")]),
    ("restart", "unless-stopped", "no", [("restart", "changed", "unless-stopped", "no")]),
    ("stop_signal", "SIGTERM", "SIGINT", [("stop_signal", "changed", "SIGTERM", "SIGINT")]),
    ("stop_grace_period", 10.0, 0.5, [("stop_grace_period", "changed", "10s", "500ms")]),
    (
        "labels",
        (("team", "shop"), ("traefik.basicauth", "x")),
        (("team", "web"), ("traefik.basicauth", "y")),
        [
            ("labels.team", "changed", "shop", "web"),
            ("labels.traefik.basicauth", "changed", None, None),
        ],
    ),
    ("annotations", (), (("a", "b"),), [("annotations.a", "added", None, "b")]),
    (
        "logging",
        Logging("json-file", (("max-size", "10m"),)),
        Logging("splunk", (("splunk-token", "x"),)),
        [
            ("logging.driver", "changed", "json-file", "splunk"),
            ("logging.options.splunk-token", "added", None, None),
            ("logging.options.max-size", "removed", "10m", None),
        ],
    ),
    (
        "volumes",
        (Volume("data", "/data"), Volume("/srv", "/srv", type="bind")),
        (
            Volume("data", "/data", read_only=True),
            Volume("", "/run/x", type="tmpfs", size=1 << 20, mode=0o1777),
            Volume("", "/cache"),
        ),
        [
            ("volumes./data", "changed", "data:/data", "data:/data:ro"),
            ("volumes./run/x", "added", None, "/run/x type=tmpfs size=1m mode=1777"),
            ("volumes./cache", "added", None, "(anonymous):/cache"),
            ("volumes./srv", "removed", "/srv:/srv", None),
        ],
    ),
    (
        "volumes",
        (Volume("a", "/a"),),
        (
            Volume("/a", "/a", True, "bind", "rshared", create_host_path=True, selinux="z"),
            Volume("b", "/b", nocopy=True, subpath="x", labels=(("k", "v"),)),
        ),
        [
            ("volumes./a", "changed", "a:/a", "/a:/a:ro,rshared,z create_host_path"),
            ("volumes./b", "added", None, "b:/b:nocopy subpath=x label:k=v"),
        ],
    ),
    (
        "tmpfs",
        (("/run", ""),),
        (("/run", "size=1m"),),
        [("tmpfs./run", "changed", "defaults", "size=1m")],
    ),
    (
        "files",
        (mount("one"),),
        (mount("two"),),
        [
            (
                "secrets.db",
                "changed",
                "/run/secrets/db mode=0400",
                "/run/secrets/db mode=0400",
            )
        ],
    ),
    (
        "files",
        (mount("one", "config"),),
        (mount("one", "config", uid=7, mode=0o440),),
        [
            (
                "configs.db",
                "changed",
                "/run/secrets/db mode=0400",
                "/run/secrets/db uid=7 mode=0440",
            )
        ],
    ),
    ("read_only", False, True, [("read_only", "changed", "false", "true")]),
    ("shm_size", None, 64 << 20, [("shm_size", "added", None, "64m")]),
    ("storage_opt", (("size", "1g"),), (), [("storage_opt.size", "removed", "1g", None)]),
    (
        "networks",
        (Attachment("back"),),
        (Attachment("back", ("db", "web"), "10.0.0.2", driver_opts=(("a", "b"),)),),
        [
            ("networks.back.aliases", "added", None, "db, web"),
            ("networks.back.ipv4_address", "added", None, "10.0.0.2"),
            ("networks.back.driver_opts", "added", None, "a=b"),
        ],
    ),
    ("network_mode", "", "host", [("network_mode", "added", None, "host")]),
    ("hostname", "a", "b", [("hostname", "changed", "a", "b")]),
    ("domainname", "a", "b", [("domainname", "changed", "a", "b")]),
    ("mac_address", "", "02:42:ac:11:00:02", [("mac_address", "added", None, "02:42:ac:11:00:02")]),
    (
        "dns",
        ("1.1.1.1",),
        ("9.9.9.9",),
        [("dns", "added", None, "9.9.9.9"), ("dns", "removed", "1.1.1.1", None)],
    ),
    (
        "dns",
        ("1.1.1.1", "9.9.9.9"),
        ("9.9.9.9", "1.1.1.1"),
        [("dns", "changed", None, "the same, in another order")],
    ),
    ("dns_opt", (), ("ndots:1",), [("dns_opt", "added", None, "ndots:1")]),
    ("dns_search", ("a.test",), (), [("dns_search", "removed", "a.test", None)]),
    ("extra_hosts", (), (("db", "10.0.0.9"),), [("extra_hosts", "added", None, "db:10.0.0.9")]),
    (
        "ports",
        (Port(80, published="8080"),),
        (Port(80, "udp", "8080", "::1"), Port(81), Port(82, published="1-9", host_ip="127.0.0.1")),
        [
            ("ports", "added", None, "[::1]:8080:80/udp"),
            ("ports", "added", None, "81"),
            ("ports", "added", None, "127.0.0.1:1-9:82"),
            ("ports", "removed", "8080:80", None),
        ],
    ),
    ("expose", (), ("8080/tcp",), [("expose", "added", None, "8080/tcp")]),
    ("privileged", False, True, [("privileged", "changed", "false", "true")]),
    ("cap_add", (), ("NET_ADMIN",), [("cap_add", "added", None, "NET_ADMIN")]),
    ("cap_drop", ("ALL",), (), [("cap_drop", "removed", "ALL", None)]),
    ("security_opt", (), ("label=x",), [("security_opt", "added", None, "label=x")]),
    ("userns_mode", "", "host", [("userns_mode", "added", None, "host")]),
    ("ipc", "", "private", [("ipc", "added", None, "private")]),
    ("pid", "", "host", [("pid", "added", None, "host")]),
    ("uts", "", "host", [("uts", "added", None, "host")]),
    ("cgroup", "", "host", [("cgroup", "added", None, "host")]),
    ("cgroup_parent", "", "a.slice", [("cgroup_parent", "added", None, "a.slice")]),
    ("sysctls", (("a", "1"),), (("a", "2"),), [("sysctls.a", "changed", "1", "2")]),
    (
        "ulimits",
        (Ulimit("nofile", 9, 9),),
        (Ulimit("nofile", 9, 20),),
        [("ulimits.nofile", "changed", "9", "soft 9, hard 20")],
    ),
    (
        "devices",
        (Device("/dev/fuse", "/dev/fuse"),),
        (Device("/dev/a", "/dev/b"), Device("/dev/c", "/dev/c", "r")),
        [
            ("devices", "added", None, "/dev/a:/dev/b"),
            ("devices", "added", None, "/dev/c:/dev/c:r"),
            ("devices", "removed", "/dev/fuse", None),
        ],
    ),
    (
        "device_cgroup_rules",
        (),
        ("c 189:* rwm",),
        [("device_cgroup_rules", "added", None, "c 189:* rwm")],
    ),
    (
        "device_requests",
        (),
        (DeviceRequest(count=-1), DeviceRequest(driver="nvidia", device_ids=("0", "1"))),
        [
            ("gpus", "added", None, "capabilities=gpu count=all"),
            ("gpus", "added", None, "capabilities=gpu driver=nvidia device_ids=0,1"),
        ],
    ),
    ("cpus", None, 1.5, [("cpus", "added", None, "1.5")]),
    ("cpu_shares", 512, 1024, [("cpu_shares", "changed", "512", "1024")]),
    ("cpu_quota", 1000, None, [("cpu_quota", "removed", "1000", None)]),
    ("cpu_period", None, 1000, [("cpu_period", "added", None, "1000")]),
    ("cpuset", "0", "0-3", [("cpuset", "changed", "0", "0-3")]),
    ("mem_limit", 256 << 20, 1 << 30, [("mem_limit", "changed", "256m", "1g")]),
    ("mem_reservation", None, 6_291_457, [("mem_reservation", "added", None, "6291457")]),
    ("memswap_limit", None, -1, [("memswap_limit", "added", None, "-1")]),
    ("mem_swappiness", None, 0, [("mem_swappiness", "added", None, "0")]),
    ("pids_limit", 100, -1, [("pids_limit", "changed", "100", "-1")]),
    ("oom_kill_disable", None, False, [("oom_kill_disable", "added", None, "false")]),
    ("oom_score_adj", None, -5, [("oom_score_adj", "added", None, "-5")]),
]
