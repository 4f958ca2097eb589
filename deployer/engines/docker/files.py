"""The files that come with a release, its secrets and configs: written here, mounted read-only.

They lie below a folder of the worker's own, one folder per app and release, so that a rollback
mounts what its release had. Inside a container each belongs to the user that runs there.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker

from deployer.engines.docker.users import owner_of
from deployer.errors import StartFailed
from deployer.model import Release
from deployer.spec import FileMount


class ReleaseFiles:
    """Writes the files of releases below `root`, a path that Docker sees as well."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, release: Release) -> dict[FileMount, Path]:
        """The release's files on disk, each with its path; those that are right stay as they are.

        Raises StartFailed where they cannot be written.
        """
        if not release.spec.files:
            return {}
        folder = self._folder(release.app, release.number)
        with _refused(release.app, folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = {}
            for at, mount in enumerate(release.spec.files):
                path = folder / f"{at}-{mount.name}"
                _write(path, base64.b64decode(mount.content))
                found[mount] = path
        return found

    def give(
        self, api: docker.APIClient, app: str, container: str, files: Mapping[FileMount, Path]
    ) -> None:
        """Give the files to the user that the container runs as, with their modes."""
        if not files:
            return
        uid, gid = owner_of(api, container)
        for mount, path in files.items():
            with _refused(app, path):
                owner = uid if mount.uid is None else mount.uid
                group = gid if mount.gid is None else mount.gid
                status = path.stat()
                if (status.st_uid, status.st_gid) != (owner, group):
                    os.chown(path, owner, group, follow_symlinks=False)
                path.chmod(mount.mode)

    def forget(self, app: str, keep: Sequence[int]) -> None:
        """Remove the files of the app's releases that are not to be kept."""
        folder = self._root / app
        if not folder.is_dir():
            return
        kept = {str(number) for number in keep}
        for entry in folder.iterdir():
            if entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)

    def drop(self, app: str) -> None:
        """Remove all files of what was written under this name."""
        shutil.rmtree(self._root / app, ignore_errors=True)

    def _folder(self, app: str, number: int) -> Path:
        return self._root / app / str(number)


def _write(path: Path, content: bytes) -> None:
    """Put the content there at once and whole, readable for nobody else on the way."""
    if path.is_file() and path.read_bytes() == content:
        return
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


@contextmanager
def _refused(app: str, path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise StartFailed(
            f"cannot start {app}: no permission to write its secrets or to give them to the "
            f"container's user at {path}. Run the worker as root"
        ) from error
    except OSError as error:
        raise StartFailed(
            f"cannot start {app}: its secrets and configs cannot be written at {path}: "
            f"{error.strerror}. Look at that folder and its disk (`df {path.parent}`)"
        ) from error
