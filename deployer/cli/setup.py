"""`deployer check`: what is wrong with the configuration."""

from __future__ import annotations

import json

import click

from deployer.cli.context import Invocation, as_json, pass_invocation
from deployer.cli.lazy import MISUSED
from deployer.cli.output import console, print_json
from deployer.errors import ConfigError


@click.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of config.yml, for editors.")
@as_json
@pass_invocation
@click.pass_context
def check(ctx: click.Context, invocation: Invocation, schema: bool, as_json: bool) -> None:
    """All problems of the configuration at once; ends with 2 if there is one."""
    if schema:
        from deployer.config import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    try:
        config = invocation.config("all")
    except ConfigError as error:
        if not as_json:
            raise
        print_json({"problems": error.problems})
        ctx.exit(MISUSED)
    if as_json:
        print_json({"problems": []})
        return
    counts = f"{_count(len(config.apps), 'app')}, {_count(len(config.hooks), 'hook')}"
    console().print(f"{config.source} is sound: {counts}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
