"""What the doctor says of reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.config.values import Destination
from deployer.doctor.report import Report
from deployer.doctor.reports import look
from deployer.notifiers.servers import Servers
from tests.notifiers.forge import REPOSITORIES, TOKEN, Forge, served


@pytest.fixture(params=sorted(REPOSITORIES))
def forge(request: pytest.FixtureRequest) -> Iterator[Forge]:
    with served(Forge(request.param)) as forge:
        yield forge


def examined(forge: Forge, token: Path, **changes: object) -> Report:
    """What is found of this server."""
    report = Report()
    known = {"kind": forge.kind, "repository": REPOSITORIES[forge.kind], "url": forge.url}
    to = Destination.model_validate({**known, "token_file": token, **changes})
    look("web", to, Servers("", limit=0.5), report)
    return report


def test_a_sound_one_is_a_fact_and_nobody_is_told_of_anything(forge: Forge, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    report = examined(forge, tmp_path / "token")
    assert report.facts == {"report web": f"{forge.kind} {REPOSITORIES[forge.kind]} is there"}
    assert report.problems == []
    assert [one.what for one in report.findings] == [
        f"the token goes to {forge.url} unencrypted: who is on the way can read it"
    ]
    assert {one.partition(" ")[0] for one in forge.asked} == {"GET"}


def test_a_wrong_token_or_repository_and_a_server_that_is_away_are_problems(
    forge: Forge, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("canary-wrong")
    (wrong,) = examined(forge, token).problems
    assert "does not take the token" in wrong.what
    token.write_text(TOKEN)
    (missing,) = examined(forge, token, repository="acme/none").problems
    assert "no such repository" in missing.what
    (away,) = examined(forge, token, url="http://127.0.0.1:1").problems
    assert "cannot be reached" in away.what + away.advice
    token.unlink()
    (nothing,) = examined(forge, token).problems
    assert "apps.web.report.token_file" in nothing.what
    assert "canary" not in repr([wrong, missing, away, nothing])
