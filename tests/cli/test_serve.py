"""`deployer serve` for real: two processes, their rights, and what happens when one dies."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.lab.deployer import Deployer
from tests.lab.user import RECEIVER_USER, make_folder
from tests.web.receiver import push, wait_until

pytestmark = [
    pytest.mark.lab,
    pytest.mark.root,
]

CONFIG = """
receiver: {operator_token_file: secrets/operator.token}
hooks: {dockerhub: {token_file: secrets/dockerhub.token}}
apps: {web: {image: acme/shop, tags: [latest]}}
"""
DOCKER_SOCKET = "/var/run/docker.sock"
CONNECT = (
    "import errno, socket, sys\n"
    "with socket.socket(socket.AF_UNIX) as one:\n"
    "    sys.exit(one.connect_ex(sys.argv[1]) != errno.EACCES)\n"
)


class Served:
    """A `deployer serve` that runs, and its processes."""

    def __init__(self, deployer: Deployer) -> None:
        self.deployer = deployer

    @property
    def parent(self) -> int:
        assert self.deployer.process is not None
        return self.deployer.process.pid

    def child(self, name: str) -> int:
        """The newest child of that name."""
        lines = map(json.loads, self.deployer.log.read_text().splitlines())
        started = [line for line in lines if line["event"] == "child started"]
        return [int(line["pid"]) for line in started if line["child"] == name][-1]

    def receivers(self) -> list[int]:
        """All processes of the receiver: gunicorn's master leads their session."""
        leader = self.child("receiver")
        return [pid for pid in processes() if session_of(pid) == leader]


def processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def session_of(pid: int) -> int | None:
    """The session of a process that lives."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[3])


def lives(pid: int) -> bool:
    return session_of(pid) is not None


def status(pid: int) -> dict[str, str]:
    pairs = (each.partition(":") for each in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: value.strip() for name, _, value in pairs}


@contextmanager
def served(name: str, *launcher: str, owner: str = "root") -> Iterator[Served]:
    folder = make_folder(name)
    deployer = Deployer(folder, name, config=CONFIG)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, owner)
    try:
        deployer.start(launcher)
        yield Served(deployer)
    finally:
        deployer.clean()


@pytest.fixture(scope="module")
def rooted() -> Iterator[Served]:
    """Started by a root who is in group docker, with a file open and Docker's address set."""
    docker = str(grp.getgrnam("docker").gr_gid)
    open_file = ("sh", "-c", 'exec 7</etc/shadow; exec "$@"', "sh")
    settings = ("env", f"DOCKER_HOST=unix://{DOCKER_SOCKET}", "PYTHONPATH=/nowhere")
    with served("serve-rights", "setpriv", "--groups", docker, *open_file, *settings) as one:
        yield one


def test_no_process_of_the_receiver_has_a_right_that_it_does_not_need(rooted: Served) -> None:
    account = pwd.getpwnam(RECEIVER_USER)
    pids = rooted.receivers()
    assert len(pids) == 2, "gunicorn's master and its worker"
    for pid in pids:
        found = status(pid)
        assert found["Uid"].split() == [str(account.pw_uid)] * 4
        assert found["Gid"].split() == [str(account.pw_gid)] * 4
        assert found["Groups"] == ""
        assert found["NoNewPrivs"] == "1"
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(found[name], 16) == 0


def test_with_the_receivers_rights_dockers_socket_refuses_a_connection(rooted: Served) -> None:
    found = status(rooted.receivers()[0])
    uid, gid = found["Uid"].split()[0], found["Gid"].split()[0]
    rights = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--inh-caps=-all"]
    command = [*rights, "env", sys.executable, "-I", "-c", CONNECT, DOCKER_SOCKET]
    assert subprocess.run(command, cwd="/", check=False).returncode == 0


def test_the_receiver_inherits_no_folder_no_environment_and_no_open_file(rooted: Served) -> None:
    for pid in rooted.receivers():
        process = Path(f"/proc/{pid}")
        environ = process.joinpath("environ").read_bytes()
        for name in (b"DOCKER_HOST", b"DEPLOYER_", b"PYTHONPATH"):
            assert name not in environ
        assert (process / "cwd").readlink() == Path("/")
        opened = {str(each.readlink()) for each in (process / "fd").iterdir()}
        assert "/etc/shadow" not in opened
        files = {path for path in opened if path.startswith("/") and "wgunicorn" not in path}
        state = rooted.deployer.folder / "state"
        allowed = {"/dev/null", str(rooted.deployer.log)}
        assert {
            path for path in files if not path.startswith(str(state / "deployer.db"))
        } <= allowed


def test_the_worker_keeps_the_rights_of_root(rooted: Served) -> None:
    assert status(rooted.child("worker"))["Uid"].split() == ["0"] * 4


def test_the_receiver_may_read_neither_the_configuration_nor_the_secrets(rooted: Served) -> None:
    account = pwd.getpwnam(RECEIVER_USER)
    for path in (rooted.deployer.folder / "secrets", rooted.deployer.folder / "state" / "worker"):
        command = ["setpriv", f"--reuid={account.pw_uid}", "--clear-groups", "ls", str(path)]
        ran = subprocess.run(command, capture_output=True, check=False)
        assert b"Permission denied" in ran.stderr


@pytest.mark.parametrize("name", ["receiver", "worker"])
def test_a_child_that_is_killed_is_back_at_once(rooted: Served, name: str) -> None:
    killed = rooted.child(name)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: rooted.child(name) != killed, f"a new {name}")
    wait_until(lambda: rooted.deployer.api("apps") is not None, "the receiver's answer")
    assert lives(rooted.child("receiver"))
    assert lives(rooted.child("worker"))


def test_sighup_without_a_change_changes_nothing(rooted: Served) -> None:
    """No process dies of it, wherever it is sent: a closed terminal sends it to all."""
    pids = [rooted.parent, rooted.child("worker"), *rooted.receivers()]
    # Seen in the masks of the kernel: bit 0 is SIGHUP (proc(5)).
    wait_until(lambda: all(minds_sighup(pid) for pid in pids), "SIGHUP ignored or handled")
    # A worker that has just been born ignores it, as it reads the configuration anyway.
    wait_until(lambda: minds_sighup(pids[1], "SigCgt"), "the worker's handler")
    before = said(rooted, "configuration read")
    for pid in pids:
        os.kill(pid, signal.SIGHUP)
    wait_until(lambda: said(rooted, "configuration read") > before, "the worker's look")
    assert rooted.deployer.api("apps") is not None
    assert [rooted.parent, rooted.child("worker"), *rooted.receivers()] == pids


def minds_sighup(pid: int, *how: str) -> bool:
    found = status(pid)
    return any(int(found[mask], 16) & 1 for mask in how or ("SigIgn", "SigCgt"))


def said(one: Served, event: str) -> int:
    """How many lines of the log are about this."""
    lines = map(json.loads, one.deployer.log.read_text().splitlines())
    return sum(line["event"] == event for line in lines)


def test_if_the_parent_is_killed_all_its_processes_end() -> None:
    with served("serve-orphans") as one:
        pids = [*one.receivers(), one.child("worker")]
        os.kill(one.parent, signal.SIGKILL)
        wait_until(lambda: not any(lives(pid) for pid in pids), "the end of every process")


def test_a_stop_ends_all_processes_and_then_the_parent_with_0() -> None:
    with served("serve-stop") as one:
        pids = [*one.receivers(), one.child("worker")]
        assert one.deployer.stop(signal.SIGTERM) == 0
        assert not any(lives(pid) for pid in pids)


def test_an_ordinary_user_gets_both_processes_and_is_told_that_they_are_not_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is started in a folder that only root can enter."""
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    account = pwd.getpwnam(RECEIVER_USER)
    launcher = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}")
    with served("serve-ordinary", *launcher, "--clear-groups", owner=RECEIVER_USER) as one:
        for pid in (*one.receivers(), one.child("worker")):
            assert status(pid)["Uid"].split() == [str(account.pw_uid)] * 4
        said = [json.loads(line) for line in one.deployer.log.read_text().splitlines()]
        (told,) = [line for line in said if line["event"] == "one user for both"]
        assert told["why"] == "serve was not started as root"
        assert told["uid"] == account.pw_uid


def test_what_is_posted_reaches_the_store_that_both_share(rooted: Served) -> None:
    connection = HTTPConnection("127.0.0.1", rooted.deployer.receiver_port, timeout=20)
    try:
        connection.request("POST", f"/hooks/dockerhub/{rooted.deployer.token}", push("latest"))
        answer = connection.getresponse()
        content = json.loads(answer.read())
    finally:
        connection.close()
    assert answer.status == 202
    (queued,) = content["deployments"]
    ended = rooted.deployer.wait_ended(queued["id"])
    assert ended["delivery"] == content["delivery"]
