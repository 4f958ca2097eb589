"""A hook takes so many deliveries, whoever sends them, and says when it takes more."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployer.web.rates import BURST, RATE, Rates
from tests.fakes.clock import FakeClock
from tests.lab.wire import Answer, Wire
from tests.web.receiver import TOKEN, Running, push, running


def test_a_burst_is_taken_then_so_many_a_second() -> None:
    clock = FakeClock()
    rates = Rates(["ci"], clock.now)
    assert {rates.take("ci") for _ in range(int(BURST))} == {0}
    later = rates.take("ci")
    assert later == math.ceil(1 / RATE)
    clock.wait(later)
    assert [rates.take("ci") for _ in range(int(RATE) + 1)] == [0] * int(RATE) + [1]


def test_a_rest_fills_no_more_than_a_burst() -> None:
    clock = FakeClock()
    rates = Rates(["ci"], clock.now)
    clock.wait(1e9)
    taken = [rates.take("ci") for _ in range(int(BURST) + 1)]
    assert taken.count(0) == BURST


def test_one_hook_takes_nothing_from_another() -> None:
    clock = FakeClock()
    rates = Rates(["ci", "hub"], clock.now)
    while rates.take("ci") == 0:
        pass
    assert rates.take("hub") == 0


def test_strangers_use_up_nothing(receiver: Running) -> None:
    for _ in range(20):
        assert receiver.post(push("9.9"), "/hooks/dockerhub/wrong").status == 401
    assert receiver.post(push("9.9")).status == 202


@pytest.mark.long
def test_deliveries_beyond_it_are_a_429_that_says_when_to_come_again(tmp_path: Path) -> None:
    """Nothing of them is written down."""
    with running(tmp_path) as one:
        head = f"POST /hooks/dockerhub/{TOKEN} HTTP/1.1\r\nHost: x\r\n"
        request = f"{head}Content-Length: {len(push('9.9'))}\r\n\r\n".encode() + push("9.9")
        answers: list[Answer] = []

        def send() -> None:
            with Wire(("127.0.0.1", one.port), timeout=20) as wire:
                while not answers or answers[-1].status == 202:
                    answers.append(wire.ask(request))

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(send) for _ in range(8)]:
                done.result()
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert one.store.counts().deliveries == {
            ("dockerhub", "ignored"): len(answers) - len(refused)
        }
