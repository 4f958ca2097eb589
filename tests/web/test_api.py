"""The API and the probes over HTTP."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.web.receiver import OPERATOR, TOKEN, Running, push, running

PATHS = [
    *("/api/v1/apps", "/api/v1/deployments", "/api/v1/deployments/1"),
    *("/api/v1/deliveries", "/api/v1/deliveries/1"),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN, "caf\xe9", "x" * 4000])
def test_without_an_operators_token_nothing_is_shown(
    receiver: Running, path: str, token: str | None
) -> None:
    answer = receiver.get(path, token)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.body == receiver.get(path, "usual").body


def test_only_a_bearer_token_is_one(receiver: Running) -> None:
    head = f"GET /api/v1/apps HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {OPERATOR}\r\n\r\n"
    assert receiver.ask(head.encode()).status == 401
    assert receiver.get(f"/api/v1/apps?token={OPERATOR}", None).status == 401


def test_apps_are_listed_with_their_last_deployment(receiver: Running) -> None:
    queued = json.loads(receiver.post(push("latest")).body)["deployments"][0]["id"]
    answer = receiver.get("/api/v1/apps")
    assert answer.status == 200
    content = json.loads(answer.body)
    assert [app["name"] for app in content["apps"]] == ["api", "ranged", "shadow", "site", "web"]
    web = content["apps"][4]
    assert (web["image"], web["tags"]) == ("docker.io/acme/shop", ["latest", "stable"])
    assert web["last_deployment"]["id"] == queued
    assert content["snapshot"] == {"at": None, "age": None}


def test_deployments_are_listed_newest_first_of_one_app_or_of_all(receiver: Running) -> None:
    receiver.post(push("latest"))
    receiver.post(push("stable"))
    every = json.loads(receiver.get("/api/v1/deployments").body)["deployments"]
    ids = [one["id"] for one in every]
    assert ids == sorted(ids, reverse=True)
    assert {one["app"] for one in every} == {"web", "shadow"}
    some = json.loads(receiver.get("/api/v1/deployments?app=web&limit=2").body)["deployments"]
    assert [one["app"] for one in some] == ["web", "web"]
    assert json.loads(receiver.get("/api/v1/deployments?app=%00%ff").body)["deployments"] == []


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1.5", "x", "", "9" * 2000, "%D9%A3"])
def test_a_limit_that_is_none_is_a_400(receiver: Running, limit: str) -> None:
    assert receiver.get(f"/api/v1/deployments?limit={limit}").status == 400


def test_one_deployment_comes_with_its_transitions(receiver: Running) -> None:
    queued = json.loads(receiver.post(push("latest")).body)["deployments"][0]["id"]
    content = json.loads(receiver.get(f"/api/v1/deployments/{queued}").body)
    assert (content["id"], content["app"], content["status"]) == (queued, "web", "queued")
    assert [step["status"] for step in content["transitions"]] == ["queued"]
    assert content["queued_at"].endswith("Z")


@pytest.mark.parametrize("number", ["0", "999999", "9" * 18, "9" * 19, "9" * 3000, "-1", "x"])
def test_a_deployment_that_does_not_exist_is_a_404(receiver: Running, number: str) -> None:
    assert receiver.get(f"/api/v1/deployments/{number}").status == 404


def test_a_probe_needs_no_token(receiver: Running) -> None:
    assert receiver.get("/healthz", None).status == 200
    assert receiver.get("/readyz", None).status == 200


def test_a_store_that_is_not_usable_is_a_503_and_the_process_still_healthy(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        database = sqlite3.connect(receiver.path)
        try:
            database.execute("PRAGMA foreign_keys=OFF")
            database.execute("DROP TABLE transitions")
            database.execute("DROP TABLE deployments")
            database.commit()
        finally:
            database.close()
        assert receiver.get("/healthz", None).status == 200
        ready = receiver.get("/readyz", None)
        assert (ready.status, ready.headers["content-type"]) == (503, "application/problem+json")
        taken = receiver.post(push())
        assert taken.status == 503
        assert taken.headers["retry-after"] == "5"


def test_a_store_that_is_locked_is_a_503_with_the_time_to_try_again(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        database = sqlite3.connect(receiver.path, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            answer = receiver.post(push())
        finally:
            database.close()
        assert answer.status == 503
        assert answer.headers["retry-after"] == "5"
        assert receiver.queued() == 0
        assert receiver.post(push()).status == 202
