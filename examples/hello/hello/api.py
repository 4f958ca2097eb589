"""What programs ask: answers are JSON, except /version and /healthz."""

from dataclasses import dataclass
from typing import cast

from flask import Blueprint, Response, abort, current_app, jsonify, request

from .forecasts import forecast
from .items import InvalidItem, Items
from .people import People
from .settings import Settings

blueprint = Blueprint("api", __name__)


@dataclass(frozen=True)
class State:
    """What the requests of one application share."""

    settings: Settings
    people: People
    items: Items


def state() -> State:
    """The state of the application that answers."""
    return cast(State, current_app.extensions["hello"])


def greet() -> str:
    """A greeting for whoever asks."""
    return f"Hello, {request.headers.get('User-Agent') or 'stranger'}!"


@blueprint.get("/greeting")
def greeting() -> Response:
    """The greeting without the page."""
    return jsonify(greeting=greet(), version=state().settings.version)


@blueprint.post("/checkin/<user>")
def check_in(user: str) -> Response:
    """Note that the user is here."""
    return jsonify(user=user, seen=state().people.check_in(user).isoformat())


@blueprint.get("/last-seen/<user>")
def last_seen(user: str) -> Response:
    """When the user was here; 404 for one who never was."""
    seen = state().people.last_seen(user)
    if seen is None:
        abort(404, f"{user} has not checked in")
    return jsonify(user=user, seen=seen.isoformat())


@blueprint.route("/item/<kind>", methods=["POST", "PUT"])
def item(kind: str) -> Response:
    """Take an item of a type; 400 says what is wrong with it."""
    here = state()
    try:
        name = here.items.add(kind, request.get_json(silent=True), here.settings.version)
    except InvalidItem as error:
        abort(400, str(error))
    return jsonify(type=kind, name=name, version=here.settings.version)


@blueprint.get("/forecast/<city>")
def weather(city: str) -> Response:
    """The weather: slow the first time, then from the cache for a minute."""
    return jsonify(city=city, weather=forecast(city, state().settings.forecast_seconds))


@blueprint.get("/version")
def version() -> Response:
    """The version, for people and scripts that wait for it."""
    return Response(state().settings.version, mimetype="text/plain")


@blueprint.get("/healthz")
def healthz() -> Response:
    """Whether it can serve: it needs nothing but itself."""
    return Response("ok\n", mimetype="text/plain")
