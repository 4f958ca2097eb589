"""Which deployment has to wait for another, and whom a failure of another keeps back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.deployment import Deployment, Status, Trigger
from deployer.model import App
from deployer.order import before_it, held_back, in_order, kept_back
from tests.world import app

DIGEST = f"sha256:{'1' * 64}"
OTHER = f"sha256:{'2' * 64}"


def apps(**depends_on: str) -> dict[str, App]:
    """Apps, and the names of those that each depends on."""
    return {name: app(name, depends_on=tuple(on.split())) for name, on in depends_on.items()}


SHOP = apps(db="", web="db", job="web", other="")


def queued(
    number: int, name: str, trigger: Trigger = Trigger.WEBHOOK, delivery: int | None = None
) -> Deployment:
    """A deployment that waits."""
    return Deployment(number, name, trigger, float(number), delivery=delivery)


def running(number: int, name: str, delivery: int | None = None) -> Deployment:
    """A deployment that is under way."""
    return replace(queued(number, name, delivery=delivery), status=Status.RUNNING)


def test_one_waits_for_an_older_one_that_is_queued_or_runs() -> None:
    why = "waits for deployment 1 of db, which web depends on"
    assert held_back([queued(2, "web")], [running(1, "db")], SHOP, SHOP) == {2: why}
    assert held_back([queued(1, "db"), queued(2, "web")], [], SHOP, SHOP) == {2: why}


def test_what_came_with_the_same_push_waits_whatever_its_number() -> None:
    together = [queued(1, "web", delivery=5), queued(2, "db", delivery=5)]
    assert list(held_back(together, [], SHOP, SHOP)) == [1]
    assert list(held_back(together[:1], [running(2, "db", 5)], SHOP, SHOP)) == [1]


def test_one_does_not_wait_for_what_came_later() -> None:
    assert held_back([queued(1, "web"), queued(2, "db")], [], SHOP, SHOP) == {}
    assert held_back([queued(1, "web", delivery=5)], [running(2, "db", 6)], SHOP, SHOP) == {}


def test_two_without_a_delivery_did_not_come_together() -> None:
    later = [queued(1, "web", Trigger.OPERATOR), queued(2, "db", Trigger.OPERATOR)]
    assert held_back(later, [], SHOP, SHOP) == {}


def test_apps_that_do_not_depend_on_each_other_go_at_once() -> None:
    all_at_once = [queued(1, "db", delivery=1), queued(2, "other", delivery=1)]
    assert held_back(all_at_once, [running(3, "job")], SHOP, SHOP) == {}


def test_one_waits_also_for_what_stands_before_the_app_it_depends_on() -> None:
    why = "waits for deployment 1 of db, which job depends on"
    assert held_back([queued(2, "job")], [running(1, "db")], SHOP, SHOP) == {2: why}


def test_an_app_does_not_wait_for_itself() -> None:
    assert held_back([queued(2, "web")], [running(1, "web")], SHOP, SHOP) == {}


def test_a_bootstrap_waits_until_the_apps_before_it_serve() -> None:
    first = [queued(1, "web", Trigger.BOOTSTRAP)]
    why = "waits until db serves, which it depends on"
    assert held_back(first, [], set(), SHOP) == {1: why}
    assert held_back(first, [], {"db"}, SHOP) == {}
    assert held_back([queued(1, "job", Trigger.BOOTSTRAP)], [], {"db"}, SHOP) == {
        1: "waits until web serves, which it depends on"
    }
    assert held_back([queued(1, "job", Trigger.BOOTSTRAP)], [], set(), SHOP) == {
        1: "waits until web and db serve, which it depends on"
    }


def test_a_bootstrap_waits_for_whatever_the_apps_before_it_have_under_way() -> None:
    """What has the traffic and is still watched may go back."""
    first = [queued(1, "web", Trigger.BOOTSTRAP)]
    why = "waits for deployment 2 of db, which web depends on"
    assert held_back(first, [running(2, "db")], {"db"}, SHOP) == {1: why}


def test_only_a_bootstrap_waits_for_an_app_that_has_never_served() -> None:
    for trigger in set(Trigger) - {Trigger.BOOTSTRAP}:
        assert held_back([queued(1, "web", trigger)], [], set(), SHOP) == {}


def test_a_rollback_waits_for_nobody() -> None:
    back = [queued(2, "web", Trigger.ROLLBACK)]
    assert held_back(back, [running(1, "db")], SHOP, SHOP) == {}


def test_an_app_that_is_not_configured_any_more_holds_and_waits_for_nobody() -> None:
    gone = [queued(1, "gone"), queued(2, "web")]
    assert held_back(gone, [], SHOP, SHOP) == {}
    assert before_it("gone", SHOP) == []


def test_what_stands_before_an_app_is_listed_once_the_nearest_first() -> None:
    diamond = apps(a="b c", b="d", c="d", d="", e="a")
    assert before_it("e", diamond) == ["a", "b", "c", "d"]
    assert before_it("d", diamond) == []


def test_in_order_every_app_comes_behind_those_before_it() -> None:
    tangled = apps(job="web cache", web="db cache", cache="db", db="", other="")
    line = in_order(tangled)
    assert sorted(line) == sorted(tangled)
    assert [one for one in line if one != "other"] == ["db", "cache", "web", "job"]


NAMES = "abcdef"


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[dict[str, App], list[Deployment], list[Deployment]]:
    """Apps that depend on earlier ones only, and what is under way."""
    on = {
        name: " ".join(draw(st.lists(st.sampled_from(NAMES[:at]), unique=True)) if at else [])
        for at, name in enumerate(NAMES)
    }
    numbers = draw(st.lists(st.integers(1, 20), unique=True, min_size=1, max_size=10))
    # In the queue an app is once, and so it is among those that run.
    chosen = [draw(st.lists(st.sampled_from(NAMES), unique=True)) for _ in "qr"]
    deliveries = st.one_of(st.none(), st.integers(1, 2))
    triggers = st.sampled_from([Trigger.WEBHOOK, Trigger.BOOTSTRAP, Trigger.OPERATOR])
    waiting = [
        queued(number, name, draw(triggers), draw(deliveries))
        for number, name in zip(numbers[:5], chosen[0], strict=False)
    ]
    busy = [
        running(number, name, draw(deliveries))
        for number, name in zip(numbers[5:], chosen[1], strict=False)
    ]
    return apps(**on), waiting, busy


@given(_worlds())
def test_some_deployment_can_always_go_on(
    world: tuple[dict[str, App], list[Deployment], list[Deployment]],
) -> None:
    """Whatever is under way, not all of it waits: what runs never does."""
    known, waiting, busy = world
    held = held_back(waiting, busy, NAMES, known)
    assert not held.keys() & {one.id for one in busy}
    assert busy or not waiting or len(held) < len(waiting)


@given(_worlds())
def test_in_order_no_app_comes_before_one_that_it_depends_on(
    world: tuple[dict[str, App], list[Deployment], list[Deployment]],
) -> None:
    known, _, _ = world
    # As config.yml may have them, not as they depend on each other.
    line = in_order(dict(reversed(known.items())))
    assert sorted(line) == sorted(known)
    for name, one in known.items():
        assert all(line.index(before) < line.index(name) for before in one.depends_on)


def ended(number: int, status: Status, digest: str = DIGEST, name: str = "db") -> Deployment:
    """A deployment that has ended."""
    return replace(queued(number, name), status=status, digest=digest)


WANTED = replace(running(9, "web"), digest=DIGEST)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.FAILED, "failed"),
        (Status.REFUSED, "was refused"),
        (Status.CANCELLED, "was cancelled"),
    ],
)
def test_an_image_that_the_app_before_did_not_take_is_not_deployed(
    status: Status, word: str
) -> None:
    why = kept_back(WANTED, {"db": [ended(3, status), ended(2, Status.SUCCEEDED)]}, {}, SHOP)
    assert why == (
        f"db, which web depends on, does not run this image: its deployment 3 {word}. "
        "Deploy db, then `deployer deploy web`"
    )


@pytest.mark.parametrize(
    "newest",
    [
        [],
        [ended(3, Status.SUCCEEDED)],
        [ended(3, Status.UNCHANGED)],
        [ended(3, Status.FAILED, OTHER)],
        [ended(3, Status.FAILED, "")],
        [ended(4, Status.SUCCEEDED), ended(3, Status.FAILED)],
        [queued(4, "db"), ended(3, Status.SUCCEEDED)],
    ],
)
def test_any_other_end_of_the_app_before_keeps_nobody_back(newest: list[Deployment]) -> None:
    """Another image failed there, or it went well since, or nothing is known."""
    assert kept_back(WANTED, {"db": newest}, {}, SHOP) == ""


def test_what_the_app_before_serves_by_now_is_not_kept_back() -> None:
    """Its next attempt has the traffic, and is perhaps still watched."""
    newest = {"db": [running(4, "db"), ended(3, Status.FAILED)]}
    assert kept_back(WANTED, newest, {"db": OTHER}, SHOP)
    assert kept_back(WANTED, newest, {"db": DIGEST}, SHOP) == ""


def test_one_that_was_overtaken_in_the_queue_says_nothing_of_the_image() -> None:
    overtaken = [ended(4, Status.SUPERSEDED), ended(3, Status.FAILED)]
    assert kept_back(WANTED, {"db": overtaken}, {}, SHOP)


def test_a_failure_further_up_keeps_back_too() -> None:
    wanted = replace(running(9, "job"), digest=DIGEST)
    assert kept_back(wanted, {"db": [ended(3, Status.FAILED)]}, {}, SHOP).startswith(
        "db, which job"
    )


@pytest.mark.parametrize("trigger", [Trigger.OPERATOR, Trigger.ROLLBACK])
def test_what_somebody_asked_for_is_not_kept_back(trigger: Trigger) -> None:
    wanted = replace(WANTED, trigger=trigger)
    assert kept_back(wanted, {"db": [ended(3, Status.FAILED)]}, {}, SHOP) == ""


def test_a_deployment_without_a_digest_yet_is_not_judged() -> None:
    wanted = replace(WANTED, digest="")
    assert kept_back(wanted, {"db": [ended(3, Status.FAILED)]}, {}, SHOP) == ""
