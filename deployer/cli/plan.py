"""`deployer plan`: what deploying an app would change and do, as the worker finds it out."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import asdict

import click
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.text import Text

from deployer import views
from deployer.cli import follow
from deployer.cli.context import Invocation, app_named, as_json, pass_invocation
from deployer.cli.lazy import FAILED
from deployer.cli.orders import check_choice, given_by
from deployer.cli.output import console, print_json, status_word, title
from deployer.cli.tables import Row, fields, listing
from deployer.condition import troubles
from deployer.deployment import Status
from deployer.difference import Change, Kind
from deployer.errors import DeployerError, StoreError
from deployer.plan import Effect, Outcome, Plan
from deployer.ports import Order, Store
from deployer.words import NOTHING, one_line, short

PATIENCE = 60.0
"""Seconds in which a running worker has surely answered: a registry may take fifteen."""
BETWEEN_LOOKS = 1.0

MASKED = "***"
LONGEST = 60
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
HEADINGS = ("", "SETTING", "NOW", "THEN", "FROM")
SIGNS = {Kind.ADDED: ("+", "green"), Kind.CHANGED: ("~", "yellow"), Kind.REMOVED: ("-", "red")}
TONES = {Effect.WAITS: "cyan", Effect.REFUSED: "yellow", Effect.FAILS: "red"}
WOULD_NOT = frozenset({Outcome.REFUSED, Outcome.FAILED})
HOLDS = {
    Outcome.DEPLOYED: "",
    Outcome.UNCHANGED: "nothing: just this serves already",
    Outcome.REFUSED: "nothing: it would be refused",
    Outcome.FAILED: "nothing for long: it would fail",
}


@click.command()
@click.argument("app")
@click.option(
    "--tag", default="", metavar="T", help="One that its `tags` let in. Default: the first."
)
@click.option("--digest", default="", metavar="D", help="This very image: sha256:...")
@as_json
@pass_invocation
@click.pass_context
def plan(
    ctx: click.Context, invocation: Invocation, app: str, tag: str, digest: str, as_json: bool
) -> None:
    """What `deployer deploy APP` would change and do now; touches nothing.

    The worker asks the registry and looks, with its own logins. Ends with 1 where the deployment
    would be refused or would fail, or where nothing can be said.
    """
    config = invocation.config()
    check_choice(app_named(config, app), tag, digest)
    store = invocation.store(config)
    _check_worker(store)
    order = _answered(store, Order(0, "plan", app, given_by(), time.time(), tag, digest))
    found = None if order.result == "refused" else read(order.detail)
    if as_json:
        told = {**views.order(order, None), "plan": asdict(found) if found else None}
        del told["deployment"]
        print_json(told)
    elif found is None:
        console().print(status_word(Status.REFUSED).append(f": {one_line(order.reason)}"))
    else:
        show(console(), found)
    ctx.exit(FAILED if found is None or found.outcome in WOULD_NOT else 0)


def _check_worker(store: Store) -> None:
    """Only a running worker can answer; the order would wait for nobody."""
    for trouble in troubles(store, (), time.time()):
        if trouble.what == "worker":
            raise DeployerError(f"cannot plan: the worker has to look, and {trouble.reason}")


def _answered(store: Store, wanted: Order) -> Order:
    """The order with its answer; a worker that ends meanwhile is not waited for."""
    number, limit = store.give(wanted), time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        order = follow.until_taken(store, number, BETWEEN_LOOKS)
        if order.result:
            return order
        _check_worker(store)
    raise DeployerError(
        f"cannot plan: the worker has not answered order {number} for {PATIENCE:g} s. "
        "Look at its log and at `deployer status`"
    )


def read(detail: str) -> Plan:
    """The worker's answer. Raises StoreError where no worker wrote it: others can, too."""
    try:
        return TypeAdapter(Plan).validate_json(detail)
    except ValidationError:
        raise StoreError(
            "the store has an answer that no worker wrote. Ask again; find out who wrote this one"
        ) from None


def show(out: Console, one: Plan) -> None:
    """The plan for a person: what differs, how, and what is in the way."""
    holds = HOLDS[one.outcome]
    heading = title(f"plan for {one.app}")
    out.print(heading.append(f"  {holds}", style="not bold") if holds else heading)
    out.print()
    fields(out, _facts(one))
    _section(out, "difference")
    if one.difference:
        listing(out, HEADINGS, [_row(each) for each in one.difference])
    else:
        out.print("no setting differs")
    if one.outcome is not Outcome.UNCHANGED:
        _section(out, "steps")
        fields(out, [(one_line(step.step), _does(step.does)) for step in one.steps])
        _section(out, "also touched")
        _lines(out, one.touched or ["nothing else"])
    if one.in_the_way:
        _section(out, "in the way")
        fields(out, [_obstacle(each.effect, each.reason) for each in one.in_the_way])
    if one.notes:
        _section(out, "note")
        _lines(out, one.notes)


def _facts(one: Plan) -> list[tuple[str, str | Text]]:
    serves = f"{short(one.digest_now or '')}  release {one.release_now}"
    same = "the same" if one.digest_now == one.digest_then else "a new image"
    facts: list[tuple[str, str | Text]] = [
        ("image", one.image),
        ("now", serves if one.release_now is not None else "nothing serves"),
    ]
    if one.outcome is Outcome.UNCHANGED:
        return [*facts, ("then", f"{short(one.digest_then)}  {same}")]
    return [
        *facts,
        ("then", f"{short(one.digest_then)}  {same}, a new release"),
        ("strategy", f"{one.strategy}: {one.why}"),
    ]


def _does(text: str) -> str:
    """What a step does, its digests as short as Docker's: in full they stand in `--json`."""
    return _DIGEST.sub(r"\1", one_line(text))


def _section(out: Console, name: str) -> None:
    out.print()
    out.print(title(name))


def _lines(out: Console, lines: Sequence[str]) -> None:
    for line in lines:
        out.print(Text(one_line(line)))


def _row(one: Change) -> Row:
    sign, style = SIGNS[one.kind]
    before = NOTHING if one.kind is Kind.ADDED else _value(one.old, one.masked)
    after = NOTHING if one.kind is Kind.REMOVED else _value(one.new, one.masked)
    return Row((Text(sign, style=style), one.key, before, after, one.origin or NOTHING))


def _value(text: str | None, masked: bool) -> str:
    """A value, shortened in its middle: what tells two apart is at the ends more often."""
    said = " ".join(part for part in (text, MASKED if masked else "") if part) or NOTHING
    half = (LONGEST - 3) // 2
    return said if len(said) <= LONGEST else f"{said[:half]}...{said[-half:]}"


def _obstacle(effect: Effect, reason: str) -> tuple[str, Text]:
    return str(effect), Text(one_line(reason), style=TONES[effect])
