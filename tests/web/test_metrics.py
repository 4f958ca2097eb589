"""What a Prometheus reads at `/metrics`."""

from __future__ import annotations

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.lab.wire import Answer
from tests.web.receiver import METRICS, OPERATOR, TOKEN, Running, push

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(answer: Answer) -> Samples:
    """Every sample, by its name and labels."""
    assert answer.status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def test_only_a_token_for_metrics_or_an_operators_opens_it(receiver: Running) -> None:
    for token in (None, "", "x", TOKEN):
        assert receiver.get("/metrics", token).status == 401
    for token in (METRICS, OPERATOR):
        assert receiver.get("/metrics", token).status == 200


def test_the_token_for_metrics_opens_nothing_else(receiver: Running) -> None:
    assert receiver.get("/api/v1/apps", METRICS).status == 401
    body = f"token={METRICS}"
    head = f"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    assert receiver.ask(f"{head}{body}".encode()).status == 401


def test_deliveries_deployments_and_the_queue_are_counted(receiver: Running) -> None:
    accepted = ("deployer_deliveries_total", (("hook", "dockerhub"), ("verdict", "accepted")))
    before = samples(receiver.get("/metrics")).get(accepted, 0)
    receiver.post(push("latest"))
    receiver.post(push("stable"))
    seen = samples(receiver.get("/metrics"))
    assert seen[accepted] == before + 2
    assert seen["deployer_queue", (("app", "web"), ("status", "queued"))] == 1
    superseded = (("app", "web"), ("status", "superseded"))
    assert seen["deployer_deployment_duration_seconds_count", superseded] >= 1
    assert seen["deployer_queue_oldest_seconds", ()] >= 0


def test_worker_and_nginx_are_told_of_as_they_were_last_seen(receiver: Running) -> None:
    receiver.store.show({"at": 5.0, "apps": {}})
    seen = samples(receiver.get("/metrics"))
    assert seen["deployer_worker_up", ()] == 0
    assert seen["deployer_troubles", ()] == 1
    nginx = {
        "version": [1, 30, 0],
        "user": "nginx",
        "live": 7,
        "draining": 2,
        "reloads": 6,
        "draining_generations": 1,
        "put_off": [],
    }
    receiver.store.show({"at": time.time(), "apps": {}, "nginx": nginx})
    seen = samples(receiver.get("/metrics"))
    assert seen["deployer_worker_up", ()] == 1
    assert seen["deployer_nginx_reloads_total", ()] == 6
    assert seen["deployer_nginx_generation", ()] == 7
    assert seen["deployer_nginx_draining", ()] == 2
    assert seen["deployer_nginx_draining_generations", ()] == 1
    assert seen["deployer_sites_held", (("app", "web"),)] == 0
    held = {**nginx, "held": [{"app": "web", "reason": "no such zone", "since": 5.0}]}
    receiver.store.show({"at": time.time(), "apps": {}, "nginx": held})
    seen = samples(receiver.get("/metrics"))
    assert seen["deployer_sites_held", (("app", "web"),)] == 1
    assert seen["deployer_troubles", ()] == 1


def test_when_an_apps_first_certificate_expires_is_told(receiver: Running) -> None:
    seen = [
        {"app": "web", "hosts": ["a.example"], "ends": 2000.0, "problem": ""},
        {"app": "web", "hosts": ["b.example"], "ends": 1000.0, "problem": ""},
        {"app": "receiver.host", "hosts": ["h.example"], "ends": 3000.0, "problem": ""},
        {"app": "web", "hosts": ["c.example"], "ends": None, "problem": "none"},
        {"app": "gone", "hosts": ["d.example"], "ends": 1.0, "problem": ""},
    ]
    receiver.store.show({"at": time.time(), "apps": {}, "certificates": seen})
    told = samples(receiver.get("/metrics"))
    name = "deployer_certificate_expiry_timestamp_seconds"
    assert {labels: value for (one, labels), value in told.items() if one == name} == {
        (("app", "web"),): 1000.0,
        (("app", "receiver.host"),): 3000.0,
    }


def test_requests_are_told_by_rule_and_no_secret_or_foreign_word_is_a_label(
    receiver: Running,
) -> None:
    receiver.post(push("latest"))
    receiver.get("/deployments/1/../x/canary-path")
    receiver.ask(b"CANARY /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    text = receiver.get("/metrics").body.decode()
    rule = 'route="/hooks/<hook>/<token>",status="202"'
    assert f'deployer_http_request_duration_seconds_count{{method="POST",{rule}}}' in text
    assert "canary" not in text.lower()


@pytest.mark.parametrize("what", ["output", "report"])
def test_outputs_and_reports_that_fail_are_told_and_those_that_do_not(
    receiver: Running, what: str
) -> None:
    well, ill = {"reason": "", "since": None}, {"reason": "no such folder", "since": 1.0}
    receiver.store.show({"at": time.time(), "apps": {}, f"{what}s": {"one": ill, "two": well}})
    seen = samples(receiver.get("/metrics"))
    assert seen[f"deployer_{what}_failing", ((what, "one"),)] == 1
    assert seen[f"deployer_{what}_failing", ((what, "two"),)] == 0
    receiver.store.show({"at": 5.0, "apps": {}, f"{what}s": {"one": ill}})
    assert f"deployer_{what}_failing{{" not in receiver.get("/metrics").body.decode()
