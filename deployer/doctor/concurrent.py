"""Runs checks side by side, each with a time limit, so that nothing that hangs hangs the doctor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from deployer.doctor.report import Report
from deployer.errors import DeployerError


@dataclass(slots=True)
class Check:
    """A look at one subject. `limit` is how many seconds it may take."""

    subject: str
    look: Callable[[Report], None]
    limit: float = 20.0
    report: Report = field(default_factory=Report)


def run(checks: Sequence[Check]) -> Report:
    """What they found, in their order; one that is not done in time is a finding itself.

    The threads are daemons: one that still hangs ends with the process.
    """
    began = time.monotonic()
    threads = [threading.Thread(target=_look, args=(one,), daemon=True) for one in checks]
    for thread in threads:
        thread.start()
    whole = Report()
    for check, thread in zip(checks, threads, strict=True):
        thread.join(max(0.0, began + check.limit - time.monotonic()))
        if thread.is_alive():
            # Not its report: the thread may still be writing that.
            whole.problem(
                check.subject,
                f"it did not answer within {check.limit:g} s, so it was not looked at",
                "See what it waits for: an overloaded machine, a network, a proxy in between",
            )
        else:
            whole.add(check.report)
    return whole


def _look(check: Check) -> None:
    try:
        check.look(check.report)
    except DeployerError as error:
        check.report.error(check.subject, error)
    except OSError as error:
        check.report.problem(
            check.subject,
            f"it could not be looked at: {error.strerror or error} ({error.filename or 'no file'})",
            "Run the doctor as the user that runs deployer",
        )
