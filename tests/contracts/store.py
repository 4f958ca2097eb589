"""What every store promises: the contract suite of ports.Store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest

from deployer.deployment import Deployment, Status, Step, Trigger, Wanted, advance, enter
from deployer.errors import IllegalTransition, Refused, StoreError
from deployer.model import Image, Release
from deployer.ports import Active, Counts, Delivery, Order, Store
from deployer.spec import Spec, Volume
from tests.contracts.holding import Holding
from tests.contracts.reporting import Reporting

T = TypeVar("T")

IMAGE = Image("docker.io", "acme/web", "1.4", f"sha256:{'a' * 64}")
SPEC = Spec(
    command=("serve", "--port", "80"),
    environment=(("TOKEN", "canary-3d1f"),),
    volumes=(Volume("/srv/web", "/data", read_only=True),),
    replicas=2,
)


def delivery(reason: str = "", body: bytes = b'{"push_data": {}}') -> Delivery:
    """A webhook as it may come."""
    return Delivery("dockerhub", 100.5, body, "accepted", reason)


def wanted(app: str = "web", trigger: Trigger = Trigger.WEBHOOK, tag: str = "1.4") -> Wanted:
    """What a webhook may ask for."""
    return Wanted(app, trigger, tag)


def order(app: str = "web", kind: str = "deploy") -> Order:
    """What an operator may ask for."""
    return Order(0, kind, app, "alice", 200.25, tag="1.5", release=3)


def must(found: T | None) -> T:
    """The value that has to be there."""
    assert found is not None
    return found


def in_threads(count: int, work: Callable[[], T]) -> list[T]:
    """What the work gives in so many threads at once."""
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(count)]]


class Deliveries:
    """The receiver's side."""

    def test_a_recorded_delivery_is_there_byte_for_byte(self, store: Store) -> None:
        sent = delivery(reason="tag 'x' is not configured", body=bytes(range(256)))
        recorded = store.record(replace(sent, verdict="ignored"), [])
        assert recorded.deployments == ()
        assert store.delivery(recorded.delivery) == replace(
            sent, verdict="ignored", id=recorded.delivery
        )
        assert store.deployments() == []

    @pytest.mark.parametrize("unknown", [0, -1, 4711, 2**63, 10**30])
    def test_what_is_not_there_is_none(self, store: Store, unknown: int) -> None:
        assert store.delivery(unknown) is None
        assert store.deployment(unknown) is None
        assert store.order(unknown) is None
        assert store.transitions(unknown) == []

    def test_a_delivery_queues_a_deployment_for_every_app_it_asks_for(self, store: Store) -> None:
        recorded = store.record(delivery(), [wanted("web"), wanted("api", tag="2")])
        assert [app for _, app in recorded.deployments] == ["web", "api"]
        number = recorded.deployments[1][0]
        assert store.deployment(number) == Deployment(
            number, "api", Trigger.WEBHOOK, 100.5, tag="2", delivery=recorded.delivery
        )
        assert store.queued("web")
        assert store.queued("api")
        assert not store.queued("other")

    def test_the_newest_queued_deployment_of_an_app_supersedes_the_older(
        self, store: Store
    ) -> None:
        ((older, _),) = store.record(delivery(), [wanted()]).deployments
        newer = store.enqueue(wanted(trigger=Trigger.OPERATOR), 150.0)
        gone = must(store.deployment(older))
        assert (gone.status, gone.ended_at) == (Status.SUPERSEDED, 150.0)
        assert gone.reason == f"superseded by deployment {newer}"
        assert [(one.status, one.message) for one in store.transitions(older)] == [
            (Status.QUEUED, ""),
            (Status.SUPERSEDED, gone.reason),
        ]
        assert must(store.claim(160.0)).id == newer
        assert store.claim(160.0) is None

    def test_deliveries_of_one_tag_share_the_deployment_that_waits(self, store: Store) -> None:
        """Until it begins: then the registry may have been asked already."""
        first, second = (store.record(delivery(), [wanted(), wanted("api")]) for _ in range(2))
        assert first.deployments == second.deployments
        assert len(store.deployments()) == 2
        assert must(store.deployment(first.deployments[0][0])).delivery == first.delivery
        claimed = must(store.claim(150.0))
        ((third, _),) = store.record(delivery(), [wanted(claimed.app)]).deployments
        assert third != claimed.id
        assert must(store.deployment(claimed.id)).status is Status.RUNNING

    @pytest.mark.parametrize(
        "other",
        [wanted(tag="2"), replace(wanted(), digest=IMAGE.digest), wanted(trigger=Trigger.OPERATOR)],
        ids=["another tag", "a digest", "an operator"],
    )
    def test_a_delivery_does_not_share_what_is_for_something_else(
        self, store: Store, other: Wanted
    ) -> None:
        waiting = store.enqueue(other, 90.0)
        ((newer, _),) = store.record(delivery(), [wanted()]).deployments
        assert newer != waiting
        assert must(store.deployment(waiting)).status is Status.SUPERSEDED

    def test_what_took_the_place_of_a_superseded_deployment_is_known(self, store: Store) -> None:
        """Also where other apps and the same app were asked for since."""
        oldest, middle = store.enqueue(wanted(), 150.0), store.enqueue(wanted(), 151.0)
        store.enqueue(wanted("api"), 152.0)
        newest = store.enqueue(wanted(), 152.0)
        assert must(store.superseding(must(store.deployment(oldest)))).id == middle
        assert must(store.superseding(must(store.deployment(middle)))).id == newest
        assert store.superseding(must(store.deployment(newest))) is None

    def test_one_delivery_that_asks_twice_for_an_app_leaves_one_queued(self, store: Store) -> None:
        recorded = store.record(delivery(), [wanted(tag="1"), wanted(tag="2")])
        (first, _), (second, _) = recorded.deployments
        assert must(store.deployment(first)).status is Status.SUPERSEDED
        assert must(store.deployment(second)).status is Status.QUEUED

    def test_the_newest_deliveries_come_first_without_their_bodies(self, store: Store) -> None:
        ids = [store.record(delivery(reason=str(n)), []).delivery for n in range(5)]
        newest = store.deliveries(limit=2)
        assert [one.id for one in newest] == [ids[4], ids[3]]
        assert newest[0] == replace(must(store.delivery(ids[4])), body=b"")
        assert [one.id for one in store.deliveries(limit=9, before=ids[2])] == [ids[1], ids[0]]
        assert store.deliveries(before=ids[0]) == []
        assert len(store.deliveries(before=2**70)) == 5

    def test_what_deliveries_queued_is_found_by_them(self, store: Store) -> None:
        first = store.record(delivery(), [wanted(), wanted("api")])
        second = store.record(delivery(), [])
        found = store.queued_by([first.delivery, second.delivery])
        assert [(one.id, one.app) for one in found] == list(first.deployments)
        assert store.queued_by([]) == []

    def test_the_last_deployment_of_each_app_is_found(self, store: Store) -> None:
        assert store.last_deployments() == {}
        store.record(delivery(), [wanted(), wanted("api")])
        newest = store.enqueue(wanted(), 20.0)
        found = store.last_deployments()
        assert found == {one.app: one for one in store.deployments()[:2]}
        assert found[wanted().app].id == newest

    def test_everything_is_counted(self, store: Store) -> None:
        assert store.counts() == Counts({}, {}, None, {})
        store.record(delivery(), [wanted(), wanted("api")])
        store.record(replace(delivery(), verdict="ignored"), [])
        store.record(replace(delivery(), received_at=90.0), [wanted("shop")])
        running = must(store.claim(150.0))
        store.save(advance(running, Status.FAILED, 157.5), 157.5)
        again = store.enqueue(wanted(), 160.0)
        assert must(store.claim(161.0)).id != again
        counts = store.counts()
        assert counts.ended == {("web", "failed"): (1, 7.5)}
        assert counts.open == {("web", "queued"): 1, ("api", "running"): 1, ("shop", "queued"): 1}
        assert counts.waiting_since == 90.0
        assert counts.deliveries == {("dockerhub", "accepted"): 2, ("dockerhub", "ignored"): 1}

    def test_an_order_is_open_until_it_is_answered(self, store: Store) -> None:
        first, second = store.give(order("web")), store.give(order("api", "rollback"))
        assert store.order(first) == replace(order("web"), id=first)
        assert [one.id for one in store.open_orders()] == [first, second]
        queued = store.enqueue(wanted(), 1.0)
        answered = replace(
            must(store.order(first)), result="accepted", reason="queued", deployment=queued
        )
        store.answer(answered)
        assert store.order(first) == answered
        assert [one.id for one in store.open_orders()] == [second]

    def test_an_order_that_is_not_there_cannot_be_answered(self, store: Store) -> None:
        with pytest.raises(StoreError):
            store.answer(replace(order(), id=99, result="refused"))


class Queue:
    """Claiming deployments and moving them on."""

    def test_claim_takes_the_oldest_and_makes_it_running(self, store: Store) -> None:
        first, second = store.enqueue(wanted("web"), 1.0), store.enqueue(wanted("api"), 2.0)
        before = must(store.deployment(first))
        assert store.claim(3.0) == advance(before, Status.RUNNING, 3.0)
        assert store.deployment(first) == advance(before, Status.RUNNING, 3.0)
        assert [(one.at, one.status) for one in store.transitions(first)] == [
            (1.0, Status.QUEUED),
            (3.0, Status.RUNNING),
        ]
        assert must(store.claim(3.0)).id == second
        assert store.claim(3.0) is None

    def test_an_app_has_one_running_and_other_apps_do_not_wait_for_it(self, store: Store) -> None:
        store.enqueue(wanted("web"), 1.0)
        running = must(store.claim(2.0))
        waiting, other = store.enqueue(wanted("web"), 3.0), store.enqueue(wanted("api"), 4.0)
        assert must(store.claim(5.0)).id == other
        assert store.claim(5.0) is None
        assert [one.id for one in store.running()] == [running.id, other]
        assert must(store.deployment(running.id)).status is Status.RUNNING
        store.save(advance(running, Status.FAILED, 6.0, "it exited"), 6.0, "it exited")
        assert must(store.claim(7.0)).id == waiting

    def test_what_nobody_asked_for_is_queued_only_where_nothing_is_queued_or_runs(
        self, store: Store
    ) -> None:
        """It would supersede what a sender or an operator waits for."""
        asked = store.enqueue(wanted(), 1.0)
        assert store.enqueue_if_idle(wanted(), 2.0) is None
        running = must(store.claim(3.0))
        assert store.enqueue_if_idle(wanted(), 4.0) is None
        assert must(store.deployment(asked)).status is Status.RUNNING
        assert store.enqueue_if_idle(wanted("api"), 4.0) is not None
        store.save(advance(running, Status.FAILED, 5.0, "it exited"), 5.0, "it exited")
        queued = must(store.enqueue_if_idle(wanted(), 6.0))
        assert must(store.deployment(queued)).status is Status.QUEUED

    def test_sixty_deployments_are_claimed_once_each_by_eight_threads(self, store: Store) -> None:
        queued = {store.enqueue(wanted(f"app{number}"), 1.0) for number in range(60)}

        def claim_all() -> list[int]:
            mine = []
            while (claimed := store.claim(2.0)) is not None:
                mine.append(claimed.id)
                store.save(advance(claimed, Status.SUCCEEDED, 3.0), 3.0)
            return mine

        claimed = [number for mine in in_threads(8, claim_all) for number in mine]
        assert sorted(claimed) == sorted(queued)

    def test_one_app_s_deployments_never_overlap_in_eight_threads(self, store: Store) -> None:
        def deploy() -> int:
            done = 0
            for _ in range(5):
                store.enqueue(wanted(), 1.0)
                if (claimed := store.claim(2.0)) is not None:
                    assert [one.id for one in store.running()] == [claimed.id]
                    store.save(advance(claimed, Status.SUCCEEDED, 3.0), 3.0)
                    done += 1
            return done

        assert sum(in_threads(8, deploy)) >= 1
        assert store.running() == []

    def test_saving_keeps_every_field_and_adds_one_transition(self, store: Store) -> None:
        store.enqueue(Wanted("web", Trigger.ROLLBACK, release=2), 1.0)
        running = must(store.claim(2.0))
        assert running.release == 2
        pulling = replace(enter(running, Step.PULL), digest=IMAGE.digest, release=3)
        store.save(pulling, 4.0, "pulling 12 MB")
        assert store.deployment(running.id) == pulling
        ended = advance(pulling, Status.FAILED, 5.0, "no such image", "line 1\nline 2")
        store.save(replace(ended, serving=1), 5.0, "no such image")
        assert store.deployment(running.id) == replace(ended, serving=1)
        assert [
            (one.at, one.status, one.step, one.message) for one in store.transitions(running.id)
        ][2:] == [
            (4.0, Status.RUNNING, Step.PULL, "pulling 12 MB"),
            (5.0, Status.FAILED, Step.PULL, "no such image"),
        ]

    def test_clean_up_after_success_is_saved(self, store: Store) -> None:
        store.enqueue(wanted(), 1.0)
        done = advance(must(store.claim(2.0)), Status.SUCCEEDED, 3.0)
        store.save(done, 3.0)
        store.save(enter(done, Step.DRAIN), 4.0)
        assert store.deployment(done.id) == replace(done, step=Step.DRAIN)

    def test_an_ended_deployment_cannot_be_made_running_again(self, store: Store) -> None:
        store.enqueue(wanted(), 1.0)
        running = must(store.claim(2.0))
        ended = advance(running, Status.CANCELLED, 3.0, "by alice")
        store.save(ended, 3.0)
        with pytest.raises(IllegalTransition):
            store.save(running, 4.0)
        assert store.deployment(running.id) == ended
        assert len(store.transitions(running.id)) == 3

    def test_a_deployment_that_is_not_there_cannot_be_saved(self, store: Store) -> None:
        with pytest.raises(StoreError):
            store.save(Deployment(99, "web", Trigger.OPERATOR, 1.0), 1.0)

    def test_the_newest_deployments_come_first(self, store: Store) -> None:
        numbers = [store.enqueue(wanted(app), 1.0) for app in ("web", "api", "web", "web")]
        assert [one.id for one in store.deployments()] == numbers[::-1]
        assert [one.id for one in store.deployments("web", limit=2)] == [numbers[3], numbers[2]]
        assert [one.id for one in store.deployments("api")] == [numbers[1]]
        assert store.deployments("other") == []

    def test_the_ones_before_a_deployment_can_be_asked_for(self, store: Store) -> None:
        for at in range(5):
            store.enqueue(wanted(), float(at))
        store.enqueue(wanted("api"), 9.0)
        assert [one.id for one in store.deployments(limit=2, before=5)] == [4, 3]
        assert [one.id for one in store.deployments("web", before=2)] == [1]
        assert len(store.deployments(before=2**70)) == 6

    def test_changed_is_true_at_first_and_after_each_commit_only(self, store: Store) -> None:
        assert store.changed()
        assert not store.changed()
        store.enqueue(wanted(), 1.0)
        assert store.changed()
        assert not store.changed()
        store.deployments()
        assert not store.changed()
        in_threads(1, lambda: store.give(order()))
        assert store.changed()


class Releases:
    """Releases, what serves, and what the worker saw."""

    def test_releases_are_numbered_per_app_and_open_as_they_were(self, store: Store) -> None:
        first = store.add_release("web", IMAGE, SPEC, 1.5)
        other = store.add_release("api", IMAGE, Spec(), 2.5)
        second = store.add_release("web", replace(IMAGE, tag="1.5"), SPEC, 3.5)
        assert first == Release("web", 1, IMAGE, SPEC)
        assert (other.number, second.number) == (1, 2)
        assert store.open_release("web", 1) == first
        assert store.open_release("api", 1) == other
        assert [
            (row.app, row.number, row.image, row.created_at) for row in store.releases("web")
        ] == [
            ("web", 2, second.image, 3.5),
            ("web", 1, IMAGE, 1.5),
        ]
        assert store.releases("other") == []

    @pytest.mark.parametrize("number", [0, -1, 2, 10**30])
    def test_a_release_that_is_not_there_is_refused(self, store: Store, number: int) -> None:
        store.add_release("web", IMAGE, SPEC, 1.0)
        with pytest.raises(Refused, match="web"):
            store.open_release("web", number)

    def test_a_release_is_its_deployments_from_the_moment_that_it_is_there(
        self, store: Store
    ) -> None:
        """Else nobody would know, after a crash, that it never served."""
        number = store.enqueue(wanted(), 1.0)
        assert store.add_release("web", IMAGE, SPEC, 1.0, number).number == 1
        assert must(store.deployment(number)).release == 1

    def test_dropping_keeps_what_is_to_be_kept_and_other_apps(self, store: Store) -> None:
        for app in ("web", "web", "web", "api"):
            store.add_release(app, IMAGE, SPEC, 1.0)
        store.drop_releases("web", [2])
        assert [row.number for row in store.releases("web")] == [2]
        assert [row.number for row in store.releases("api")] == [1]

    def test_the_number_of_a_dropped_release_is_never_given_again(self, store: Store) -> None:
        store.add_release("web", IMAGE, SPEC, 1.0)
        store.drop_releases("web", [])
        assert store.add_release("web", IMAGE, SPEC, 2.0).number == 2

    def test_releases_added_at_once_get_different_numbers(self, store: Store) -> None:
        added = in_threads(8, lambda: store.add_release("web", IMAGE, SPEC, 1.0).number)
        assert sorted(added) == list(range(1, 9))

    def test_an_app_serves_what_was_activated_last(self, store: Store) -> None:
        assert store.active() == {}
        numbers = [store.add_release("web", IMAGE, SPEC, 1.0).number for _ in range(2)]
        deployments = [store.enqueue(wanted(), 1.0) for _ in numbers]
        for number, deployment in zip(numbers, deployments, strict=True):
            store.activate(Active("web", number, deployment))
        assert store.active() == {"web": Active("web", 2, deployments[1])}

    def test_an_app_that_is_deactivated_serves_nothing_and_others_are_left(
        self, store: Store
    ) -> None:
        for app in ("web", "api"):
            release = store.add_release(app, IMAGE, SPEC, 1.0)
            store.activate(Active(app, release.number, store.enqueue(wanted(app), 1.0)))
        store.deactivate("web")
        assert list(store.active()) == ["api"]
        store.deactivate("web")
        store.drop_releases("web", [])
        assert store.releases("web") == []

    def test_the_snapshot_is_the_last_one_shown(self, store: Store) -> None:
        assert store.snapshot() == {}
        store.show({"at": 1.25, "apps": {"web": {"replicas": 2}}})
        store.show({"at": 2.5, "apps": {}, "generation": 7})
        assert store.snapshot() == {"at": 2.5, "apps": {}, "generation": 7}


class StoreContract(Deliveries, Queue, Releases, Holding, Reporting):
    """All of it; a subclass gives the fixture `store`, an empty one that can seal."""
