"""Reads the blocks of code in docs/ that tests run as a reader would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

WEBHOOKS = Path(__file__).parent.parent / "docs" / "webhooks.md"
_BLOCK = re.compile(r"<!-- test: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)


def block(name: str) -> str:
    """The block of docs/webhooks.md that the comment `test: NAME` stands before."""
    found: dict[str, str] = dict(_BLOCK.findall(WEBHOOKS.read_text(encoding="utf-8")))
    return found[name]


def deploy_step() -> dict[str, Any]:
    """The step of GitHub Actions that deploys and waits."""
    (step,) = (one for one in yaml.safe_load(block("actions")) if one["name"] == "Deploy")
    assert isinstance(step, dict)
    return step
