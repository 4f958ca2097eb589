"""A hook's `allow`: deliveries from elsewhere are refused, and an address alone proves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.config import load
from deployer.config.values import ReceiverPart
from deployer.doctor.hooks import look_at_delivery
from deployer.doctor.report import Report
from deployer.errors import BadCredential
from deployer.web.addresses import check_address
from tests.web.receiver import TOKEN, Running, part_for, push, running

ALLOWED = ("192.0.2.0/24", "2001:db8::/32")
NETWORKS = (*ALLOWED, "198.51.100.7/32")


def allowing(store: Path, port: int) -> ReceiverPart:
    part = part_for(store, port)
    hook = part.hooks["dockerhub"].model_copy(update={"allow": ALLOWED})
    return part.model_copy(update={"hooks": {"dockerhub": hook}})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("guarded"), allowing) as made:
        yield made


@pytest.mark.parametrize("address", ["192.0.2.9", "2001:db8::1"])
def test_whom_nginx_names_is_taken_from_where_the_hook_allows(
    guarded: Running, address: str
) -> None:
    assert guarded.post(push(), more=f"X-Real-IP: {address}\r\n").status == 202


@pytest.mark.parametrize("more", ["X-Real-IP: 203.0.113.5\r\n", "X-Real-IP: all\r\n", ""])
def test_elsewhere_is_refused_as_a_wrong_secret_is(guarded: Running, more: str) -> None:
    """In the same words; the log has the reason, for the operator."""
    before = len(guarded.store.deliveries())
    refused = guarded.post(push(), more=more)
    wrong = guarded.post(push(), "/hooks/dockerhub/wrong", "X-Real-IP: 192.0.2.9\r\n")
    assert (refused.status, refused.body) == (wrong.status, wrong.body)
    assert refused.status == 401
    assert len(guarded.store.deliveries()) == before
    reasons = [
        line["reason"]
        for line in map(json.loads, guarded.log().splitlines())
        if line.get("status") == 401
    ]
    assert any("is no address that `allow` names" in one for one in reasons)
    assert reasons[-1] == "the secret is missing or wrong"
    assert TOKEN not in guarded.log()


def test_who_is_allowed_still_has_to_prove_itself(guarded: Running) -> None:
    more = "X-Real-IP: 192.0.2.9\r\n"
    assert guarded.post(push(), "/hooks/dockerhub/wrong", more).status == 401


def test_the_doctor_posts_from_where_the_hook_allows(guarded: Running, tmp_path: Path) -> None:
    (tmp_path / "hub.token").write_text(TOKEN)
    (tmp_path / "config.yml").write_text(
        f"paths: {{state: {tmp_path}/state}}\nhooks:\n  dockerhub:\n    token_file: hub.token\n"
        "    allow: 192.0.2.0/24\napps:\n  web: {image: docker.io/acme/shop}\n"
    )
    config, report = load(tmp_path / "config.yml", {}, part="receiver"), Report()
    base = f"http://127.0.0.1:{guarded.port}"
    look_at_delivery(config, config.hooks["dockerhub"], base, "", report)
    assert report.findings == []
    assert report.facts["hook dockerhub"].startswith("took a test")


@pytest.mark.parametrize(
    ("peer", "real_ip"),
    [
        ("192.0.2.1", ""),
        ("192.0.2.1", "203.0.113.5"),
        ("::ffff:192.0.2.1", ""),
        ("127.0.0.1", "192.0.2.1"),
        ("::1", "192.0.2.1"),
        ("::ffff:127.0.0.1", "198.51.100.7"),
        ("::1", "2001:db8::1"),
    ],
)
def test_the_client_is_the_peer_or_whom_this_machine_names(peer: str, real_ip: str) -> None:
    check_address(NETWORKS, peer, real_ip)
    check_address((), peer, real_ip)


@pytest.mark.parametrize(
    ("peer", "real_ip"),
    [
        ("203.0.113.5", "192.0.2.1"),
        ("::ffff:203.0.113.5", "192.0.2.1"),
        ("127.0.0.1", ""),
        ("127.0.0.1", "192.0.2.1, 203.0.113.5"),
        ("127.0.0.1", "198.51.100.8"),
        ("", "192.0.2.1"),
    ],
)
def test_nobody_else_names_whom_it_likes(peer: str, real_ip: str) -> None:
    with pytest.raises(BadCredential, match="is no address that `allow` names"):
        check_address(NETWORKS, peer, real_ip)
