"""What a sender that waits is told: 200 deployed, 202 not yet, 409 overtaken, 422 not deployed.

curl repeats a request on 408, 429, 500, 502, 503 and 504 if told to. None of these stands for a
deployment that failed, which repeating would not mend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flask import Response

from deployer.deployment import ENDED, Deployment, Status
from deployer.web.answers import document, problem
from deployer.web.waiting import Waited

_DEPLOYED = frozenset({Status.SUCCEEDED, Status.UNCHANGED})
_FAILED = ENDED - _DEPLOYED - {Status.SUPERSEDED}
_NONE: Mapping[str, str] = MappingProxyType({})


def outcome(answer: Mapping[str, Any], waited: Waited, hints: Mapping[str, str]) -> Response:
    """The answer to a delivery, with the deployments as they are after waiting.

    `hints` are the digests that the sender says it pushed, by app, where it says so: where another
    one is live, the tag has moved since.
    """
    if waited.deployments:
        answer = {**answer, "deployments": [_shown(one) for one in waited.deployments]}
    if waited.retry_after:
        unfinished = document(answer, 202)
        unfinished.headers["Retry-After"] = str(waited.retry_after)
        return unfinished
    return ended(answer, waited.deployments, hints)


def ended(
    answer: Mapping[str, Any], deployments: Sequence[Deployment], hints: Mapping[str, str] = _NONE
) -> Response:
    """The answer once all have ended: 200 deployed, 409 overtaken, 422 not deployed."""
    overtaken = [one for one in deployments if _overtaken(one, hints)]
    failed = [one for one in deployments if one.status in _FAILED]
    if failed or overtaken:
        detail = "; ".join(_why(one, hints) for one in [*failed, *overtaken])
        return problem(422 if failed else 409, detail, more=answer)
    return document(answer)


def not_deployed(answer: Mapping[str, Any]) -> Response:
    """The answer where nothing was queued, so that there is nothing to wait for."""
    return problem(422, f"nothing is deployed: {answer['reason']}", more=answer)


def _overtaken(one: Deployment, hints: Mapping[str, str]) -> bool:
    moved = one.status in _DEPLOYED and hints.get(one.app, one.digest) != one.digest
    return moved or one.status is Status.SUPERSEDED


def _why(one: Deployment, hints: Mapping[str, str]) -> str:
    if one.status in _DEPLOYED:
        return (
            f"deployment {one.id} of {one.app} put {one.digest} live and not {hints[one.app]}: "
            "the tag has moved since"
        )
    return f"deployment {one.id} of {one.app} ended as {one.status}: {one.reason}"


def _shown(one: Deployment) -> dict[str, Any]:
    return {
        "id": one.id,
        "app": one.app,
        "status": one.status.value,
        "reason": one.reason or None,
        "digest": one.digest or None,
    }
