"""A folder with secret files, in which each test writes a config.yml of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from deployer.config import Config, load
from deployer.config.loader import Part
from deployer.errors import ConfigError

TOKEN = "hWv3qz2bT0m8Xx4LkYf9Rn5sJd7PcGa1"
OTHER = "Zt6yUe2iOp9aSd4fGh8jKl3zXc7vBn1m"
THIRD = "b7Nw1Qe5Rt9Yu3Io7Pa2Sd6Fg0Hj4Kl8"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Folder:
    """The folder of a config.yml, which is the working directory of the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("secrets/hook.token", f"{TOKEN}\n")
        self.write("secrets/operator.token", f"{OTHER}\n")
        self.write("secrets/metrics.token", f"{THIRD}\n")
        self.write("secrets/password", "s3cret-password\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file in the folder."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(
        self, text: str, environ: Mapping[str, str] | None = None, part: Part = "all"
    ) -> Config:
        """Load this text as config.yml."""
        self.write("config.yml", dedent(text))
        return load(Path("config.yml"), environ or {}, part=part)

    def problems(
        self, text: str, environ: Mapping[str, str] | None = None, part: Part = "all"
    ) -> list[str]:
        """What is wrong with this text as config.yml; empty where nothing is."""
        try:
            self.load(text, environ, part)
        except ConfigError as error:
            return error.problems
        return []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)
