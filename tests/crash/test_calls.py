"""No call of a port is missed by who kills the worker at each of them."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from typing import Any

import pytest

from deployer import ports
from deployer.deployment import Deployment, Status, Step, Trigger
from deployer.wiring import Adapters
from tests.crash.calls import LOOKS, PORTS, Calls, Point, methods, watched

NOT_OF_A_WORKER = {
    "Source": "pure, and the receiver's",
    "Confirming": "the receiver's",
    "Notifier": "its thread's own: what it tells is told again",
}
NO_PORTS = {"logins": "reads files", "notifier": "at no moment of a deployment's"}


class Part:
    """Answers every call with the arguments it was given."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **named: (name, args, named)


def test_every_contract_of_the_worker_is_watched() -> None:
    """Each protocol in deployer.ports, and each part that a worker is put together from."""
    protocols = {
        name
        for name, one in inspect.getmembers(ports, inspect.isclass)
        if getattr(one, "_is_protocol", False)
    }
    assert protocols - NOT_OF_A_WORKER.keys() == {port.__name__ for port in PORTS.values()}
    assert {field.name for field in fields(Adapters)} - NO_PORTS.keys() == PORTS.keys()


@pytest.mark.parametrize("port", PORTS.values(), ids=lambda port: port.__name__)
def test_every_method_of_a_contract_passes_both_points_and_its_arguments(port: type) -> None:
    """Also one that was added today: they are read from the protocol."""
    for name in methods(port):
        call, died = f"{port.__name__}.{name}", []
        for when in ("before", "after"):
            calls = Calls(lambda _: None, lambda: died.append(when))  # noqa: B023
            part = watched(Part(), port, calls)
            calls.arm(Point("start" if call not in LOOKS else "any", call, 1, when), "start")
            assert getattr(part, name)(1, b=2) == (name, (1,), {"b": 2})
        assert died == ["before", "after"]


def test_what_is_called_a_look_is_a_method() -> None:
    assert {f"{one.__name__}.{name}" for one in PORTS.values() for name in methods(one)} >= LOOKS


def test_calls_are_counted_anew_in_each_phase_of_the_newest_deployment() -> None:
    told: list[Point] = []
    store = watched(Part(), PORTS["store"], Calls(told.append))
    one = Deployment(1, "web", Trigger.WEBHOOK, 1.0, status=Status.RUNNING, step=Step.PULL)
    store.activate("x")
    store.save(one, 1.0)
    store.activate("y")
    store.save(replace(one, id=0, step=Step.RETIRE), 1.0)
    store.activate("z")
    assert [str(point) for point in told if point.when == "before"] == [
        "start: before Store.activate 1",
        "start: before Store.save 1",
        "pull: before Store.activate 1",
        "pull: before Store.save 1",
        "pull: before Store.activate 2",
    ]
