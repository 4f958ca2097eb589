"""What `outputs:` may say: who is told, which files may be written, which templates are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.conftest import Folder

APPS = "apps: {web: {image: a}}\n"
GOOD = "template: a.j2, file: /srv/a"


@pytest.fixture
def made(folder: Folder) -> Folder:
    folder.write("a.j2", "")
    return folder


def test_an_output_is_read_with_its_template_beside_config_yml(made: Folder) -> None:
    said = "{template: a.j2, file: /srv/a, mode: 0640, container: edge, signal: SIGHUP}"
    one = made.load(f"outputs: {{edge: {said}}}\n{APPS}").outputs["edge"]
    assert one.model_dump() == {
        "name": "edge",
        "template": made.path / "a.j2",
        "file": Path("/srv/a"),
        "mode": 0o640,
        "container": "edge",
        "signal": "HUP",
        "restart": False,
    }
    plain = made.load(f"outputs: {{edge: {{{GOOD}}}}}\n{APPS}").outputs["edge"]
    assert (plain.mode, plain.container, plain.signal) == (0o644, None, None)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("{file: /srv/a}", "template: this key is missing"),
        ("{template: a.j2}", "file: this key is missing"),
        ("{template: b.j2, file: /srv/a}", "template: there is no such file"),
        ("{template: a.j2, file: srv/a}", "file: not the path of a file that deployer can"),
        ("{template: a.j2, file: /srv/../a}", "file: not the path of a file that deployer"),
        ("{template: a.j2, file: /srv/a/}", "file: not the path of a file that deployer"),
        ("{template: a.j2, file: /var/lib/deployer/a}", "file: this is in deployer's own folder"),
        (f"{{{GOOD}, mode: '0666'}}", "mode: not a mode that this file can have"),
        (f"{{{GOOD}, mode: '4755'}}", "mode: not a mode that this file can have"),
        (f"{{{GOOD}, container: b}}", "container: not one way to tell it"),
        (f"{{{GOOD}, container: b, signal: HUP, restart: true}}", "container: not one way"),
        (f"{{{GOOD}, signal: HUP}}", "signal: there is no `container:` that this is for"),
        (f"{{{GOOD}, restart: true}}", "restart: there is no `container:` that this is for"),
        (f"{{{GOOD}, container: b, signal: KILL}}", "signal: not a signal that deployer sends"),
        (f"{{{GOOD}, container: deployer-nginx, signal: HUP}}", "container: deployer reloads"),
    ],
)
def test_what_cannot_be_is_named(made: Folder, said: str, line: str) -> None:
    [found] = made.problems(f"outputs: {{one: {said}}}\n{APPS}")
    assert found.startswith(f"config.yml:1: outputs.one.{line}")


def test_two_outputs_never_write_one_file(made: Folder) -> None:
    text = f"outputs:\n  one: {{{GOOD}}}\n  two: {{{GOOD}}}\n{APPS}"
    [found] = made.problems(text)
    assert found.startswith("config.yml:3: outputs.two.file: output one writes this file too")


@pytest.mark.parametrize("file", ["config.yml", "a.j2"])
def test_no_output_is_written_over_what_deployer_reads(made: Folder, file: str) -> None:
    path = made.path / file
    [found] = made.problems(f"outputs: {{one: {{template: a.j2, file: {path}}}}}\n{APPS}")
    assert found.startswith("config.yml:1: outputs.one.file: deployer reads this file")
