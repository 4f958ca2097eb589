"""A worker process on strings: told where to die, waited for, started anew."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.crash.calls import Point
from tests.lab.errors import LabError
from tests.lab.processes import last_lines

CHECKOUT = Path(__file__).parents[2]
LIMIT = 60.0
"""Seconds a true state may take on a machine that other tests load as well."""


class Puppet:
    """One process of tests.crash.worker; it imports what it needs and waits to be told."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.worker"],
                env=environment,
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )
        self.points: list[Point] = []
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def go(self) -> None:
        """Work like any other worker."""
        self._tell("go")

    def record(self) -> None:
        """Work, and put down in `points` what is called from now on."""
        self.points.clear()
        self._tell("record")

    def arm(self, point: Point) -> None:
        """Work until this point, and die there."""
        self._tell(f"arm {'|'.join(map(str, point))}")

    def died(self) -> bool:
        """Whether it was killed; an end of another kind is an error."""
        code = self._process.poll()
        if code not in (None, -9):
            raise LabError(f"the worker ended by itself with {code}, see its log")
        return code is not None

    def kill(self) -> None:
        """End it wherever it is."""
        self._process.kill()
        self._process.wait()
        self._close()

    def stop(self) -> None:
        """End it as an operator does."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(LIMIT)
        self._close()

    def _close(self) -> None:
        self._reader.join(5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())
        except BrokenPipeError:
            code, said = self._process.wait(LIMIT), last_lines(self._log)
            raise LabError(f"the worker ended with {code} before {line!r}:\n{said}") from None
        try:
            self._answers.get(timeout=LIMIT)
        except queue.Empty:
            raise LabError(f"the worker did not answer to {line!r}, see its log") from None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "call":
                phase, call, count, when = rest.split("|")
                self.points.append(Point(phase, call, int(count), when))
            else:
                self._answers.put(word)
