"""Whether what a tag means now is deployed by itself; a digest gets one attempt, never a loop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.deployment import Deployment, Status, Trigger
from deployer.drift import Finding, Now, Seen, followed, judge
from tests.world import app

OLD, NEW, THIRD = (f"sha256:{letter * 64}" for letter in "abc")


def one(
    number: int, digest: str, status: Status = Status.SUCCEEDED, **changes: object
) -> Deployment:
    """A deployment that was queued at its number's time."""
    plain = Deployment(number, "web", Trigger.WEBHOOK, float(number), "latest", digest)
    return replace(plain, status=status, **changes)  # type: ignore[arg-type]


def now(*history: Deployment, **changes: object) -> Now:
    """The tag means NEW and OLD serves; the newest deployment comes last."""
    plain = Now("latest", NEW, OLD, history[::-1])
    return replace(plain, **changes)  # type: ignore[arg-type]


FIRST = one(1, OLD)


class TestWhatIsDeployed:
    """What nobody has tried yet, and what came back."""

    def test_a_digest_that_serves_is_the_same_whatever_became_of_it_before(self) -> None:
        known = now(FIRST, one(2, OLD, Status.FAILED), digest=OLD)
        assert judge(known) == (Finding.SAME, "latest is what serves")

    @pytest.mark.parametrize("history", [[FIRST], []])
    def test_a_digest_that_was_never_tried_has_moved(self, history: list[Deployment]) -> None:
        """Also where nothing serves yet: the registry was down when the app was to start."""
        finding, reason = judge(now(*history, served=OLD if history else ""))
        assert finding is Finding.MOVED
        assert NEW[:19] in reason

    def test_a_try_that_never_learnt_its_digest_or_never_began_does_not_count(self) -> None:
        unresolved = one(2, "", Status.FAILED)
        superseded = one(3, NEW, Status.SUPERSEDED)
        assert judge(now(FIRST, unresolved, superseded))[0] is Finding.MOVED

    def test_a_digest_comes_again_once_the_tag_was_seen_elsewhere_after_its_try(self) -> None:
        known = now(FIRST, one(5, NEW, Status.FAILED))
        assert judge(replace(known, before=Seen("latest", THIRD, 6.0)))[0] is Finding.MOVED
        assert judge(replace(known, before=Seen("latest", THIRD, 4.0)))[0] is Finding.HELD
        assert judge(replace(known, before=Seen("latest", NEW, 6.0)))[0] is Finding.HELD
        assert judge(replace(known, before=Seen("next", THIRD, 6.0)))[0] is Finding.HELD

    def test_a_failed_digest_is_tried_once_more_after_the_configuration_changed(self) -> None:
        known = now(FIRST, one(5, NEW, Status.FAILED), mended=6.0)
        assert judge(known)[0] is Finding.MOVED
        again = now(FIRST, one(5, NEW, Status.FAILED), one(7, NEW, Status.FAILED), mended=6.0)
        assert judge(again)[0] is Finding.HELD


class TestWhatIsHeld:
    """What had its attempt, and what an operator chose otherwise."""

    @pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED, Status.CANCELLED])
    def test_a_digest_whose_attempt_did_not_succeed_is_held(self, status: Status) -> None:
        finding, reason = judge(now(FIRST, one(2, NEW, status)))
        assert finding is Finding.HELD
        assert "was deployment 2, which" in reason
        assert status in reason

    def test_after_a_rollback_the_digest_that_it_left_is_held(self) -> None:
        back = one(3, OLD, trigger=Trigger.ROLLBACK)
        finding, reason = judge(now(FIRST, one(2, NEW), back))
        assert finding is Finding.HELD
        assert "replaced since" in reason

    @pytest.mark.parametrize(
        "choice",
        [one(3, OLD, trigger=Trigger.ROLLBACK), one(3, OLD, trigger=Trigger.OPERATOR, tag="")],
    )
    def test_what_an_operator_chose_stays_until_the_tag_is_seen_to_move(
        self, choice: Deployment
    ) -> None:
        """A digest that nobody tried is no news either: it may have been there before."""
        known = now(FIRST, choice)
        assert judge(known)[0] is Finding.HELD
        assert judge(replace(known, before=Seen("latest", NEW, 4.0)))[0] is Finding.HELD
        assert judge(replace(known, before=Seen("latest", THIRD, 4.0)))[0] is Finding.MOVED

    def test_a_changed_configuration_does_not_end_an_operator_s_choice(self) -> None:
        back, changed = one(3, OLD, trigger=Trigger.ROLLBACK), one(4, OLD, trigger=Trigger.CONFIG)
        assert judge(now(FIRST, back, changed, mended=3.5))[0] is Finding.HELD

    def test_an_operator_s_deployment_of_a_tag_is_no_choice_of_a_release(self) -> None:
        assert judge(now(FIRST, one(3, OLD, trigger=Trigger.OPERATOR)))[0] is Finding.MOVED


class TestRanges:
    """Of a range the newest version is looked at: a newer one is what a moved tag is otherwise."""

    SERVES = one(1, OLD, tag="1.4.1")

    def look(self, *history: Deployment, **changes: object) -> Finding:
        """At 1.4.2, which means NEW; 1.4.1 means OLD."""
        return judge(now(self.SERVES, *history, tag="1.4.2", ranged=True, **changes))[0]

    def test_a_version_that_nobody_deployed_yet_is(self) -> None:
        assert self.look() is Finding.MOVED
        assert self.look(before=Seen("1.4.1", OLD, 4.0)) is Finding.MOVED

    @pytest.mark.parametrize(
        "choice",
        [
            one(3, OLD, trigger=Trigger.ROLLBACK, tag="1.4.1"),
            one(3, OLD, trigger=Trigger.OPERATOR, tag="1.4.1"),
            one(3, OLD, trigger=Trigger.OPERATOR, tag=""),
        ],
    )
    def test_an_operator_s_choice_of_an_older_one_stays_until_a_newer_one_comes(
        self, choice: Deployment
    ) -> None:
        for tried in ((), (one(2, NEW, tag="1.4.2"),)):
            assert self.look(*tried, choice) is Finding.HELD
            assert self.look(*tried, choice, before=Seen("1.4.2", NEW, 4.0)) is Finding.HELD
            assert self.look(*tried, choice, before=Seen("1.4.3", THIRD, 4.0)) is Finding.HELD
        assert self.look(choice, before=Seen("1.4.1", OLD, 4.0)) is Finding.MOVED
        assert self.look(choice, before=Seen("1.4.2", THIRD, 4.0)) is Finding.MOVED

    def test_one_that_failed_is_not_tried_again(self) -> None:
        failed = one(2, NEW, Status.FAILED, tag="1.4.2")
        assert self.look(failed) is Finding.HELD
        assert self.look(failed, before=Seen("1.4.2", NEW, 4.0)) is Finding.HELD


class TestWhichTag:
    """With several tags, the one that was deployed last."""

    def test_the_tag_of_the_newest_deployment_is_followed(self) -> None:
        history = [one(3, NEW, Status.FAILED, tag="next"), one(2, OLD)]
        assert followed(app(), history) == "next"

    def test_with_patterns_only_a_deployment_says_which(self) -> None:
        history = [one(2, OLD, tag="latest"), one(1, OLD, tag="v1")]
        assert followed(app(tags=("glob:v*",)), history) == "v1"
        assert followed(app(tags=("glob:v*", "latest")), []) == "latest"
        assert followed(app(tags=("glob:v*", "semver:^1", "latest")), []) == ""
        assert followed(app(tags=("glob:v*",)), []) == ""

    def test_one_that_is_configured_no_more_or_not_known_is_passed_over(self) -> None:
        history = [one(3, NEW, tag="gone"), one(2, OLD, tag=""), one(1, OLD, tag="next")]
        assert followed(app(), history) == "next"
        assert followed(app(), []) == "latest"
