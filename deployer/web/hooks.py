"""`POST /hooks/<hook>[/<token>]`: verify, parse, match, record, and only then answer 2xx."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from flask import Response, g, request

from deployer.config.values import HookPart, ReceiverPart
from deployer.deployment import Wanted
from deployer.errors import BadCredential, BadPayload
from deployer.ports import Confirming, Delivery, Inbound, Known, Recorded, Source, Store
from deployer.web.addresses import check_address
from deployer.web.answers import document, problem
from deployer.web.bodies import read_body
from deployer.web.deciding import Decided, decide, selectors_of
from deployer.web.hearing import written
from deployer.web.outcome import not_deployed, outcome
from deployer.web.rates import Rates
from deployer.web.waiting import Waiting, asked_wait

log = structlog.get_logger()

KEPT_OF_REFUSED = 64 * 1024
_ENCODED = "the body is compressed, and it is never unpacked here: send it as it is"
_TOO_MANY = "more deliveries of this hook than it takes: nothing was taken. Try again"
_CONFIRMS = "the sender asked to be confirmed, and deployer visits the address that it gave for it"
_WAIT_NEEDS_ID = (
    "to wait, a delivery needs an id of its own in the header webhook-id, "
    "by which repeating it means waiting on"
)


class Hooks:
    """The view of all hooks. `now` gives seconds since 1970."""

    def __init__(
        self,
        part: ReceiverPart,
        store: Store,
        sources: Mapping[str, Source],
        waiting: Waiting,
        now: Callable[[], float],
    ) -> None:
        """Raises ConfigError where an app's image is not well formed."""
        self.hooks = {name: (sources[hook.source], hook) for name, hook in part.hooks.items()}
        self.selectors = selectors_of(part.apps)
        self.max_body = part.max_body
        self.store = store
        self.waiting = waiting
        self.rates = Rates(part.hooks)
        self.now = now

    def receive(self, hook: str, token: str = "") -> Response:
        """Take one delivery. Raises StoreError; nothing that a sender sends raises anything."""
        g.hook_begun = time.monotonic()
        # The whole body first, up to the limit, so that 413 comes before all else.
        body = read_body(self.max_body)
        if hook not in self.hooks:
            return problem(404, "there is no such hook")
        g.hook = hook
        source, configured = self.hooks[hook]
        headers = {name.lower(): value for name, value in request.headers.items()}
        inbound, known = Inbound(headers, body, token), _known(configured)
        try:
            source.verify(inbound, known)
            # An address alone never proves anything.
            real_ip = headers.get("x-real-ip", "")
            check_address(configured.allow, request.remote_addr or "", real_ip)
            if _is_encoded(headers):
                return problem(415, _ENCODED, {"Accept-Encoding": "identity"})
            if later := self.rates.take(hook):
                return problem(429, _TOO_MANY, {"Retry-After": str(later)})
            heard = source.parse(inbound, configured.registry)
            wait = asked_wait(request.args)
            if wait is not None and not heard.sender_id:
                raise BadPayload(_WAIT_NEEDS_ID)
        except BadCredential as error:
            # Only the log says which: it is for the operator.
            g.hook_delivery = {"reason": str(error)}
            return problem(401, "the secret is missing or wrong")
        except BadPayload as error:
            return self._refuse(hook, body, str(error))
        address = source.confirmation(inbound, known) if isinstance(source, Confirming) else ""
        if address:
            heard = replace(heard, reason=_CONFIRMS)
        decided = decide(heard, configured, self.selectors, self.store)
        if "dry_run" in request.args:
            return document(_undone(decided))
        delivery = Delivery(hook, self.now(), body, sender_id=heard.sender_id, heard=written(heard))
        answer = self._take(delivery, decided, wait)
        if address and isinstance(source, Confirming):
            # Not before it is recorded, and not for as long as the sender waits.
            threading.Thread(target=source.confirm, args=(address,), daemon=True).start()
        return answer

    def _refuse(self, hook: str, body: bytes, reason: str) -> Response:
        kept = body[:KEPT_OF_REFUSED]
        self._record(Delivery(hook, self.now(), kept, "refused", reason), [])
        return problem(400, reason)

    def _take(self, delivery: Delivery, decided: Decided, wait: float | None) -> Response:
        delivery = replace(delivery, verdict=decided.verdict, reason=decided.reason)
        # Who waits repeats itself until the end is known, and must not deploy again by that.
        recorded = self._record(delivery, list(decided.wanted), once=wait is not None)
        queued = [{"id": number, "app": app} for number, app in recorded.deployments]
        answer = {**g.hook_delivery, "deployments": queued}
        if wait is None:
            return document(answer, 202)
        if not queued:
            return not_deployed(answer)
        # Whoever tells of the same push a moment later takes its place in the queue; which digest
        # is live then says whose push it was.
        numbers, digests = [number for number, _ in recorded.deployments], decided.digests
        return outcome(answer, self.waiting.until_ended(numbers, wait, digests), digests)

    def _record(self, delivery: Delivery, wanted: list[Wanted], *, once: bool = False) -> Recorded:
        recorded = self.store.record(delivery, wanted, once=once)
        first = recorded.duplicate_of
        g.hook_delivery = {
            "delivery": recorded.delivery,
            "result": "duplicate" if first else delivery.verdict,
            "reason": f"delivery {first} brought this already" if first else delivery.reason,
        }
        return recorded


def _known(hook: HookPart) -> Known:
    return Known(hook.tokens, hook.secrets, hook.topics, hook.audience, hook.service_account)


def _undone(decided: Decided) -> dict[str, Any]:
    """What would be answered to a delivery, of which nothing is written down."""
    return {
        "delivery": None,
        "result": decided.verdict,
        "reason": decided.reason,
        "deployments": [{"id": None, "app": one.app} for one in decided.wanted],
    }


def _is_encoded(headers: Mapping[str, str]) -> bool:
    return headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")


def log_delivery(answer: Response) -> Response:
    """The one line of a request to a hook; without its path, which holds the token."""
    if "hook_begun" in g:
        log.info(
            "delivery",
            hook=g.get("hook"),
            status=answer.status_code,
            seconds=round(time.monotonic() - g.hook_begun, 4),
            **g.get("hook_delivery", {}),
        )
    return answer
