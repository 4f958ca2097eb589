"""Whether what a tag means now is to be deployed by nobody's order, and why; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployer import tags, versions
from deployer.deployment import Deployment, Status, Trigger
from deployer.model import App

DEPTH = 200
"""How many of an app's newest deployments are looked at."""


class Finding(StrEnum):
    """What a comparison of a tag with what serves has shown."""

    SAME = "same"
    MOVED = "moved"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tag meant when it was last looked at; `at` in seconds since 1970."""

    tag: str
    digest: str
    at: float


@dataclass(frozen=True, slots=True)
class Now:
    """An app and its tag at this moment; `history` has its deployments, newest first.

    `served` is the digest that serves, "" where nothing does. `before` is the last look at the
    app, from before a restart too. `mended` is when its configuration changed last while this
    worker ran, 0 where it did not (seconds since 1970). `ranged` is whether the tag is the newest
    version of a range: one that is newer than before is what a moved tag is otherwise.
    """

    tag: str
    digest: str
    served: str
    history: Sequence[Deployment]
    before: Seen | None = None
    mended: float = 0.0
    ranged: bool = False


def followed(app: App, history: Sequence[Deployment]) -> str:
    """The tag that an app follows: that of its newest deployment, else the first configured one.

    With several tags the one that somebody deployed last is meant; the first one of the list
    would take the app back behind the webhook that put another one live. "" where nothing was
    deployed yet and a pattern comes first: only a registry knows what a range starts with.
    """
    lead = tags.lead(app.tags)
    first = lead if lead and tags.is_exact(lead) else ""
    return next((one.tag for one in history if tags.allows(app.tags, one.tag)), first)


def judge(now: Now) -> tuple[Finding, str]:
    """Whether what the tag means is to be deployed, and why.

    A digest gets one attempt, however that ended; another one only when the tag was seen to mean
    something else in between, or when the configuration has changed since the attempt failed.
    What an operator chose (an earlier release, a digest) stays until the tag moves.
    """
    if now.digest == now.served:
        return Finding.SAME, f"{now.tag} is what serves"
    tried = next((one for one in now.history if _is_try(one, now.digest)), None)
    if tried is None:
        chosen = _chosen(now)
        if chosen is None or _came_since(now, 0.0):
            return Finding.MOVED, f"{now.tag} means {now.digest[:19]} now, which does not serve"
        return Finding.HELD, f"deployment {chosen.id} was an operator's choice of another release"
    if _came_since(now, tried.queued_at):
        return Finding.MOVED, f"{now.tag} has come back to {now.digest[:19]}"
    if tried.status is Status.FAILED and tried.queued_at < now.mended:
        return Finding.MOVED, "the configuration has changed since this digest failed"
    return Finding.HELD, _why_held(now, tried)


def _is_try(one: Deployment, digest: str) -> bool:
    # One that was superseded never began.
    return one.digest == digest and one.status is not Status.SUPERSEDED


def _chosen(now: Now) -> Deployment | None:
    """The deployment that serves, if an operator chose its release and not just its tag.

    Of a range a tag is such a choice as well, where it is not the newest. A change of the
    configuration deploys what serves, so the choice before it still stands.
    """
    for one in now.history:
        if one.status is Status.SUCCEEDED and one.trigger is not Trigger.CONFIG:
            other = one.tag != now.tag if now.ranged else not one.tag
            by_name = one.trigger is Trigger.OPERATOR and other
            return one if by_name or one.trigger is Trigger.ROLLBACK else None
    return None


def _came_since(now: Now, at: float) -> bool:
    """Whether the tag was seen to mean something else after this time, or was not there yet."""
    before = now.before
    if before is None or before.at <= at:
        return False
    if before.tag == now.tag:
        return before.digest != now.digest
    return now.ranged and versions.is_newer(now.tag, before.tag)


def _why_held(now: Now, tried: Deployment) -> str:
    ended = f"{now.digest[:19]} was deployment {tried.id}, which"
    if tried.status in (Status.SUCCEEDED, Status.UNCHANGED):
        return f"{ended} was replaced since. It is deployed again when {now.tag} moves, or by order"
    said = "failed" if tried.status is Status.FAILED else f"was {tried.status}"
    return f"{ended} {said}. It is not tried again until {now.tag} moves, or by order"
