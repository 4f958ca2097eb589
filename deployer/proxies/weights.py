"""Apps that have the same hosts and path, and share their requests by weight; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import gcd, lcm

from deployer.proxies import allowed
from deployer.proxies import allowed_handling as may
from deployer.routing import Route


def may_share(one: Route, other: Route) -> bool:
    """Whether the requests of both can be divided: each has a weight, and all else is alike."""
    weighed = bool(one.weight and other.weight)
    return weighed and _place(one) == _place(other)


def led(routes: Mapping[str, Route]) -> dict[str, list[Route]]:
    """By the app whose files serve them: the routes that share its requests, its own among them.

    The first that takes requests leads, by name; it says what all of them meet on their way.
    """
    places: dict[object, list[Route]] = defaultdict(list)
    for app, route in sorted(routes.items()):
        places[_place(route) if route.weight else app].append(route)
    return {_leader(sharing).app: sharing for sharing in places.values()}


def targets_of(sharing: Sequence[Route]) -> Iterator[tuple[str, int]]:
    """Each replica's `address:port` and weight, 0 where there is nothing to be divided.

    An app's weight is that of all of its replicas together.
    Raises RenderRefused for a value outside its allow-list.
    """
    takes = [route for route in sharing if _takes(route)] or sharing[:1]
    weights = _weights(takes) if len(sharing) > 1 else [0] * len(takes)
    for route, weight in zip(takes, weights, strict=True):
        for to in route.targets:
            yield f"{allowed.address(to.address)}:{allowed.port(to.port)}", weight


def _place(route: Route) -> tuple[object, ...]:
    return frozenset(route.hosts), route.path, frozenset(route.front.redirect_from)


def _leader(sharing: Sequence[Route]) -> Route:
    return next((route for route in sharing if _takes(route)), sharing[0])


def _takes(route: Route) -> bool:
    return bool(route.targets) and not route.handling.maintenance


def _weights(takes: Sequence[Route]) -> list[int]:
    """Of one replica of each, as small as they can be said."""
    counts = [max(1, len(route.targets)) for route in takes]
    every = lcm(*counts)
    weights = [
        may.count(route.weight) * every // count for route, count in zip(takes, counts, strict=True)
    ]
    return [weight // gcd(*weights) for weight in weights]
