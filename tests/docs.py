"""Reads the blocks of code in README and docs/ that tests run as a reader would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
WEBHOOKS = ROOT / "docs" / "webhooks.md"
README = ROOT / "README.md"
SECURITY = ROOT / "docs" / "security.md"
OPERATIONS = ROOT / "docs" / "operations.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(
    r"^(?:<!-- test: (?P<name>[\w-]+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code, where it stands, and the name that a comment before it gives it."""

    page: Path
    line: int
    language: str
    text: str
    name: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page in their order."""
    content = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(content):
        line = content.count("\n", 0, found.start("language")) + 1
        yield Block(page, line, found["language"], found["text"], found["name"] or "")


def block(name: str, page: Path = WEBHOOKS) -> str:
    """The block that the comment `test: NAME` stands before."""
    (text,) = (one.text for one in blocks(page) if one.name == name)
    return text


def section(page: Path, heading: str) -> list[Block]:
    """The blocks of a page below a heading of the second level."""
    before, _, rest = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    first = before.count("\n")
    last = first + rest.partition("\n## ")[0].count("\n") + 2
    return [one for one in blocks(page) if first < one.line <= last]


def tutorial() -> list[Block]:
    """What one types on a server, from nothing to a push that goes live."""
    return section(README, "Five minutes on a server")


def section_on_tls() -> list[Block]:
    """What one types and writes for a certificate."""
    return section(SECURITY, "TLS")


def commands(text: str) -> Iterator[str]:
    """The commands of a block: one a line, unless a line or a here-document goes on."""
    lines = iter(text.splitlines())
    for line in lines:
        command = line
        while command.endswith("\\"):
            command += "\n" + next(lines)
        if here := re.search(r"<<'(\w+)'", command):
            for part in lines:
                command += "\n" + part
                if part == here[1]:
                    break
        if command.strip() and not command.startswith("#"):
            yield command


def deploy_step() -> dict[str, Any]:
    """The step of GitHub Actions that deploys and waits."""
    (step,) = (one for one in yaml.safe_load(block("actions")) if one["name"] == "Deploy")
    assert isinstance(step, dict)
    return step
