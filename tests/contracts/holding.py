"""What every store promises of deployments that wait or are to end."""

from __future__ import annotations

from dataclasses import replace

from deployer.deployment import Status, Trigger, Wanted
from deployer.ports import Maintained, Paused, Quarantine, Store

DIGEST = "sha256:" + "b" * 64


def wanted(app: str = "web") -> Wanted:
    """What a webhook may ask for."""
    return Wanted(app, Trigger.WEBHOOK, "1.4")


class Holding:
    """Cancelling, quarantine, pauses, and what is left waiting."""

    def test_only_one_of_those_named_is_claimed(self, store: Store) -> None:
        first, second = store.enqueue(wanted(), 1.0), store.enqueue(wanted("api"), 2.0)
        assert [one.id for one in store.waiting()] == [first, second]
        claimed = store.claim(3.0, among=[second])
        assert claimed is not None
        assert claimed.id == second
        assert store.claim(4.0, among=[second]) is None
        assert store.claim(4.0, among=[]) is None
        assert [one.id for one in store.waiting()] == [first]

    def test_a_queued_deployment_is_cancelled_at_once_and_never_claimed(self, store: Store) -> None:
        number = store.enqueue(wanted(), 1.0)
        ended = store.cancel(number, "alice", 2.0)
        assert ended is not None
        assert (ended.status, ended.cancelled_by) == (Status.CANCELLED, "alice")
        assert (ended.reason, ended.ended_at) == ("cancelled by alice", 2.0)
        assert store.claim(3.0) is None
        assert store.transitions(number)[-1].status is Status.CANCELLED
        assert store.cancel(number, "bob", 4.0) == ended

    def test_who_wants_a_running_one_to_end_is_written_down_and_stays(self, store: Store) -> None:
        store.enqueue(wanted(), 1.0)
        claimed = store.claim(2.0)
        assert claimed is not None
        asked = store.cancel(claimed.id, "alice", 3.0)
        assert asked is not None
        assert (asked.status, asked.cancelled_by) == (Status.RUNNING, "alice")
        # Whoever takes it on its way does not know of it yet.
        store.save(replace(claimed, reason="goes on"), 4.0)
        assert [one.cancelled_by for one in store.running()] == ["alice"]
        assert store.cancel(claimed.id, "bob", 5.0) == store.deployment(claimed.id)
        assert [one.cancelled_by for one in store.running()] == ["alice"]

    def test_there_is_nothing_to_cancel_where_there_is_no_such_deployment(
        self, store: Store
    ) -> None:
        assert store.cancel(7, "alice", 1.0) is None
        assert store.cancel(2**70, "alice", 1.0) is None

    def test_a_digest_is_in_quarantine_until_it_is_freed(self, store: Store) -> None:
        number = store.enqueue(wanted(), 1.0)
        bad = Quarantine("web", DIGEST, number, "exit code 1", 2.0)
        store.set_quarantine(bad)
        store.set_quarantine(replace(bad, reason="exit code 3", at=3.0))
        store.set_quarantine(replace(bad, app="api"))
        assert store.quarantined("web") == [replace(bad, reason="exit code 3", at=3.0)]
        assert {one.app for one in store.quarantined()} == {"web", "api"}
        assert store.lift_quarantine("web", DIGEST)
        assert not store.lift_quarantine("web", DIGEST)
        assert [one.app for one in store.quarantined()] == ["api"]

    def test_an_app_is_in_maintenance_until_that_is_ended(self, store: Store) -> None:
        assert store.maintained() == {}
        store.begin_maintenance(Maintained("web", "alice", 1.0))
        store.begin_maintenance(Maintained("web", "bob", 2.0))
        assert store.maintained() == {"web": Maintained("web", "alice", 1.0)}
        assert store.paused() == {}
        assert store.end_maintenance("web")
        assert not store.end_maintenance("web")
        assert store.maintained() == {}

    def test_an_app_is_paused_until_it_is_resumed(self, store: Store) -> None:
        assert store.paused() == {}
        store.pause(Paused("web", "alice", 1.0))
        store.pause(Paused("web", "bob", 2.0))
        assert store.paused() == {"web": Paused("web", "alice", 1.0)}
        assert store.resume("web")
        assert not store.resume("web")
        assert store.paused() == {}
