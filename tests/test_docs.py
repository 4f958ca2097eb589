"""What the documentation says is so."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from deployer.cli import COMMANDS
from deployer.deployment import ALLOWED, Status, Step
from tests.docs import PAGES, ROOT, blocks

INTERNALS = (ROOT / "docs" / "internals.md").read_text()
NAMES = sorted(set(re.findall(r"`(deployer(?:\.\w+)+)`", INTERNALS)) - {"deployer.db"})
MOST_HOPS = 12


def resolve(name: str) -> object:
    """The module, class or function of that full name."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[end:]:
            found = getattr(found, attribute)
        return found
    raise AssertionError(f"no module of {name} exists")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_internals_exists(name: str) -> None:
    assert resolve(name)


def test_the_walk_names_a_function_per_hop_and_ends_at_the_reload_in_at_most_twelve() -> None:
    hops = re.findall(r"^(\d+)\. `(deployer\.[\w.]+)`", INTERNALS, re.MULTILINE)
    assert [int(number) for number, _ in hops] == list(range(1, len(hops) + 1))
    assert all(callable(resolve(name)) for _, name in hops)
    assert hops[-1][1].endswith(".reload")
    assert len(hops) <= MOST_HOPS


def test_the_state_diagram_shows_just_the_arrows_that_the_code_allows() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", INTERNALS, re.MULTILINE))
    assert drawn == {(before, after) for before, arrows in ALLOWED.items() for after in arrows}


def test_every_status_and_step_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", INTERNALS))
    assert {*Status, *Step} <= explained


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_of_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """What a link to this page can have behind `#`, as GitHub makes it of headings."""
    text = page.read_text()
    for one in blocks(page):
        text = text.replace(one.text, "")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_headings_lead_to_one(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]*)\)", page.read_text()):
        there = (page.parent / target).resolve() if target else page
        assert anchor in anchors(there), f"{page.name} links to {target}#{anchor}"


def test_every_command_that_the_readme_shows_exists_and_each_is_shown() -> None:
    known = {name for section in COMMANDS.values() for name in section}
    readme = (ROOT / "README.md").read_text()
    assert set(re.findall(r"(?:^|`)deployer ([a-z]+)", readme, re.MULTILINE)) <= known
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert {name for name in known if f"`{name}`" not in changelog} == set()


def test_make_shows_the_targets_that_the_readme_names() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text())) <= targets
