"""Reading the small text files that a configuration names, with words for what can fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LIMIT = 1024 * 1024


_RECORD: ContextVar[set[Path] | None] = ContextVar("files that were looked at", default=None)


@contextmanager
def recorded() -> Iterator[set[Path]]:
    """The files that are read, or looked for, within the block; those that are missing too."""
    paths: set[Path] = set()
    token = _RECORD.set(paths)
    try:
        yield paths
    finally:
        _RECORD.reset(token)


def _note(path: Path) -> None:
    record = _RECORD.get()
    if record is not None:
        record.add(path.absolute())


def read_text(path: Path) -> str:
    """The text of a file of at most 1 MiB; raises ValueError as `read_bytes` does."""
    try:
        return read_bytes(path).decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError("the file is not UTF-8 text. Save it as UTF-8.") from error


def read_bytes(path: Path) -> bytes:
    """The content of a file of at most 1 MiB.

    Raises ValueError with what is wrong and what to do. The path is left out of it, since
    people paste secrets where the name of their file belongs.
    """
    _note(path)
    try:
        if not path.exists():
            raise ValueError(
                "the file does not exist. Write a path that starts from the folder of "
                "config.yml, or an absolute one, and put the file there."
            )
        if not path.is_file():
            raise ValueError("this is not a file. Write the path of a text file.")
        with path.open("rb") as stream:
            content = stream.read(LIMIT + 1)
    except PermissionError as error:
        raise ValueError(
            "the file cannot be read: no permission. Let the user who runs deployer read it."
        ) from error
    except OSError as error:
        raise ValueError(
            f"the file cannot be read: {error.strerror}. Write the path of a text file."
        ) from error
    if len(content) > LIMIT:
        raise ValueError("the file is larger than 1 MiB. Write the path of a small text file.")
    return content


def is_there(path: Path) -> bool:
    """Whether something is at this path; also where that cannot be seen, so that reading tells."""
    _note(path)
    try:
        return path.exists()
    except OSError:
        return True


def is_folder(path: Path) -> bool:
    """Whether this is a folder that can be seen."""
    try:
        return path.is_dir()
    except OSError:
        return False
