"""Reports and checks: what a finding says, and that nothing that hangs hangs the doctor."""

from __future__ import annotations

import threading

from deployer.doctor.concurrent import Check, run
from deployer.doctor.report import Report
from deployer.errors import RegistryDenied


def test_the_last_sentence_of_an_error_is_what_to_do() -> None:
    report = Report()
    report.error("registry", RegistryDenied("cannot get x: it refuses. It did. Set its login"))
    (finding,) = report.findings
    assert (finding.what, finding.advice) == ("cannot get x: it refuses. It did", "Set its login")


def test_a_note_is_no_problem() -> None:
    report = Report()
    report.note("nginx", "it is old", "take a newer one")
    assert report.problems == []
    assert report.document()["findings"][0]["severity"] == "note"


def test_a_check_that_hangs_is_a_finding_and_the_others_are_heard() -> None:
    end = threading.Event()

    def hangs(_: Report) -> None:
        end.wait()

    try:
        whole = run(
            [
                Check("docker", hangs, limit=0.05),
                Check("store", lambda report: report.problem("store", "full", "make room")),
            ]
        )
    finally:
        end.set()
    assert [one.subject for one in whole.problems] == ["docker", "store"]
    assert "did not answer within 0.05 s" in whole.problems[0].what


def test_an_error_of_one_check_spares_the_others() -> None:
    def refused(_: Report) -> None:
        raise PermissionError(13, "Permission denied", "/state")

    def fine(report: Report) -> None:
        report.facts["users"] = "root"

    whole = run([Check("store", refused), Check("users", fine)])
    assert whole.facts == {"users": "root"}
    assert "Permission denied (/state)" in whole.problems[0].what
