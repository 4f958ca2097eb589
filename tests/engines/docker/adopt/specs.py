"""Specs and images of any kind; what a user says is never what an image says by itself."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from deployer.spec import (
    Attachment,
    Device,
    DeviceRequest,
    Healthcheck,
    Logging,
    Port,
    Spec,
    Ulimit,
    Volume,
)

MIB = 1 << 20
_SWAP = 7
_NAMES = ("ua", "ub", "uc", "ud")
_words = st.from_regex(r"u[a-z0-9]{0,5}", fullmatch=True)
_lists = st.lists(_words, max_size=3, unique=True).map(tuple)
_pairs = st.dictionaries(st.sampled_from(_NAMES), _words).map(
    lambda one: tuple(sorted(one.items()))
)
_flags = st.booleans()
_sizes = st.none() | st.integers(7 * MIB, 900 * MIB)
# Odd for what a user says, even for what an image does.
_odd = st.none() | st.integers(0, 50).map(lambda one: float(2 * one + 1))


def _or(strategy: st.SearchStrategy[Any], nothing: Any = "") -> st.SearchStrategy[Any]:
    return st.just(nothing) | strategy


def _unique(strategy: st.SearchStrategy[Any], key: Any, most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=most, unique_by=key).map(
        lambda found: tuple(sorted(found, key=key))
    )


_targets = st.sampled_from(("/a", "/b", "/c/d", "/e"))
_volumes = st.one_of(
    st.builds(Volume, st.just("/srv"), _targets, _flags, st.just("bind"), _or(st.just("rslave"))),
    st.builds(
        Volume,
        st.just("/srv"),
        _targets,
        _flags,
        st.just("bind"),
        _or(st.just("rslave")),
        st.just(True),
        _or(st.just("z")),
    ),
    st.builds(
        Volume,
        _words,
        _targets,
        _flags,
        nocopy=_flags,
        subpath=_or(_words),
        labels=_pairs,
    ),
    st.builds(
        Volume,
        st.just(""),
        _targets,
        type=st.just("tmpfs"),
        size=_sizes,
        mode=_or(st.just(0o770), None),
    ),
    st.builds(Volume, _words, _targets, type=st.just("image"), subpath=_or(_words)),
)
_attachments = st.builds(
    Attachment,
    st.sampled_from(_NAMES),
    _unique(_words, str),
    _or(st.just("10.9.0.7")),
    _or(st.just("fd00::7")),
    _or(st.just(("169.254.1.1",)), ()),
    driver_opts=_pairs,
)
_ports = st.builds(
    Port,
    st.integers(9001, 9004),
    st.sampled_from(("tcp", "udp")),
    st.sampled_from(("", "8080", "8000-8010")),
    _or(st.just("127.0.0.1")),
)
_checks = st.builds(
    Healthcheck,
    _or(st.just(("CMD", "u")), ()),
    _odd,
    _odd,
    _odd,
    _odd,
    _odd.map(lambda one: None if one is None else int(one)),
).filter(lambda check: check != Healthcheck())
_requests = st.builds(DeviceRequest, _lists.filter(len), _or(_words), st.just(-1), options=_pairs)
_requests |= st.builds(DeviceRequest, _lists.filter(len), device_ids=_lists.filter(len))

_WHAT_RUNS = {
    "working_dir": _or(st.just("/u")),
    "user": _or(st.just("u:u")),
    "group_add": _lists,
    "environment": _pairs,
    "init": st.none() | _flags,
    "tty": _flags,
    "stdin_open": _flags,
    "runtime": _or(_words),
    "healthcheck": st.none() | _checks,
    "restart": st.sampled_from(("no", "always", "unless-stopped", "on-failure", "on-failure:3")),
    "stop_signal": st.none() | st.sampled_from(("SIGINT", "SIGUSR1")),
    "stop_grace_period": st.integers(1, 90).map(float),
    "labels": _pairs,
    "annotations": _pairs,
    "logging": st.none()
    | st.builds(Logging, st.just("journald"), _pairs)
    | st.builds(Logging, st.just("json-file"), _pairs.filter(len)),
}
_WHAT_IT_HAS = {
    "volumes": _unique(_volumes, lambda one: one.target, 4),
    "tmpfs": st.dictionaries(st.sampled_from(("/t", "/v")), _or(st.just("size=64k"))).map(
        lambda one: tuple(sorted(one.items()))
    ),
    "read_only": _flags,
    "shm_size": st.none() | st.integers(1, 60 * MIB),
    "storage_opt": _pairs,
    "privileged": _flags,
    "cap_add": _lists,
    "cap_drop": _lists,
    "security_opt": _or(st.just(("no-new-privileges:true", "seccomp=unconfined")), ()),
    "userns_mode": _or(st.just("host")),
    "ipc": st.sampled_from(("", "host", "shareable", "none", "container:other")),
    "pid": st.sampled_from(("", "host", "container:other")),
    "uts": _or(st.just("host")),
    "cgroup": _or(st.just("host")),
    "cgroup_parent": _or(_words),
    "sysctls": _pairs,
    "ulimits": _unique(
        st.builds(Ulimit, st.sampled_from(("core", "nofile")), st.integers(1, 9), st.integers(9)),
        lambda one: one.name,
    ),
    "devices": _unique(
        st.builds(Device, st.just("/dev/null"), _targets, st.sampled_from(("rwm", "r"))),
        lambda one: one.target,
    ),
    "device_cgroup_rules": _lists,
    "device_requests": st.lists(_requests, max_size=2, unique=True).map(tuple),
    "cpus": st.none() | st.integers(10, 4000).map(lambda one: one / 1000),
    "cpu_shares": st.none() | st.integers(2, 2000),
    "cpu_quota": st.none() | st.integers(1000, 90000),
    "cpu_period": st.none() | st.integers(1000, 90000),
    "cpuset": _or(st.just("0-1")),
    "mem_limit": _sizes,
    "mem_reservation": _sizes,
    "memswap_limit": st.sampled_from((None, -1, _SWAP)),
    "mem_swappiness": st.none() | st.integers(0, 100),
    "pids_limit": st.sampled_from((None, -1, 50)),
    "oom_kill_disable": st.sampled_from((None, True)),
    "oom_score_adj": st.none() | st.integers(1, 1000),
}
_NAMED = {
    "hostname": _or(_words),
    "domainname": _or(_words),
    "extra_hosts": _or(st.just((("db", "10.0.0.5"), ("six", "::1"))), ()),
    "dns": _or(st.just(("10.0.0.53",)), ()),
    "dns_opt": _lists,
    "dns_search": _lists,
}


def _expose(fields: dict[str, Any]) -> dict[str, Any]:
    """A published port is exposed anyway."""
    bound = {f"{one.target}/{one.protocol}" for one in fields.get("ports", ())}
    kept = tuple(port for port in fields["expose"] if port not in bound)
    return {**fields, "expose": kept}


_REACHED = st.one_of(
    st.fixed_dictionaries(
        {
            **_NAMED,
            "networks": st.lists(_attachments, max_size=3, unique_by=lambda one: one.name).map(
                lambda found: (*found[:1], *sorted(found[1:], key=lambda one: one.name))
            ),
            "mac_address": _or(st.just("02:42:00:00:00:07")),
            "ports": _unique(_ports, lambda one: (one.target, one.protocol, one.published)),
            "expose": _or(st.just(("9001/tcp", "9100/udp")), ()),
        }
    ).map(_expose),
    st.fixed_dictionaries({**_NAMED, "network_mode": st.sampled_from(("host", "none"))}),
    st.just({"network_mode": "container:other"}),
)
_COMMANDS = st.sampled_from(
    (
        {},
        {"command": ("u1", "u2")},
        {"entrypoint": ("u",)},
        {"entrypoint": ("u",), "command": ("u1",)},
        {"entrypoint": (), "command": ("u1",)},
    )
)


def _spec(parts: tuple[dict[str, Any], ...]) -> Spec:
    fields = {name: value for part in parts for name, value in part.items()}
    # What Docker refuses is never shown.
    if fields.get("cpus"):
        fields |= {"cpu_quota": None, "cpu_period": None}
    memory = fields.get("mem_limit")
    if fields.get("memswap_limit") == _SWAP:
        fields["memswap_limit"] = memory + 1 if memory else None
    if memory and fields.get("mem_reservation"):
        fields["mem_reservation"] = min(memory, fields["mem_reservation"])
    return Spec(**fields)


SPECS: st.SearchStrategy[Spec] = st.tuples(
    st.fixed_dictionaries({}, optional=_WHAT_RUNS).map(lambda one: {"restart": "no", **one}),
    st.fixed_dictionaries({}, optional=_WHAT_IT_HAS),
    _REACHED,
    _COMMANDS,
).map(_spec)
"""Specs as a derivation writes them: sorted where the order means nothing."""

_even = st.integers(1, 50).map(lambda one: 2 * one * 1_000_000_000)
IMAGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"Entrypoint": st.just(["i"]), "Cmd": st.sampled_from((None, ["i1"]))},
    optional={
        "Env": st.lists(st.sampled_from([f"{name}=i" for name in _NAMES]), unique=True),
        "Labels": st.dictionaries(st.sampled_from(_NAMES), st.just("i")),
        "WorkingDir": st.just("/i"),
        "User": st.just("i"),
        "StopSignal": st.just("SIGQUIT"),
        "ExposedPorts": st.just({"80/tcp": {}}),
        "Healthcheck": st.fixed_dictionaries(
            {"Test": st.just(["CMD", "i"])},
            optional={
                "Interval": _even,
                "Timeout": _even,
                "StartPeriod": _even,
                "StartInterval": _even,
                "Retries": st.integers(1, 50).map(lambda one: 2 * one),
            },
        ),
    },
)
"""The settings of images."""
