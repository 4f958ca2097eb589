"""A click group that imports a command only when it runs, and turns errors into exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from deployer.errors import ConfigError, DeployerError

FAILED = 1
MISUSED = 2


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is (`module:attribute`), and its line in the overview."""

    target: str
    summary: str


class LazyGroup(click.Group):
    """Commands by section, each loaded when it is asked for.

    A ConfigError ends with its problems and code 2, any other DeployerError with one
    `error:` line, its evidence and code 1, and so does what nobody expected; its traceback is
    in a file.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, Command]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        self.lazy = {name: one for part in sections.values() for name, one in part.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name].target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.lazy))
        for section, commands in self.sections.items():
            with formatter.section(section):
                formatter.write_dl([(n.ljust(width), c.summary) for n, c in commands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            ctx.exit(MISUSED)
        except DeployerError as error:
            complain(str(error), error.detail)
            ctx.exit(FAILED)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - not swallowed: all of it is in the file
            complain(
                f"a fault in deployer itself ({type(error).__name__}). The details are in "
                f"{_written_down()}; please report it"
            )
            ctx.exit(FAILED)


def _written_down() -> str:
    """The file that the traceback of the fault was written to."""
    import tempfile
    import traceback

    from deployer.logs import redact

    with tempfile.NamedTemporaryFile(
        "w", prefix="deployer-fault-", suffix=".txt", delete=False
    ) as file:
        file.write(redact(traceback.format_exc()))
    return file.name


class Misuse(click.ClickException):
    """What was asked for cannot be meant: code 2, and nothing was written."""

    exit_code = MISUSED

    def show(self, file: Any = None) -> None:
        complain(self.message)


def complain(message: str, detail: str = "") -> None:
    """One `error:` line on stderr, and the evidence under it."""
    from rich.text import Text

    from deployer.cli.output import console, quoted
    from deployer.evidence import plain
    from deployer.words import safe

    err = console(stderr=True)
    err.print(Text("error: ", style="error").append(safe(message), style="default not bold"))
    if detail:
        err.print(quoted(plain(detail)))
