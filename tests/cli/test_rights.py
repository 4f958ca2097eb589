"""Whom the receiver runs as, and what is refused before anything is started."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.cli.rights import (
    bare,
    bare_environment,
    receiver_account,
    receivers_group,
    tied,
)
from deployer.errors import ConfigError
from tests.lab.user import RECEIVER_USER, ensure_receiver_user
from tests.web.receiver import REPOSITORY

as_root = pytest.mark.root


@as_root
def test_a_user_that_does_not_exist_is_refused_with_the_command_that_makes_it() -> None:
    with pytest.raises(ConfigError, match="there is no user nobody-here") as refused:
        receiver_account("nobody-here")
    assert "useradd --system" in str(refused.value)
    assert str(refused.value).endswith(" nobody-here")


@as_root
def test_root_is_refused() -> None:
    with pytest.raises(ConfigError, match="root"):
        receiver_account("root")


@as_root
def test_a_user_has_its_own_primary_group() -> None:
    ensure_receiver_user()
    entry = pwd.getpwnam(RECEIVER_USER)
    account = receiver_account(RECEIVER_USER)
    assert account is not None
    assert (account.uid, account.gid) == (entry.pw_uid, entry.pw_gid)


@pytest.fixture
def socket_of_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A socket of root's at which DOCKER_HOST says that Docker listens."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o660)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield path


@as_root
@pytest.mark.parametrize(
    ("owner", "group", "mode", "why"),
    [
        (True, False, 0o600, "belongs to it"),
        (False, True, 0o660, "belongs to its primary group"),
        (False, False, 0o666, "everybody may open"),
    ],
)
def test_a_user_that_may_open_dockers_socket_is_refused(
    socket_of_docker: Path, owner: bool, group: bool, mode: int, why: str
) -> None:
    ensure_receiver_user()
    entry = pwd.getpwnam(RECEIVER_USER)
    assert receiver_account(RECEIVER_USER) is not None
    os.chown(socket_of_docker, owner and entry.pw_uid, group and entry.pw_gid)
    socket_of_docker.chmod(mode)
    with pytest.raises(ConfigError, match=f"may open Docker's socket, because .*{why}"):
        receiver_account(RECEIVER_USER)


@pytest.fixture
def user_of_group_docker() -> Iterator[str]:
    name = "deployer-in-docker"
    subprocess.run(["groupadd", "--force", "--system", "docker"], check=True)
    made = ["--system", "--no-create-home", "--no-user-group", "--gid", "docker", name]
    subprocess.run(["useradd", *made], check=True, capture_output=True)
    yield name
    subprocess.run(["userdel", name], check=True, capture_output=True)


@as_root
@pytest.mark.lab
def test_a_user_whose_primary_group_is_docker_is_refused(user_of_group_docker: str) -> None:
    with pytest.raises(ConfigError, match="its primary group is docker"):
        receiver_account(user_of_group_docker)


def status_of(command: list[str]) -> dict[str, str]:
    ran = subprocess.run(
        [*command, "cat", "/proc/self/status"], capture_output=True, text=True, check=True
    )
    pairs = (line.partition(":") for line in ran.stdout.splitlines())
    return {name: value.strip() for name, _, value in pairs}


@as_root
def test_the_receivers_process_has_no_group_and_no_capability_left() -> None:
    ensure_receiver_user()
    account = receiver_account(RECEIVER_USER)
    assert account is not None
    with_groups = ["setpriv", "--groups", "0,1,2"]
    status = status_of([*with_groups, *tied("TERM"), *bare(account)])
    assert status["Uid"].split() == [str(account.uid)] * 4
    assert status["Gid"].split() == [str(account.gid)] * 4
    assert status["Groups"] == ""
    assert status["NoNewPrivs"] == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0


def test_its_environment_names_neither_docker_nor_python_nor_deployer() -> None:
    assert set(bare_environment()) == {"PATH", "LANG"}


CONFIG = """
receiver: {{user: {user}, operator_token_file: token}}
paths: {{state: {state}}}
hooks: {{dockerhub: {{token_file: token}}}}
apps: {{}}
"""


def serve(
    tmp_path: Path, user: str, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "token").write_text("0123456789abcdefghijklmnopqrstuvwxyzABCD\n")
    (tmp_path / "token").chmod(0o600)
    config = tmp_path / "config.yml"
    config.write_text(CONFIG.format(user=user, state=tmp_path / "state"))
    return subprocess.run(
        [python, "-m", "deployer", "--config", str(config), "serve"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        check=False,
    )


@as_root
@pytest.mark.parametrize("user", ["nobody-here", "root"])
def test_serve_starts_nothing_with_a_user_that_cannot_be(tmp_path: Path, user: str) -> None:
    ended = serve(tmp_path, user)
    assert ended.returncode == 2
    assert "receiver.user: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "state").exists()


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[str]:
    """A Python with deployer in it, in a folder that only root can enter."""
    folder = tmp_path / "closed"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text(f"{REPOSITORY}\n{sysconfig.get_path('purelib')}\n")
    folder.chmod(0o700)
    yield str(folder / "bin" / "python")
    shutil.rmtree(folder)


@as_root
def test_serve_refuses_to_start_if_the_user_cannot_import_the_package(
    tmp_path: Path, closed: str
) -> None:
    ensure_receiver_user()
    ended = serve(tmp_path, RECEIVER_USER, closed)
    assert ended.returncode == 2
    assert f"{RECEIVER_USER} cannot import deployer" in ended.stderr
    assert "Permission denied" in ended.stderr
    assert closed in ended.stderr
    assert "never runs as root" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "state").exists()


@as_root
def test_a_worker_by_itself_shares_the_store_with_the_receivers_group_if_there_is_such_a_user() -> (
    None
):
    ensure_receiver_user()
    assert receivers_group(RECEIVER_USER) == pwd.getpwnam(RECEIVER_USER).pw_gid
    assert receivers_group("nobody-here") is None


@as_root
def test_a_worker_by_itself_does_not_share_the_store_with_root() -> None:
    with pytest.raises(ConfigError, match="root"):
        receivers_group("root")
