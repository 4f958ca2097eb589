"""What the receiver is told through its pipe: at its start, and when that changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.cli.handover import Handed, Handover
from deployer.config import ReceiverPart

Take = Callable[[Handover], Handed]


def part(threads: int, tags: int = 1) -> ReceiverPart:
    """A part that is told from others by its number of threads."""
    app = {"image": "docker.io/acme/web", "tags": [f"tag{one}" for one in range(tags)]}
    return ReceiverPart.model_validate(
        {
            "bind": "127.0.0.1",
            "port": 5000,
            "max_body": 1,
            "threads": threads,
            "store": Path("/store"),
            "hooks": {},
            "apps": {"web": app},
            "operators": [],
        }
    )


@pytest.fixture
def take() -> Iterator[Take]:
    """What a receiver that is started now makes of its end; closed in the end."""
    opened: list[int] = []

    def handed(handover: Handover) -> Handed:
        opened.append(handover.pipe())
        return Handed(opened[-1], ReceiverPart.model_validate_json)

    yield handed
    for one in opened:
        os.close(one)


def test_a_receiver_starts_with_the_part_and_knows_of_no_other(take: Take) -> None:
    handed = take(Handover(part(1)))
    assert handed.first() == part(1)
    assert handed.newer() is None


def test_of_several_changes_it_takes_the_newest_and_once(take: Take) -> None:
    handover = Handover(part(1))
    handed = take(handover)
    assert handover.renew(part(2))
    assert handover.renew(part(3))
    assert handed.first() == part(1)
    assert handed.newer() == part(3)
    assert handed.newer() is None


def test_one_that_is_started_later_begins_with_the_newest(take: Take) -> None:
    handover = Handover(part(1))
    take(handover)
    handover.renew(part(2))
    assert take(handover).first() == part(2)


def test_a_part_of_any_size_goes_through_before_anybody_reads(take: Take) -> None:
    handover = Handover(part(1, tags=20_000))
    handed = take(handover)
    assert handover.renew(part(2, tags=20_000))
    assert handed.first() == part(1, tags=20_000)
    assert handed.newer() == part(2, tags=20_000)


def test_what_cannot_be_told_is_known_and_given_to_the_next(take: Take) -> None:
    """A receiver that reads nothing; `serve` starts it again then."""
    handover = Handover(part(1, tags=20_000))
    take(handover)
    while handover.renew(part(2, tags=20_000)):
        pass
    assert take(handover).first() == part(2, tags=20_000)
