"""What programs get from the service."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hello.people import People


def test_the_greeting_names_who_asks(client: FlaskClient) -> None:
    answer = client.get("/greeting", headers={"User-Agent": "curl/8.9"})
    assert answer.get_json() == {"greeting": "Hello, curl/8.9!", "version": "v1"}


def test_somebody_without_a_user_agent_is_a_stranger(client: FlaskClient) -> None:
    answer = client.get("/greeting", headers={"User-Agent": ""})
    assert answer.get_json()["greeting"] == "Hello, stranger!"


def test_who_checked_in_was_last_seen_then(client: FlaskClient) -> None:
    before = datetime.now(UTC)
    noted = client.post("/checkin/ada").get_json()
    assert noted["user"] == "ada"
    assert before <= datetime.fromisoformat(noted["seen"]) <= datetime.now(UTC)
    assert client.get("/last-seen/ada").get_json() == noted


def test_a_second_check_in_counts(client: FlaskClient) -> None:
    first = client.post("/checkin/ada").get_json()
    second = client.post("/checkin/ada").get_json()
    assert client.get("/last-seen/ada").get_json() == second != first


def test_a_stranger_gets_404_as_json(client: FlaskClient) -> None:
    answer = client.get("/last-seen/nobody")
    assert answer.status_code == 404
    assert answer.get_json() == {"error": "nobody has not checked in"}


def test_who_came_longest_ago_is_forgotten_first() -> None:
    people = People(limit=2)
    for name in ("ada", "bob", "ada", "eve"):
        people.check_in(name)
    assert [name for name in ("ada", "bob", "eve") if people.last_seen(name)] == ["ada", "eve"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_item_is_kept_as_one_line(client: FlaskClient, items_file: Path, method: str) -> None:
    answer = client.open("/item/book", method=method, json={"name": "dune"})
    assert answer.status_code == 200
    assert answer.get_json() == {"type": "book", "name": "dune", "version": "v1"}
    assert items_file.read_text() == "dune book v1\n"


def test_items_are_added_to_those_of_other_versions(client: FlaskClient, items_file: Path) -> None:
    items_file.write_text("emma book v0\n")
    client.post("/item/film", json={"name": "alien"})
    assert items_file.read_text() == "emma book v0\nalien film v1\n"


def test_an_unknown_type_is_answered_with_those_that_there_are(client: FlaskClient) -> None:
    answer = client.post("/item/boat", json={"name": "argo"})
    assert answer.status_code == 400
    assert answer.get_json() == {"error": "there is no type 'boat': use one of book, film, note"}


@pytest.mark.parametrize(
    "body",
    ["", "dune", "[]", "{}", '{"name": 5}', '{"name": ""}', '{"name": "a b"}', '{"name": "a\\nb"}'],
)
def test_a_body_without_a_good_name_is_answered_with_an_example(
    client: FlaskClient, items_file: Path, body: str
) -> None:
    answer = client.post("/item/book", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert '{"name": "dune"}' in answer.get_json()["error"]
    assert items_file.read_text() == ""


def test_only_the_first_forecast_for_a_city_is_slow(client: FlaskClient) -> None:
    def took(city: str) -> float:
        begun = time.monotonic()
        assert client.get(f"/forecast/{city}").get_json()["city"] == city
        return time.monotonic() - begun

    assert took("oslo") >= 0.2
    assert took("oslo") < 0.2
    assert took("rome") >= 0.2


def test_pages_of_others_may_read_what_is_public_and_nothing_else(client: FlaskClient) -> None:
    client.post("/checkin/ada")
    headers = {"Origin": "https://elsewhere.example"}
    allowed = {
        path: client.get(path, headers=headers).headers.get("Access-Control-Allow-Origin")
        for path in ("/greeting", "/version", "/forecast/oslo", "/last-seen/ada")
    }
    assert allowed == {
        "/greeting": "*",
        "/version": "*",
        "/forecast/oslo": "*",
        "/last-seen/ada": None,
    }


def test_each_answer_names_the_version(client: FlaskClient) -> None:
    assert client.get("/version").text == "v1"
    for path in ("/", "/greeting", "/healthz", "/nowhere"):
        assert client.get(path).headers["X-Version"] == "v1"


def test_it_is_healthy(client: FlaskClient) -> None:
    assert client.get("/healthz").text == "ok\n"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/a", 404), ("PUT", "/", 405)])
def test_every_error_is_json(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert list(answer.get_json()) == ["error"]


def test_the_metrics_count_by_rule_and_not_by_user(client: FlaskClient) -> None:
    for name in ("ada", "bob"):
        client.post(f"/checkin/{name}")
    metrics = client.get("/metrics").text
    assert 'hello_info{version="v1"} 1.0' in metrics
    counted = re.search(r"flask_http_request_duration_seconds_count\{.*checkin.*\} (.*)", metrics)
    assert counted is not None
    assert counted[1] == "2.0"
    assert "ada" not in metrics
