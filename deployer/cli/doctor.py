"""`deployer doctor`: looks at all that a deployment needs, and says what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from deployer.cli.context import Invocation, as_json, pass_invocation
from deployer.cli.lazy import FAILED, MISUSED
from deployer.errors import ConfigError

if TYPE_CHECKING:
    from deployer.doctor.report import Finding, Report


@click.command()
@click.option("--verbose", is_flag=True, help="Show what was found to be so, and notes, too.")
@as_json
@pass_invocation
@click.pass_context
def doctor(ctx: click.Context, invocation: Invocation, verbose: bool, as_json: bool) -> None:
    """What is wrong with this machine, and what to do; silent where nothing is.

    Looks at the configuration, store, users, Docker, Nginx, each app's registry and each hook,
    where a test is posted that deploys nothing. Ends with 1 on a finding.
    """
    from deployer.cli.output import print_json
    from deployer.doctor.examination import examine

    try:
        config = invocation.config("all")
    except ConfigError as error:
        if not as_json:
            raise
        print_json({"problems": error.problems})
        ctx.exit(MISUSED)
    report = examine(config)
    if as_json:
        print_json(report.document())
    else:
        show(report, verbose=verbose)
    ctx.exit(FAILED if report.problems else 0)


def show(report: Report, *, verbose: bool) -> None:
    """Print the problems; with `verbose` the facts before them and the notes among them."""
    from deployer.cli.output import console
    from deployer.cli.tables import fields

    out = console()
    if verbose and report.facts:
        fields(out, list(report.facts.items()))
        out.print()
    shown = report.findings if verbose else report.problems
    for number, finding in enumerate(shown):
        if number:
            out.print()
        out.print(_heading(finding), soft_wrap=True)
        fields(out, [("  what", _safe(finding.what)), ("  do", _safe(finding.advice))])
    if verbose and not shown:
        out.print("nothing is wrong")


def _heading(finding: Finding) -> object:
    from rich.text import Text

    from deployer.words import one_line

    style = "error" if finding.severity == "problem" else "warning"
    word = Text(finding.severity, style=style)
    return word.append(f": {one_line(finding.subject)}", style="bold")


def _safe(text: str) -> str:
    return " ".join(text.split())
