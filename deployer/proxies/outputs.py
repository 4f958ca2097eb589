"""Renders the files of `outputs:`, and notes on disk who has yet to be told of them."""

from __future__ import annotations

import os
import secrets
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from deployer.config.values import Output
from deployer.errors import OutputFailed
from deployer.ports import OutputApp
from deployer.proxies.placing import place
from deployer.proxies.templates import Templates


class OutputFiles:
    """Implements ports.OutputWriter; `notes` is a folder that only the worker may enter."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._lock = threading.Lock()

    def write(self, output: Output, apps: Sequence[OutputApp]) -> bool:
        """Render the template and put the text into the output's file."""
        text = render(output.template, apps)
        return place(output.file, text.encode(), output.mode, lambda: self._note(output))

    def untold(self, output: Output) -> str:
        """The mark of the last change that its container was not told of."""
        with self._lock, self._refusals():
            return self._mark(output)

    def told(self, output: Output, mark: str) -> None:
        """Forget this mark, and no later one."""
        with self._lock, self._refusals():
            if self._mark(output) == mark:
                self._path(output).unlink(missing_ok=True)

    def _path(self, output: Output) -> Path:
        return self._notes / output.name

    def _mark(self, output: Output) -> str:
        try:
            # Of one that was not written to its end it is known at least that it is there.
            return self._path(output).read_text(encoding="ascii") or "?"
        except FileNotFoundError:
            return ""

    def _note(self, output: Output) -> None:
        if output.container is None:
            return
        with self._lock, self._refusals():
            self._notes.mkdir(mode=0o700, exist_ok=True)
            with self._path(output).open("w", encoding="ascii") as file:
                file.write(secrets.token_hex(8))
                file.flush()
                os.fsync(file.fileno())
            handle = os.open(self._notes, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputFailed(
                f"it cannot be noted in {self._notes} who is to be told: {error.strerror}. "
                "Look at the disk and at the rights of the state folder"
            ) from error


def render(template: Path, apps: Sequence[OutputApp]) -> str:
    """The template with what it may know. Raises RenderRefused, naming file and line, OutputFailed.

    Templates are what those of Nginx are: sandboxed, and no name may be unknown.
    """
    _refuse_unsafe(template)
    templates = Templates([template.parent])
    return templates.render(template.name, {"apps": [asdict(one) for one in apps]})


def _refuse_unsafe(template: Path) -> None:
    for path in (template, template.parent):
        try:
            mode = (path.lstat() if path == template else path.stat()).st_mode
        except OSError as error:
            raise OutputFailed(
                f"the template {template} cannot be read: {error.strerror}. Put it there, or "
                "correct `template:`"
            ) from error
        problem = ""
        if stat.S_ISLNK(mode):
            problem = "is a symlink. Put the file itself there"
        elif mode & stat.S_IWOTH:
            problem = f"may be written by everybody. Run `chmod o-w {path}`"
        if problem:
            what = "it" if path == template else f"its folder {path}"
            raise OutputFailed(f"the template {template} is not used: {what} {problem}")
