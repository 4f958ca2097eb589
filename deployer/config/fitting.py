"""What of an app's spec cannot go together: said before Docker is asked, with the key to change."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.config.problems import Key, Problems
from deployer.model import App
from deployer.spec import Spec


def check_spec(app: App, problems: Problems) -> None:
    """Note every key of the app's that another one rules out."""
    own: Key = ("apps", app.name)
    found = [*_network_mode(app), *_several(app.spec)]
    found += [*_mac_addresses(app.spec), *_amounts(app.spec)]
    for below, text in found:
        key = (*own, *below)
        if not problems.touch(key):
            problems.add(key, text)


def _network_mode(app: App) -> Iterator[tuple[Key, str]]:
    spec, mode = app.spec, app.spec.network_mode
    if mode in ("", "bridge"):
        return
    if spec.networks:
        yield (("network_mode",), "there are `networks` too, and Docker takes one or the other.")
        return
    if app.route is not None:
        yield (
            ("network_mode",),
            "the app has a `route`, for which each replica needs an address of its own. Write "
            "`networks:` instead, or remove the route.",
        )
    shares = "the host's network" if mode == "host" else "another's network, or none"
    if spec.ports:
        yield ("ports",), f"a container on {shares} publishes nothing. Remove it."
    if spec.mac_address:
        yield ("mac_address",), f"a container on {shares} has no such address. Remove it."
    if mode.startswith(("container:", "service:")):
        for key in ("hostname", "dns", "dns_opt", "dns_search", "extra_hosts", "expose"):
            if getattr(spec, key):
                yield (key,), "it is the other container's with this network_mode. Remove it."


def _several(spec: Spec) -> Iterator[tuple[Key, str]]:
    """What only one container can have, where several are to run."""
    if spec.replicas == 1:
        return
    only = f"{spec.replicas} replicas cannot share it. Remove it, or write `replicas: 1`."
    if any(port.published.isdigit() for port in spec.ports):
        yield ("ports",), f"a fixed port of the host: {only}"
    if any(one.ipv4_address or one.ipv6_address or one.mac_address for one in spec.networks):
        yield ("networks",), f"a fixed address: {only}"
    if spec.mac_address:
        yield ("mac_address",), f"a fixed address: {only}"


def _mac_addresses(spec: Spec) -> Iterator[tuple[Key, str]]:
    first = spec.networks[0].mac_address if spec.networks else ""
    if spec.mac_address and first and first.lower() != spec.mac_address.lower():
        yield ("mac_address",), "the first of `networks` says another. Keep one of them."


def _amounts(spec: Spec) -> Iterator[tuple[Key, str]]:
    if spec.memswap_limit not in (None, -1):
        if spec.mem_limit is None:
            yield ("memswap_limit",), "it counts memory too. Write `mem_limit:` as well."
        elif spec.memswap_limit is not None and spec.memswap_limit < spec.mem_limit:
            yield ("memswap_limit",), "it counts memory too, so it cannot be below `mem_limit`."
    if spec.mem_limit and spec.mem_reservation and spec.mem_reservation > spec.mem_limit:
        yield ("mem_reservation",), "more than `mem_limit`. Lower it."
    if spec.cpus is not None and (spec.cpu_quota or spec.cpu_period):
        yield ("cpus",), "`cpu_quota` or `cpu_period` says the same. Keep one of them."
