"""No block of code in README or docs/ that no test runs or loads."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deployer.config import load
from deployer.config.secrets import token_hashes
from deployer.config.values import Paths
from tests.docs import (
    OPERATIONS,
    PAGES,
    ROOT,
    SECURITY,
    Block,
    block,
    blocks,
    commands,
    section_on_tls,
    tutorial,
)

BLOCKS = [one for page in PAGES for one in blocks(page)]
TYPED = [*tutorial(), *blocks(OPERATIONS), *section_on_tls()]
"""Blocks whose commands are typed one by one by tests/engine/test_tutorial.py."""

OTHERS = {"actions", "notifications"}
"""Snippets of what is no configuration of ours."""

DRAWINGS = {"", "mermaid"}
UNIT = ROOT / "examples" / "systemd" / "deployer.service"
SYSTEMD = {
    "Unit": {"Description", "Wants", "After"},
    "Service": {
        "ExecStart", "ExecStartPre", "ExecReload", "ExecStop", "PIDFile", "Restart", "RestartSec",
        "RestartPreventExitStatus", "KillMode",
    },
    "Install": {"WantedBy"},
}  # fmt: skip
ELSEWHERE = {"deployer serve": "tests/lab/deployer.py"}
"""Commands that many tests run, and where."""

HERE = re.compile(r"(python3 -c '|echo |printf )")
"""Commands that need nothing: they make tokens and secrets, and are run below."""


def plain(command: str) -> str:
    """A command without the comment behind it."""
    return re.sub(r"\s+# .*$", "", command)


TYPED_COMMANDS = {
    plain(command) for one in TYPED if one.language == "console" for command in commands(one.text)
}
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
NAMES_IN_TESTS = {
    name
    for path in (ROOT / "tests").rglob("*.py")
    for name in re.findall(r'"([\w-]+)"', path.read_text(encoding="utf-8"))
}


def why_not(one: Block) -> str:
    """Why no test covers the block; "" where one does."""
    if one.name:
        return "" if one.name in NAMES_IN_TESTS else f"no test uses the name {one.name}"
    if one.language in ("yaml", "ini"):
        return ""
    if one.language in DRAWINGS:
        is_drawn = one.language or re.search("[─│┌└▶]", one.text)
        return "" if is_drawn else "a block without a language is for drawings"
    if one.language != "console":
        return f"a block of {one.language} needs a name (<!-- test: NAME -->) that a test uses"
    missing = [command for command in commands(one.text) if not covered(plain(command))]
    return f"no test runs: {missing}" if missing else ""


def covered(command: str) -> bool:
    """Whether some test runs the command, or it is one of make's targets."""
    made = re.fullmatch(r"make ([a-z]+)(?: [A-Z]+=\w+)?", command)
    if made:
        return made[1] in TARGETS
    return command in TYPED_COMMANDS or command in ELSEWHERE or bool(HERE.match(command))


@pytest.mark.parametrize("one", BLOCKS, ids=str)
def test_every_block_is_run_or_loaded_by_a_test(one: Block) -> None:
    assert why_not(one) == ""


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("console", "rm -rf /tmp/nobody-runs-this\n", ""),
        ("console", "make nonsense\n", ""),
        ("sh", "deployer check\n", ""),
        ("", "deployer check\n", ""),
        ("json", "{}\n", ""),
        ("yaml", "a: b\n", "no-such" + "-name"),
    ],
)
def test_a_block_that_nothing_covers_is_found(language: str, text: str, name: str) -> None:
    assert why_not(Block(ROOT / "README.md", 1, language, text, name))


def test_the_reader_of_blocks_misses_none() -> None:
    for page in PAGES:
        fences = re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(list(blocks(page))), page.name


@pytest.mark.parametrize(
    "one", [one for one in BLOCKS if one.language == "yaml" and one.name not in OTHERS], ids=str
)
def test_every_snippet_of_configuration_loads(one: Block, tmp_path: Path) -> None:
    """With the files that it names; a snippet is a config.yml, or sections of one."""
    (tmp_path / "config.yml").write_text(one.text)
    (tmp_path / "compose.yml").write_text(
        "services: {web: {image: docker.io/acme/shop, build: ., depends_on: [db]}}\n"
    )
    config = load(tmp_path / "config.yml", {}, part="public")
    written = yaml.safe_load(one.text)
    assert set(written.get("apps", {})) == set(config.apps)
    assert set(written.get("hooks", {})) == set(config.hooks)


@pytest.mark.parametrize(
    ("page", "command"),
    [
        (one.page.name, plain(command))
        for one in BLOCKS
        if one.language == "console" and one not in TYPED and not one.name
        for command in commands(one.text)
        if HERE.match(command)
    ],
)
def test_a_command_that_makes_a_secret_makes_one_that_is_accepted(
    page: str, command: str, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir()
    there = command.replace("/etc/deployer/", "")
    subprocess.run(["bash", "-ec", there], cwd=tmp_path, check=True, timeout=30)
    (made,) = (tmp_path / "secrets").iterdir()
    key = "secret_file" if made.suffix == ".secret" else "token_file"
    (tmp_path / "config.yml").write_text(
        f"hooks: {{ci: {{source: generic, {key}: secrets/{made.name}}}}}\n"
    )
    load(tmp_path / "config.yml", {}, part="receiver")


def test_the_hash_that_the_page_makes_stands_for_the_token(tmp_path: Path) -> None:
    made = subprocess.run(
        ["bash", "-ec", block("token-hash", SECURITY)],
        env={**os.environ, "TOKEN": "a-token-of-enough-characters-7Qx2"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    (tmp_path / "token").write_text("a-token-of-enough-characters-7Qx2\n")
    (tmp_path / "hash").write_text(f"sha256:{made.stdout.split()[0]}\n")
    token, hashed = (token_hashes([tmp_path / name]) for name in ("token", "hash"))
    assert token == hashed
    assert hashed[1] == []


def units() -> dict[str, str]:
    """systemd's files of the project: the unit, and the drop-in of docs/nginx.md."""
    shown = {str(one): one.text for one in BLOCKS if one.language == "ini"}
    return {str(UNIT): UNIT.read_text(encoding="utf-8"), **shown}


@pytest.mark.parametrize("text", units().values(), ids=units().keys())
def test_systemd_knows_every_key_of_a_unit(text: str) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    assert parser.sections()
    for section in parser.sections():
        assert set(parser[section]) <= SYSTEMD[section]


def test_the_drop_in_runs_the_configuration_that_deployer_writes() -> None:
    (drop_in,) = (one.text for one in BLOCKS if one.language == "ini")
    folder = Paths().nginx
    assert f"PIDFile={folder}/nginx.pid\n" in drop_in
    assert f"ExecStart=/usr/sbin/nginx -c {folder}/current/nginx.conf\n" in drop_in


def test_systemd_itself_finds_nothing_wrong_with_the_unit_where_it_can_be_asked(
    tmp_path: Path,
) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/deployer/bin/deployer", "/bin/true"))
    program = shutil.which("systemd-analyze")
    asked = subprocess.run(
        [program, "verify", str(unit)] if program else ["true"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (asked.returncode, unit.name in asked.stderr) == (0, False), asked.stderr
