"""What a deployment of an app would do if it were ordered now; pure: it is told all it knows."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from deployer.deployment import Deployment, Status, Step
from deployer.difference import Change, Origins, differences
from deployer.model import App, Image, Release, Replica, Strategy
from deployer.policy import choose, in_common
from deployer.spec import Spec


class Outcome(StrEnum):
    """What the deployment would end as, as far as that can be known before."""

    DEPLOYED = "deployed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


class Effect(StrEnum):
    """What something that is in the way does to the deployment."""

    WAITS = "waits"
    REFUSED = "refused"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that is in the way of the deployment: its effect, and what it is."""

    effect: Effect
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is so now. `asked` is what is ordered of the app's image, `found` what that means.

    `live` is the release that serves, None where nothing does or where it cannot be opened,
    which `unknown` then says. `is_live` is whether just `found` and the app's spec serve, with
    every replica. `here` is whether the image is on this machine.

    `releases` are the numbers of all kept releases, `needed` those that are kept whatever their
    age. `neighbours` are the other apps of this image, each with its tags. `hooks` are the
    commands of the app itself by their moment (pre_deploy, post_deploy, on_failure). `sharers` are
    the apps that share its network. Where it shares one itself, `running` and `ready` are the
    specs of now and then with the container that it has that of.

    `paused` says who paused the app, `quarantined` since when and why the digest is not tried
    again, both "" where that is not so. `taken` has each port of the host that somebody else
    has, with who.
    """

    app: App
    asked: Image
    found: Image
    live: Release | None = None
    unknown: str = ""
    is_live: bool = False
    here: bool = False
    replicas: Sequence[Replica] = ()
    releases: Sequence[int] = ()
    needed: Sequence[int] = ()
    neighbours: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hooks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sharers: Sequence[str] = ()
    running: Spec | None = None
    ready: Spec | None = None
    under_way: Sequence[Deployment] = ()
    paused: str = ""
    quarantined: str = ""
    taken: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the procedure, or a hook of the app's own, and what it would do."""

    step: str
    does: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen, under the names that `--json` has (docs/operations.md).

    `digest_now` and `release_now` are those that serve, None where nothing does; `image` is what
    the registry was asked for, `digest_then` what it said. `notes` is what is odd besides.
    """

    app: str
    outcome: Outcome
    image: str
    digest_now: str | None
    digest_then: str
    release_now: int | None
    strategy: Strategy
    why: str
    difference: Sequence[Change]
    steps: Sequence[Stage]
    touched: Sequence[str]
    in_the_way: Sequence[Obstacle]
    notes: Sequence[str]


def plan(facts: Facts, origins: Origins) -> Plan:
    """What a deployment would do; `origins` says where the app's settings were written."""
    app, live = facts.app, facts.live
    old = live.spec if live else None
    # What cannot be read is taken to claim what the app claims now, as the procedure does.
    running = app.spec if facts.unknown else facts.running or old
    choice = choose(app, facts.ready or app.spec, running)
    obstacles = list(_obstacles(facts))
    going = not facts.is_live
    return Plan(
        app=app.name,
        outcome=_outcome(facts, obstacles),
        image=str(facts.asked),
        digest_now=live.image.digest if live else None,
        digest_then=facts.found.digest,
        release_now=live.number if live else None,
        strategy=choice.strategy,
        why=choice.why,
        difference=differences(old, app.spec, origins, app.public),
        steps=list(_steps(facts, choice.strategy)) if going else [_resolve(facts)],
        touched=list(_touched(facts, choice.strategy)) if going else [],
        in_the_way=obstacles,
        notes=list(_notes(facts)),
    )


def pruned(facts: Facts) -> list[int]:
    """The releases that would be removed once the new one serves; it counts among the kept."""
    newest = sorted(facts.releases, reverse=True)[: max(facts.app.limits.keep - 1, 0)]
    return sorted(set(facts.releases) - set(newest) - set(facts.needed))


def _outcome(facts: Facts, obstacles: Sequence[Obstacle]) -> Outcome:
    effects = {one.effect for one in obstacles}
    if facts.is_live:
        return Outcome.UNCHANGED
    if Effect.REFUSED in effects:
        return Outcome.REFUSED
    return Outcome.FAILED if Effect.FAILS in effects else Outcome.DEPLOYED


def _obstacles(facts: Facts) -> Iterator[Obstacle]:
    app, name = facts.app, facts.app.name
    if facts.quarantined and not facts.is_live:
        free = f"deployer unquarantine {name} {facts.found.digest}"
        yield Obstacle(
            Effect.REFUSED,
            f"this digest is in quarantine {facts.quarantined}. Push a newer image, or: {free}",
        )
    if facts.paused:
        yield Obstacle(
            Effect.WAITS,
            f"{name} is paused by {facts.paused}: pushes wait for `deployer resume {name}`, "
            "what an operator orders does not",
        )
    for one in facts.under_way:
        if one.status is Status.RUNNING:
            at = f" at its step {one.step}" if one.step else ""
            yield Obstacle(Effect.WAITS, f"deployment {one.id} is under way{at}")
        else:
            yield Obstacle(
                Effect.WAITS, f"deployment {one.id} is queued; a newer one takes its place"
            )
    if facts.is_live:
        return
    if app.pull_policy == "never" and not facts.here:
        yield Obstacle(
            Effect.FAILS,
            "the image is not on this machine, and `pull_policy: never` forbids a pull",
        )
    for port, holder in sorted(facts.taken.items()):
        yield Obstacle(Effect.FAILS, f"port {port} of the host is taken by {holder}")


def _notes(facts: Facts) -> Iterator[str]:
    if facts.unknown:
        yield f"what serves now cannot be compared: {facts.unknown}"
    live, spec = facts.live, facts.app.spec
    same = live is not None and (live.image.digest, live.spec) == (facts.found.digest, spec)
    if same and not facts.is_live:
        so = f" in the network that {spec.shares} has now" if spec.shares else ""
        lacks = f"not all its replicas run{so}"
        yield f"digest and spec are those of the release that serves, but {lacks}"


# the steps


def _steps(facts: Facts, strategy: Strategy) -> Iterator[Stage]:
    yield _resolve(facts)
    yield Stage(Step.PULL, _pull(facts))
    yield from _hook(facts, "pre_deploy", "nothing is changed where it fails")
    yield Stage(Step.START, _start(facts, strategy))
    yield Stage(Step.CHECK, _check(facts.app))
    yield Stage(Step.SWITCH, _switch(facts.app))
    back = "the old release comes back" if facts.live else "it is taken away"
    yield Stage(
        Step.WATCH,
        f"for {facts.app.limits.watch:g} s; if it exits, restarts or fails its check, {back}",
    )
    yield Stage(Step.DRAIN, _drain(facts))
    yield Stage(Step.RETIRE, _retire(facts))
    yield from _hook(facts, "post_deploy", "its failure is only told")
    yield from _hook(facts, "on_failure", "only if the deployment fails")


def _resolve(facts: Facts) -> Stage:
    asked = facts.found.pinned if facts.asked.digest else str(facts.asked)
    return Stage(Step.RESOLVE, f"ask the registry for {asked}")


def _pull(facts: Facts) -> str:
    pinned, policy = facts.found.pinned, facts.app.pull_policy
    if not facts.here:
        return f"pull {pinned}"
    return (
        f"pull {pinned} again: `pull_policy: always`" if policy == "always" else "is here already"
    )


def _hook(facts: Facts, moment: str, means: str) -> Iterator[Stage]:
    command = facts.hooks.get(moment)
    if command is not None:
        spoken = facts.app.spec.masked(shlex.join(command), facts.app.public)
        yield Stage(moment, f"run {spoken}; {means}")


def _start(facts: Facts, strategy: Strategy) -> str:
    count, old = facts.app.spec.replicas, _names(facts.replicas)
    made = "a new container" if count == 1 else f"{count} new containers"
    if not old:
        return f"start {made}"
    if strategy is Strategy.STOP_FIRST:
        closed = ", answer requests with 503" if facts.app.route else ""
        return f"create {made}{closed}, stop {old} and keep it for return, start the new"
    return f"start {made} beside {old}"


def _check(app: App) -> str:
    health = app.health
    if health.port is None:
        probe = "until it runs and its HEALTHCHECK, if it has one, says healthy"
    elif health.path is None:
        probe = f"until port {health.port} takes connections"
    else:
        probe = f"until {health.path} on port {health.port} answers 2xx or 3xx"
    return f"{probe}, at most {health.deadline:g} s"


def _switch(app: App) -> str:
    if app.route is None:
        return "this app has no route: nothing changes in Nginx"
    path = "" if app.route.path == "/" else app.route.path
    sites = ", ".join(f"{host}{path}" for host in app.route.hosts)
    return f"Nginx sends {sites} to the new release; one reload"


def _drain(facts: Facts) -> str:
    if facts.app.route is None or not facts.replicas:
        return "nothing to wait for"
    return "until no Nginx worker knows the old containers"


def _retire(facts: Facts) -> str:
    gone = [f"stop and remove {_names(facts.replicas)}"] if facts.replicas else []
    if numbers := pruned(facts):
        named = ", ".join(map(str, numbers))
        what = f"release{'s' if len(numbers) > 1 else ''} {named}"
        gone.append(f"remove {what} with its image: `keep` is {facts.app.limits.keep}")
    return "; ".join(gone) or "nothing to remove"


def _names(replicas: Sequence[Replica]) -> str:
    return ", ".join(one.name for one in replicas)


def _touched(facts: Facts, strategy: Strategy) -> Iterator[str]:
    if facts.app.route is not None:
        yield "Nginx reloads: other sites go on without a lost request"
        if facts.replicas and strategy is Strategy.STOP_FIRST:
            yield "this app's requests get 503 with Retry-After until the new release is healthy"
    lost = ", and has no network until then" if strategy is Strategy.STOP_FIRST else ""
    for name in facts.sharers:
        yield f"app {name} shares its network: it is deployed again after this one{lost}"
    for name, policy in sorted(facts.neighbours.items()):
        means = in_common(policy, facts.app.tags)
        yield f"app {name} has the same image and is not deployed by this order; {means}"
