"""The README's tutorial, operations.md and security.md: each command, in order, on one machine."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator

import pytest

from tests.docs import OPERATIONS, SECURITY, block, blocks, commands
from tests.engine.here import NOT_HERE
from tests.engine.operated import Operated
from tests.engine.secured import LAST, Secured
from tests.engine.server import VERSION, Server, lines_of_the_tutorial, server
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

CHECK = (
    "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check')"
    ".fetchone()[0])"
)
STATUS = (
    "curl --header @/etc/deployer/secrets/status.header http://deployer.example.com/api/v1/status"
)


@pytest.fixture(scope="module")
def typed() -> Iterator[Server]:
    """Somebody has typed what the tutorial says."""
    with server() as one:
        one.follow_the_tutorial()
        yield one


@pytest.fixture(scope="module")
def operated(typed: Server) -> Operated:
    """And then what the page on operations says."""
    return Operated(typed)


@pytest.fixture(scope="module")
def secured(operated: Operated) -> Secured:
    """And then what the page on security says: the ports are others afterwards."""
    return Secured(operated.server)


def said(one: Server, command: str) -> list[str]:
    """What the machine answered each time that this was typed."""
    return [text for typed, text in one.answers if typed == command]


def test_the_app_goes_live_at_the_start_at_the_push_and_back(typed: Server) -> None:
    assert [text.strip() for text in said(typed, VERSION)] == ["v1", "v2", "v1"]


def test_check_finds_the_file_sound_and_doctor_finds_nothing(typed: Server) -> None:
    assert said(typed, "deployer check") == ["config.yml is sound: 1 app, 1 hook\n"]
    assert said(typed, "deployer doctor") == [""]


def test_history_and_show_tell_of_the_push(typed: Server) -> None:
    (history,) = said(typed, "deployer history hello")
    assert re.search(r"2 +✓ succeeded +webhook +latest", history)
    (shown,) = said(typed, "deployer show 2")
    assert f"deployment 2 of {typed.app}" in shown
    assert all(step in shown for step in ("pull", "start", "check", "switch", "watch"))


def test_what_is_not_run_here_is_in_the_tutorial_and_little() -> None:
    skipped = [one for one in lines_of_the_tutorial() if one in NOT_HERE]
    assert [one.split()[0] for one in skipped] == ["docker", "apt-get", "systemctl"]


FILES = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in SECURITY.read_text(encoding="utf-8").splitlines()
    # Certificates are none in the tutorial: tests/proxies/test_tls.py has them.
    if re.match(r"\| `/(etc|var)/", line) and "/certificates/" not in line
]


@pytest.mark.parametrize(("files", "owner"), [row[:2] for row in FILES], ids=[r[0] for r in FILES])
def test_files_have_the_owner_and_mode_that_the_page_on_security_says(
    typed: Server, files: str, owner: str
) -> None:
    (path, *_) = re.findall(r"`([^`]+)`", files)
    suffixes = re.findall(r"`(-\w+)`", files)
    group = typed.name if "the receiver's group" in owner else "root"
    for name in [path, *(path + suffix for suffix in suffixes)]:
        there = typed.root / name[1:]
        assert f"{stat.S_IMODE(there.stat().st_mode):04o}" == owner.rpartition(" ")[2]
        assert (there.owner(), there.group()) == ("root", group)


def test_the_app_is_served_after_each_command(operated: Operated) -> None:
    """Also after a restart and an upgrade; a restore of an older store is another matter."""
    down = [command for command, version in operated.after.items() if version not in ("v1", "v2")]
    restoring = list(commands(block("restore", OPERATIONS)))
    assert [command for command in down if command not in restoring] == []
    assert operated.after["deployer deploy hello --wait"] == "v2"


def test_status_through_the_api_says_that_all_is_well(operated: Operated) -> None:
    assert json.loads(operated.server.said[STATUS])["status"] == "ok"
    header = operated.server.root / "etc/deployer/secrets/status.header"
    assert stat.S_IMODE(header.stat().st_mode) == 0o600


def test_a_backup_that_was_made_while_all_runs_is_sound_and_whole(operated: Operated) -> None:
    backup = operated.server.root / "var/backups/deployer"
    check = run(["python3", "-c", CHECK, str(backup / "deployer.db")])
    assert check.strip() == "ok"
    assert (backup / "worker/release.key").read_bytes()
    assert (backup / "etc/config.yml").is_file()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700


def test_after_a_restore_the_store_is_that_of_the_backup_and_a_deployment_serves(
    operated: Operated,
) -> None:
    now = operated.server.type("deployer history hello")
    lost = rows(operated.newer)[0].split()
    assert lost[2:4] == ["succeeded", "rollback"]
    assert not any(row.split()[0] == lost[0] and "rollback" in row for row in rows(now))
    assert rows(now)[0].split()[2:4] == ["succeeded", "operator"]
    assert operated.server.asked("http://hello.example.com/version").strip() == "v2"


def rows(history: str) -> list[str]:
    """The lines of `deployer history` that tell of deployments."""
    return [line for line in history.splitlines() if re.match(r"\d+ ", line)]


def test_the_app_answers_over_tls_with_the_certificate(secured: Secured) -> None:
    assert re.fullmatch(r"v\d\n?", secured.server.said[LAST])


def test_an_authority_finds_its_proof_and_others_are_sent_to_https(secured: Secured) -> None:
    assert secured.proof == "proven"
    assert secured.redirect.endswith(f"301 https://{secured.server.here.host('hello')}/version?a=b")


def test_the_key_is_roots_alone(secured: Secured) -> None:
    key = secured.server.root / "var/lib/deployer/nginx/own/tls/privkey.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def signed_in(one: Secured, *options: str) -> str:
    """The cookie that the receiver gives an operator who comes like that."""
    token = one.server.type("cat /etc/deployer/secrets/operator.token").strip()
    form = ["--data-urlencode", f"token={token}", "--output", "-", "--dump-header", "-"]
    (cookie,) = re.findall(
        r"(?im)^set-cookie: (.*)$", one.server.asked(*options[:1], *form, *options[1:])
    )
    return str(cookie)


def test_the_receiver_knows_that_the_browser_came_by_https(secured: Secured) -> None:
    assert "; Secure" in signed_in(secured, "https://deployer.example.com/sign-in")


def test_who_comes_past_tls_cannot_claim_to_have_come_by_it(secured: Secured) -> None:
    """From another address than loopback, where only the site with the certificate asks."""
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    address = run(["docker", "network", "inspect", "bridge", "--format", gateway]).strip()
    server = secured.server
    lie = ["--header", "X-Forwarded-Proto: https", "--header", "X-Forwarded-For: 192.0.2.7"]
    there = [*lie, "--header", f"Host: {server.here.host('deployer')}"]
    assert "; Secure" not in signed_in(
        secured, f"http://{address}:{server.here.http_port}/sign-in", *there
    )
    assert "192.0.2.7" not in run(["docker", "logs", f"{server.name}-nginx"])


def test_the_log_has_the_clients_own_address(secured: Secured) -> None:
    secured.server.asked("https://hello.example.com/greeting", "--interface", "127.0.0.2")
    line = re.compile(r'^127\.0\.0\.2 .*"GET /greeting HTTP', re.MULTILINE)
    logs = ["docker", "logs", f"{secured.server.name}-nginx"]
    wait_until(lambda: line.search(run(logs)) is not None, "the line about the request")


def test_a_webhook_over_tls_deploys_and_the_next_generation_keeps_tls(secured: Secured) -> None:
    server = secured.server
    build, push = [one for one in lines_of_the_tutorial() if one.startswith("docker ")][-2:]
    for command in (build.replace("v2", "v3"), push):
        server.type(command)
    token = server.type("cat /etc/deployer/secrets/dockerhub.token").strip()
    answer = server.post_push(f"https://deployer.example.com/hooks/dockerhub/{token}")
    server.wait_ended(answer["deployments"][0]["id"])
    wait_until(
        lambda: server.asked("https://hello.example.com/version").strip() == "v3",
        "v3 over TLS",
        hint=secured.hint,
    )
    log = run(["docker", "logs", f"{server.name}-nginx"])
    assert token not in log
    assert re.search(r'"POST /hooks/\*\*\* HTTP', log)


def test_only_certbots_own_command_is_not_run(secured: Secured) -> None:
    skipped = {
        command
        for one in blocks(SECURITY)
        if one.language == "console"
        for command in commands(one.text)
        if command in NOT_HERE
    }
    assert [command.split()[0] for command in skipped] == ["certbot"]
