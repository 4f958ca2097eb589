"""What every Store of ports.py does about reports."""

from __future__ import annotations

from dataclasses import replace

from deployer.deployment import Status, Step, Trigger, Wanted, advance, enter
from deployer.ports import Store


def deploy(store: Store, app: str = "web", *steps: Step, end: Status = Status.SUCCEEDED) -> int:
    """Take a deployment of an app through these steps to its end; its id."""
    number = store.enqueue(Wanted(app, Trigger.WEBHOOK), 1.0)
    one = store.claim(2.0)
    assert one is not None
    assert one.id == number
    for step in steps:
        one = enter(one, step)
        store.save(one, 3.0, f"at {step}")
    one = advance(one, end, 4.0, "because")
    store.save(one, 4.0, one.reason)
    if end is Status.SUCCEEDED:
        for step in (Step.DRAIN, Step.RETIRE):
            one = enter(one, step)
            store.save(one, 5.0, f"at {step}")
    return number


class Reporting:
    """Which changes are to be reported, and up to where they were."""

    def test_a_deployment_that_starts_and_ends_has_two_changes(self, store: Store) -> None:
        number = deploy(store, "web", Step.RESOLVE, Step.PULL, Step.START, Step.CHECK, Step.SWITCH)
        begins, ends = store.changes(0)
        assert [(one.deployment, one.app) for one in (begins, ends)] == [(number, "web")] * 2
        assert begins.id < ends.id
        assert store.changes(begins.id) == [ends]
        assert store.changes(ends.id) == []

    def test_one_that_never_starts_anything_has_its_end_only(self, store: Store) -> None:
        failed = deploy(store, "web", Step.RESOLVE, end=Status.FAILED)
        older = store.enqueue(Wanted("web", Trigger.WEBHOOK), 6.0)
        newer = store.enqueue(Wanted("web", Trigger.WEBHOOK), 7.0)
        store.cancel(newer, "alice", 8.0)
        assert [one.deployment for one in store.changes(0)] == [failed, older, newer]

    def test_an_app_is_reported_from_when_that_was_first_wanted(self, store: Store) -> None:
        assert store.begin_reports(["web"]) == {"web": 0}
        deploy(store, "web", Step.START)
        first, last = store.changes(0)
        begun = store.begin_reports(["web", "api"])
        assert begun["web"] == 0
        assert begun["api"] >= last.id
        store.reported(first)
        assert store.begin_reports(["web", "api"]) == {**begun, "web": first.id}

    def test_an_app_that_was_left_out_meanwhile_begins_anew(self, store: Store) -> None:
        store.begin_reports(["web", "api"])
        deploy(store, "web", Step.START)
        last = store.changes(0)[-1]
        assert store.begin_reports([]) == {}
        store.reported(last)
        assert store.begin_reports(["api"])["api"] >= last.id
        assert store.begin_reports(["web"])["web"] >= last.id

    def test_what_one_app_reported_is_not_what_another_did(self, store: Store) -> None:
        store.begin_reports(["web", "api"])
        for app in ("web", "api"):
            deploy(store, app, Step.START)
        theirs = store.changes(0)[-1]
        store.reported(theirs)
        assert store.begin_reports(["web", "api"]) == {"api": theirs.id, "web": 0}

    def test_the_commit_of_a_deployment_is_kept(self, store: Store) -> None:
        store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
        one = store.claim(2.0)
        assert one is not None
        assert one.revision == ""
        known = replace(one, revision="f" * 40)
        store.save(known, 3.0)
        assert store.deployment(one.id) == known
