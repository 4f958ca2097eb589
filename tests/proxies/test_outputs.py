"""Files of `outputs:` are written whole, only when they differ, and nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.config.values import Output
from deployer.errors import DeployerError
from deployer.ports import OutputApp, OutputReplica
from deployer.proxies.outputs import OutputFiles

APP = OutputApp(
    name="web",
    image="docker.io/acme/web",
    tag="latest",
    digest=f"sha256:{1:064}",
    release=3,
    deployment=7,
    hosts=["web.example.com"],
    path="/",
    port=8080,
    labels={},
    replicas=[OutputReplica("web-7-1", "10.0.0.2", 8080, "healthy")],
)
TEMPLATE = "{% for app in apps %}{{ app.name }} {{ app.replicas[0].address }}\n{% endfor %}"


class Place:
    """A template, the folder of its file, and the writer's notes."""

    def __init__(self, path: Path) -> None:
        self.template = path / "templates" / "a.j2"
        self.target = path / "etc"
        for folder in (self.template.parent, self.target):
            folder.mkdir()
        self.template.write_text(TEMPLATE)
        self.notes = path / "notes"
        self.files = OutputFiles(self.notes)

    def output(self, **more: object) -> Output:
        """An output of the template, with a container."""
        known = {"name": "one", "template": self.template, "file": self.target / "a.txt"}
        return Output.model_validate({**known, "container": "edge", "signal": "HUP", **more})

    def write(self, *apps: OutputApp, **more: object) -> bool:
        """Write it with these apps."""
        return self.files.write(self.output(**more), apps)

    def refused(self, **more: object) -> str:
        """Why it is not written; nothing is then noted or left behind."""
        before = sorted(self.target.rglob("*"))
        with pytest.raises(DeployerError) as caught:
            self.write(APP, **more)
        assert sorted(self.target.rglob("*")) == before
        assert self.files.untold(self.output()) == ""
        return str(caught.value)


def state(file: Path) -> tuple[int, int]:
    """Which file it is and when it was last changed; reading it does not count."""
    found = file.stat()
    return found.st_ino, found.st_ctime_ns


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_is_written_with_its_rights_and_nothing_else_is_left_in_its_folder(
    place: Place,
) -> None:
    assert place.write(APP, mode=0o640)
    (file,) = place.target.iterdir()
    assert file.read_text() == "web 10.0.0.2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_is_the_same_is_not_touched(place: Place) -> None:
    assert place.write(APP)
    before = state(place.target / "a.txt")
    assert not place.write(APP)
    assert state(place.target / "a.txt") == before


def test_another_text_other_rights_or_somebody_elses_change_are_put_right(place: Place) -> None:
    file = place.target / "a.txt"
    file.write_text("what was there before\n")
    assert place.write(APP)
    file.chmod(0o600)
    assert place.write(APP)
    file.write_text("web 10.0.0.9\n")
    assert place.write(APP)
    assert place.write()
    assert file.read_text() == ""


def test_who_has_the_old_file_open_keeps_the_whole_of_it(place: Place) -> None:
    place.write(APP)
    with (place.target / "a.txt").open() as reader:
        place.write()
        assert reader.read() == "web 10.0.0.2\n"


def test_what_a_killed_worker_left_is_taken_away(place: Place) -> None:
    (place.target / ".a.txt.deployer").write_text("half of")
    place.write(APP)
    assert [one.name for one in place.target.iterdir()] == ["a.txt"]


def link_of_the_file(place: Place) -> None:
    (place.target / "elsewhere").write_text("mine")
    (place.target / "a.txt").symlink_to(place.target / "elsewhere")


def link_of_the_folder(place: Place) -> None:
    place.target.rename(place.target.with_name("real"))
    place.target.symlink_to(place.target.with_name("real"))


def folder_instead(place: Place) -> None:
    (place.target / "a.txt").mkdir()


def pipe(place: Place) -> None:
    os.mkfifo(place.target / "a.txt")


def open_folder(place: Place) -> None:
    place.target.chmod(0o1777)


def open_above(place: Place) -> None:
    place.target.parent.chmod(0o777)


def no_folder(place: Place) -> None:
    place.target.rmdir()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (link_of_the_file, "is a symlink or no file"),
        (link_of_the_folder, "is a symlink or no folder"),
        (folder_instead, "is a symlink or no file"),
        (pipe, "is a symlink or no file"),
        (open_folder, "everybody may write in the folder"),
        (open_above, "everybody may write in the folder"),
        (no_folder, "does not exist. Make it"),
    ],
)
def test_what_could_lead_elsewhere_or_is_not_there_is_refused(
    place: Place, spoil: Callable[[Place], None], why: str
) -> None:
    spoil(place)
    assert why in place.refused()


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a\n{% for %}", 2, "cannot be rendered"),
        ("{{ application }}", 1, "'application' is undefined"),
        ("\n\n{{ apps[0].environment }}", 3, "environment"),
        ("{{ apps[0].secrets | tojson }}", 1, "cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}", 1, "unsafe"),
    ],
)
def test_a_broken_template_is_named_with_its_line_and_the_file_stays(
    place: Place, text: str, line: int, why: str
) -> None:
    place.template.write_text(text)
    reason = place.refused()
    assert f"{place.template}:{line}" in reason
    assert why in reason


def test_a_template_that_others_could_change_is_not_used(place: Place) -> None:
    place.template.chmod(0o666)
    assert f"chmod o-w {place.template}" in place.refused()
    place.template.chmod(0o644)
    place.template.parent.chmod(0o777)
    assert f"chmod o-w {place.template.parent}" in place.refused()
    place.template.parent.chmod(0o755)
    place.template.rename(place.template.with_name("b.j2"))
    assert "cannot be read" in place.refused()
    place.template.symlink_to("b.j2")
    assert "is a symlink" in place.refused()


def test_who_is_to_be_told_is_known_to_the_next_worker_until_that_is_done(place: Place) -> None:
    output = place.output()
    assert place.files.untold(output) == ""
    place.write(APP)
    later = OutputFiles(place.notes)
    mark = later.untold(output)
    assert mark
    place.write()
    later.told(output, mark)
    newer = later.untold(output)
    assert newer not in ("", mark)
    later.told(output, newer)
    assert later.untold(output) == ""


def test_a_note_that_was_not_written_to_its_end_counts(place: Place) -> None:
    place.write(APP)
    (note,) = place.notes.iterdir()
    note.write_text("")
    assert place.files.untold(place.output())
    assert stat.S_IMODE(place.notes.stat().st_mode) == 0o700


def test_nothing_is_noted_where_nobody_is_to_be_told(place: Place) -> None:
    place.write(APP, container=None, signal=None)
    assert place.files.untold(place.output()) == ""
