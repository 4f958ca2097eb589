"""Generations on disk: complete or not there, current in one step, ours alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from deployer.errors import ProxyError
from deployer.proxies.generations import KEPT, Generations

FILES = {"nginx.conf": "one\n", "mime.types": "types\n", "sites/web.conf": "web\n"}


@pytest.fixture
def generations(tmp_path: Path) -> Generations:
    made = Generations(tmp_path / "nginx")
    made.prepare()
    return made


def test_what_is_written_is_read_back(generations: Generations) -> None:
    generations.write(1, FILES, None)
    assert generations.files(1) == FILES
    assert generations.files(2) == {}


def test_a_file_that_somebody_changed_is_read_anew_also_where_it_is_as_long(
    generations: Generations,
) -> None:
    generations.write(1, FILES, None)
    assert generations.files(1) == FILES
    generations.write(2, FILES, 1)
    generations.path(2).joinpath("sites/web.conf").write_text("ten\n")
    # It is the same file in both: one that did not change is a hard link.
    assert generations.files(2) == generations.files(1) == FILES | {"sites/web.conf": "ten\n"}


def test_current_is_none_until_a_generation_is_pointed_at(generations: Generations) -> None:
    generations.write(1, FILES, None)
    assert generations.current() is None
    generations.point(1)
    assert generations.current() == 1
    generations.point(None)
    assert generations.current() is None


def test_a_current_that_leads_nowhere_counts_as_none(generations: Generations) -> None:
    generations.write(1, FILES, None)
    generations.point(1)
    generations.remove(1)
    assert generations.current() is None


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        made = Generations(tmp_path / "nginx")
        made.prepare()
        made.write(1, FILES, None)
    finally:
        os.umask(before)
    modes = {
        stat.S_IMODE(path.stat().st_mode): path.is_dir() for path in (tmp_path / "nginx").rglob("*")
    }
    assert modes == {0o755: True, 0o644: False}


def test_a_link_that_a_crash_left_is_no_obstacle(tmp_path: Path, generations: Generations) -> None:
    (tmp_path / "nginx/.current.new").symlink_to("nowhere")
    generations.write(1, FILES, None)
    generations.point(1)
    assert generations.current() == 1


def test_pruning_spares_the_newest_and_the_current_one(generations: Generations) -> None:
    generations.write(1, FILES, None)
    generations.point(1)
    for number in range(2, KEPT + 4):
        generations.write(number, FILES, number - 1)
    generations.prune()
    assert generations.files(1) == FILES
    assert [n for n in range(2, KEPT + 4) if generations.files(n)] == list(range(4, KEPT + 4))


def test_a_symlink_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "nginx").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProxyError, match="symlink"):
        Generations(tmp_path / "nginx").prepare()


@pytest.mark.root
def test_a_folder_that_another_user_made_first_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nginx").mkdir()
    os.chown(tmp_path / "nginx", 1234, 1234)
    with pytest.raises(ProxyError, match="others than"):
        Generations(tmp_path / "nginx").prepare()


def test_a_file_that_is_a_symlink_is_refused(tmp_path: Path, generations: Generations) -> None:
    folder = generations.write(1, FILES, None)
    (folder / "sites/web.conf").unlink()
    (folder / "sites/web.conf").symlink_to("/etc/hostname")
    with pytest.raises(ProxyError, match=r"web\.conf is not used"):
        generations.files(1)


def test_a_disk_that_refuses_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProxyError, match=r"cannot prepare Nginx's configuration in .*: Not a dir"):
        Generations(tmp_path / "file/nginx").prepare()
