"""What every store promises of a delivery that comes twice; part of its contract suite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.deployment import Status, Trigger, advance
from deployer.ports import Store
from tests.contracts.store import delivery, in_threads, must, wanted


def end_all(store: Store, status: Status | None) -> None:
    """Bring every queued deployment to this status; None leaves them queued."""
    if status is Status.SUPERSEDED:
        for app in ("web", "api"):
            store.enqueue(wanted(app), 110.0)
    elif status is not None:
        while (claimed := store.claim(120.0)) is not None:
            if status is not Status.RUNNING:
                store.save(advance(claimed, status, 130.0), 130.0)


class Duplicates:
    """The sender's id; a subclass gives the fixture `store`, an empty one."""

    @pytest.mark.parametrize(
        ("ends", "once"),
        [
            (None, False),
            (Status.RUNNING, False),
            (Status.SUCCEEDED, False),
            (Status.UNCHANGED, False),
            *((status, True) for status in (None, *Status) if status is not Status.QUEUED),
        ],
    )
    def test_a_repeated_delivery_queues_nothing_and_names_what_the_first_queued(
        self, store: Store, ends: Status | None, once: bool
    ) -> None:
        sent = replace(delivery(), sender_id="msg_1")
        first = store.record(sent, [wanted("web"), wanted("api")])
        end_all(store, ends)
        known = len(store.deployments())
        again = store.record(sent, [wanted("web"), wanted("api")], once=once)
        assert (again.deployments, again.duplicate_of) == (first.deployments, first.delivery)
        assert again.delivery != first.delivery
        assert len(store.deployments()) == known
        written = must(store.delivery(again.delivery))
        assert (written.verdict, written.sender_id) == ("duplicate", "msg_1")
        assert written.reason == f"delivery {first.delivery} brought this already"

    @pytest.mark.parametrize("ends", [Status.FAILED, Status.CANCELLED, Status.REFUSED])
    def test_a_delivery_is_acted_on_again_after_a_failure(self, store: Store, ends: Status) -> None:
        sent = replace(delivery(), sender_id="msg_1")
        first = store.record(sent, [wanted()])
        end_all(store, ends)
        again = store.record(sent, [wanted()])
        assert again.duplicate_of is None
        assert again.deployments != first.deployments
        third = store.record(sent, [wanted()])
        assert (third.duplicate_of, third.deployments) == (again.delivery, again.deployments)

    @pytest.mark.parametrize(
        "other",
        [{"hook": "other"}, {"sender_id": "msg_2"}, {"sender_id": ""}, {"body": b"{}"}],
        ids=str,
    )
    def test_another_hook_id_or_body_is_no_duplicate(
        self, store: Store, other: dict[str, Any]
    ) -> None:
        sent = replace(delivery(), sender_id="msg_1")
        store.record(sent, [wanted()])
        again = store.record(replace(sent, **other), [wanted()], once=True)
        assert again.duplicate_of is None

    def test_without_a_sender_s_id_nothing_is_a_duplicate(self, store: Store) -> None:
        first, second = (store.record(delivery(), [wanted()], once=True) for _ in range(2))
        assert second.duplicate_of is None
        assert [one.delivery for one in store.queued_by([first.delivery, second.delivery])] == [
            first.delivery,
            second.delivery,
        ]

    @pytest.mark.parametrize("once", [False, True])
    def test_a_replay_is_no_duplicate_and_what_repeats_it_is_one_of_it(
        self, store: Store, once: bool
    ) -> None:
        sent = replace(delivery(), sender_id="msg_1", heard='{"pushes": []}')
        first = store.record(sent, [wanted()])
        again = replace(sent, replay_of=first.delivery, given_by="alice")
        replayed = store.record(again, [wanted(trigger=Trigger.OPERATOR)], once=once)
        assert replayed.duplicate_of is None
        assert replayed.deployments != first.deployments
        written = must(store.delivery(replayed.delivery))
        assert written == replace(again, id=replayed.delivery)
        assert store.deliveries(1) == [replace(written, body=b"", heard="")]
        assert store.record(sent, [wanted()]).duplicate_of == replayed.delivery

    def test_what_was_ignored_is_looked_at_again(self, store: Store) -> None:
        sent = replace(delivery(), sender_id="msg_1", verdict="ignored")
        store.record(sent, [])
        assert store.record(sent, []).duplicate_of is None
        assert store.record(replace(sent, verdict="accepted"), [wanted()]).deployments

    def test_of_eight_deliveries_with_one_id_at_once_one_queues(self, store: Store) -> None:
        sent = replace(delivery(), sender_id="msg_1")
        recorded = in_threads(8, lambda: store.record(sent, [wanted()]))
        assert len({one.deployments for one in recorded}) == 1
        assert len(store.deployments()) == 1
