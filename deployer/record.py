"""What is written down of one deployment on its way, and how long that is tried."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from deployer.deployment import Deployment, Status, Step, advance, enter
from deployer.errors import DeployerError, Interrupted, RegistryUnavailable
from deployer.ports import Stopping, Store
from deployer.spec import Spec

RETRY = 1.0
# How often a registry is asked, and how long is waited the first time and at most; seconds.
ATTEMPTS = 4
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
T = TypeVar("T")


@dataclass(slots=True)
class Record:
    """A deployment as it is now; each change is in the store when a verb returns.

    `sleep` waits so many seconds and raises Interrupted when this process is being stopped.
    `spec` is the one whose containers may speak in a reason or its evidence: the values of
    its environment are masked there, unless they are `public` words.
    """

    store: Store
    now: Callable[[], float]
    sleep: Callable[[float], None]
    deployment: Deployment
    spec: Spec = field(default=Spec())
    public: tuple[str, ...] = ()
    _left: list[str] = field(init=False, default_factory=list)

    def enter(self, step: Step, message: str) -> None:
        """The next step; the message says what it is about."""
        self.deployment = enter(self.deployment, step)
        self.say(message)

    def say(self, message: str) -> None:
        """One more line of its history."""
        one, masked = self.deployment, partial(self.spec.masked, public=self.public)
        self.deployment = replace(one, reason=masked(one.reason), detail=masked(one.detail))
        self.patiently(lambda: self.store.save(self.deployment, self.now(), masked(message)))

    def end(self, status: Status, reason: str, detail: str = "") -> None:
        """Its outcome, with what could not be done besides, and which release serves."""
        active = self.patiently(self.store.active).get(self.deployment.app)
        besides = self._left
        if status in (Status.FAILED, Status.CANCELLED) and not besides:
            besides = [f"release {active.release} serves as before" if active else "nothing serves"]
        told = "; ".join([reason, *besides])
        ended = advance(self.deployment, status, self.now(), told, detail)
        self.deployment = replace(ended, serving=active.release if active else None)
        self.say(told)

    def attempt(self, what: str, effect: Callable[[], None]) -> None:
        """Do one thing; its failure is told beside the outcome, and never instead of it."""
        try:
            effect()
        except Interrupted:
            raise
        except DeployerError as error:
            self._left.append(f"could not {what}: {error}")

    def persevere(self, effect: Callable[[], T], stopping: Stopping) -> T:
        """Do what a registry may not serve for a moment, a few times with growing pauses.

        Only for what can pass: a rate limit, an overload, a connection. Each pause is told in
        the history. Raises what the last attempt raised, and what `stopping` raises.
        """

        def pause(seconds: float) -> None:
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                stopping()
                self.sleep(min(left, RETRY))

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0.0
            again = f"trying again in {wait:.0f} s ({state.attempt_number + 1} of {ATTEMPTS})"
            self.say(f"{error}; {again}")

        again = Retrying(
            retry=retry_if_exception_type(RegistryUnavailable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(initial=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT),
            sleep=pause,
            before_sleep=tell,
            reraise=True,
        )
        return again(effect)

    def patiently(self, effect: Callable[[], T]) -> T:
        """Do what has to be done, again and again while Docker or the store is away.

        Raises Interrupted where this process is being stopped meanwhile.
        """
        while True:
            try:
                return effect()
            except DeployerError as error:
                if not error.retry:
                    raise
            self.sleep(RETRY)
