"""How our containers are named and labelled, and how they are recognised again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.model import Moment

INSTANCE = "deployer.instance"
APP = "deployer.app"
DEPLOYMENT = "deployer.deployment"
RELEASE = "deployer.release"
REPLICA = "deployer.replica"
HOOK = "deployer.hook"

_NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a container ours: equal identities mean equal containers.

    `instance` keeps two deployers on one Docker host apart; `index` counts from 1.
    """

    instance: str
    app: str
    deployment: int
    release: int
    index: int

    @property
    def name(self) -> str:
        """The container's name, decided before it exists."""
        return f"{self.app}-{self.deployment}-{self.index}"

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which it is found again."""
        return {
            INSTANCE: self.instance,
            APP: self.app,
            DEPLOYMENT: str(self.deployment),
            RELEASE: str(self.release),
            REPLICA: str(self.index),
        }


def identity_of(labels: Mapping[str, str] | None, name: str) -> Identity | None:
    """The identity that a container's labels and name state; None where it is no replica.

    Labels alone are not enough: an image can bring them, such as one that `docker commit` made
    of a replica. Names are unique, so a container that is called otherwise is somebody else's.
    """
    found = labels or {}
    numbers = [found.get(label, "") for label in (DEPLOYMENT, RELEASE, REPLICA)]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    if not (found.get(INSTANCE) and found.get(APP)):
        return None
    stated = Identity(found[INSTANCE], found[APP], *map(int, numbers))
    return stated if stated.name == name.removeprefix("/") else None


@dataclass(frozen=True, slots=True)
class OneOffIdentity:
    """What makes a container one of our one-offs; never a replica's, which has a number."""

    instance: str
    app: str
    deployment: int
    release: int
    when: Moment

    @property
    def name(self) -> str:
        """Its name; no app can have one with a dot, so no replica is called like this."""
        return f"{self.app}-{self.deployment}.{self.when}"

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which it is found again, when its worker was killed."""
        return {
            INSTANCE: self.instance,
            APP: self.app,
            DEPLOYMENT: str(self.deployment),
            RELEASE: str(self.release),
            HOOK: self.when,
        }


def one_off_of(labels: Mapping[str, str] | None, name: str) -> OneOffIdentity | None:
    """The identity that a one-off's labels and name state; None where it is none."""
    found = labels or {}
    numbers = [found.get(label, "") for label in (DEPLOYMENT, RELEASE)]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    if found.get(HOOK) not in set(Moment) or not (found.get(INSTANCE) and found.get(APP)):
        return None
    deployment, release = map(int, numbers)
    when = Moment(found[HOOK])
    stated = OneOffIdentity(found[INSTANCE], found[APP], deployment, release, when)
    return stated if stated.name == name.removeprefix("/") else None


def selecting(instance: str, app: str | None = None, deployment: int | None = None) -> list[str]:
    """The label filters for Docker's list of containers."""
    wanted = [f"{INSTANCE}={instance}", APP if app is None else f"{APP}={app}"]
    return wanted if deployment is None else [*wanted, f"{DEPLOYMENT}={deployment}"]
