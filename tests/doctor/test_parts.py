"""The pure parts: mounts, ports, clocks, disks, versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.doctor.docker import Docker, look, look_at_clock, look_at_disk
from deployer.doctor.files import GIB, file_system, locks_safely
from deployer.doctor.needs import other_containers
from deployer.doctor.nginx import look_at_version
from deployer.doctor.ports import listening
from deployer.doctor.report import Report
from deployer.doctor.store import schema_of
from deployer.errors import StoreUnusable
from deployer.ports import NginxFacts
from deployer.spec import Spec
from deployer.stores.schema import SCHEMA, migrate

MOUNTS = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /srv\040data rw shared:1 - nfs4 server:/x rw
31 22 0:41 / /srv rw - xfs /dev/vdb rw
"""
TCP = """  sl  local_address rem_address   st tx_queue tr tm->when retrnsmt uid timeout inode
   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:1388 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/lib", "ext4"), ("/srv/state", "xfs"), ("/srv data/state", "nfs4"), ("/srvx", "ext4")],
)
def test_a_path_has_the_file_system_of_the_nearest_mount(path: str, kind: str) -> None:
    assert file_system(MOUNTS, Path(path)) == kind


def test_sqlite_is_not_trusted_to_lock_on_a_network_file_system() -> None:
    assert not locks_safely("nfs4")
    assert locks_safely("ext4")


def test_only_a_socket_that_listens_holds_a_port() -> None:
    assert listening(TCP, 5000) == ["4711"]
    assert listening(TCP, 5001) == []


@pytest.mark.parametrize(("later", "problems"), [(1.0, 0), (-60.0, 1), (3600.0, 1)])
def test_a_clock_that_differs_is_a_problem(later: float, problems: int) -> None:
    report = Report()
    look_at_clock("2026-11-21T03:00:00.123456789Z", 1795230000.0 + later, report)
    assert len(report.problems) == problems


@pytest.mark.parametrize(
    ("free", "share", "problems"), [(50 * GIB, 0.5, 0), (GIB, 0.5, 1), (9 * GIB, 0.05, 1)]
)
def test_docker_needs_two_gib_and_a_tenth_of_its_disk(
    free: int, share: float, problems: int
) -> None:
    report = Report()
    look_at_disk(Path("/x"), free, share, report)
    assert len(report.problems) == problems


@pytest.mark.parametrize(("version", "problems"), [("19.03.9", 1), ("20.10.24+dfsg1", 0)])
def test_docker_is_20_10_or_newer(version: str, problems: int) -> None:
    report = Report()
    info = {"DockerRootDir": "/nonexistent", "Driver": "overlay2"}
    look(Docker(info, {"Version": version, "ApiVersion": "1.41"}), report)
    assert len(report.problems) == problems
    assert report.facts["docker"] == f"{version}, API 1.41, storage driver overlay2"


@pytest.mark.parametrize(
    ("version", "severities"),
    [((1, 20, 9), ["problem"]), ((1, 22, 1), ["note"]), ((1, 27, 4), []), ((1, 30, 0), [])],
)
def test_an_old_nginx_is_a_note_and_a_very_old_one_a_problem(
    version: tuple[int, int, int], severities: list[str]
) -> None:
    report = Report()
    look_at_version(NginxFacts(version, "nginx"), "container", report)
    assert [one.severity for one in report.findings] == severities


def test_namespaces_of_other_containers_are_seen() -> None:
    spec = replace(Spec(), network_mode="container:db", ipc="host", pid="container:agent")
    assert list(other_containers(spec)) == [("network_mode", "db"), ("pid", "agent")]


def test_a_store_is_read_without_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "state" / "deployer.db"
    migrate(path)
    before = sorted(path.parent.iterdir())
    assert schema_of(path) == SCHEMA
    assert sorted(path.parent.iterdir()) == before


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "deployer.db"
    path.write_text("this is no database, whatever its name says" * 50)
    with pytest.raises(StoreUnusable, match="damaged"):
        schema_of(path)
