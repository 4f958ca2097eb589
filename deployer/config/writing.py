"""From a spec to the keys of an app that say it: the way back of reading config.yml; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

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

_PLAIN = Spec()
_NAMES = {"device_requests": "gpus"}


def keys_of(spec: Spec) -> dict[str, Any]:
    """The keys that differ from what an app has without them, in the order of the fields.

    Secrets and configs are left out: their contents are not in the keys of an app.
    """
    found = {}
    for each in fields(Spec):
        value = getattr(spec, each.name)
        if value != getattr(_PLAIN, each.name) and each.name != "files":
            write = _WRITERS.get(each.name, _plain)
            found[_NAMES.get(each.name, each.name)] = write(value)
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _some(**said: Any) -> dict[str, Any]:
    """The keys that say something."""
    return {name: value for name, value in said.items() if value not in (None, "", (), [], {})}


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{_decimal(value)}s"


def _decimal(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    return _some(
        test=list(check.test),
        interval=_seconds(check.interval),
        timeout=_seconds(check.timeout),
        start_period=_seconds(check.start_period),
        start_interval=_seconds(check.start_interval),
        retries=check.retries,
    )


def _logging(logging: Logging) -> dict[str, Any]:
    return _some(driver=logging.driver, options=dict(logging.options))


def _volume(volume: Volume) -> dict[str, Any]:
    own = {
        "bind": _some(
            propagation=volume.propagation,
            create_host_path=volume.create_host_path or None,
            selinux=volume.selinux,
        ),
        "volume": _some(
            nocopy=volume.nocopy or None, subpath=volume.subpath, labels=dict(volume.labels)
        ),
        "tmpfs": _some(
            size=volume.size, mode=None if volume.mode is None else f"{volume.mode:04o}"
        ),
        "image": _some(subpath=volume.subpath),
    }
    return _some(
        type=volume.type,
        source=volume.source,
        target=volume.target,
        read_only=volume.read_only or None,
        **{volume.type: own[volume.type]},
    )


def _networks(networks: tuple[Attachment, ...]) -> Any:
    written = {
        one.name: _some(
            aliases=list(one.aliases),
            ipv4_address=one.ipv4_address,
            ipv6_address=one.ipv6_address,
            link_local_ips=list(one.link_local_ips),
            mac_address=one.mac_address,
            driver_opts=dict(one.driver_opts),
        )
        for one in networks
    }
    return written if any(written.values()) else list(written)


def _port(port: Port) -> dict[str, Any]:
    return _some(
        target=port.target,
        published=port.published,
        host_ip=port.host_ip,
        protocol=port.protocol if port.protocol != "tcp" else None,
    )


def _device(device: Device) -> dict[str, Any]:
    return _some(
        source=device.source,
        target=device.target if device.target != device.source else None,
        permissions=device.permissions if device.permissions != "rwm" else None,
    )


def _request(request: DeviceRequest) -> dict[str, Any]:
    count = None if request.device_ids else request.count
    return _some(
        capabilities=list(request.capabilities),
        driver=request.driver,
        count="all" if count == -1 else count or None,
        device_ids=list(request.device_ids),
        options=dict(request.options),
    )


def _ulimits(ulimits: tuple[Ulimit, ...]) -> Mapping[str, Any]:
    return {one.name: {"soft": one.soft, "hard": one.hard} for one in ulimits}


def _each(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [write(one) for one in values]


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("environment", "labels", "annotations", "storage_opt", "sysctls"), dict),
    "extra_hosts": _each(lambda pair: f"{pair[0]}:{pair[1]}"),
    "tmpfs": _each(lambda pair: f"{pair[0]}:{pair[1]}" if pair[1] else pair[0]),
    "stop_grace_period": _seconds,
    "cpus": _decimal,
    "healthcheck": _healthcheck,
    "logging": _logging,
    "volumes": _each(_volume),
    "networks": _networks,
    "ports": _each(_port),
    "devices": _each(_device),
    "device_requests": _each(_request),
    "ulimits": _ulimits,
}
