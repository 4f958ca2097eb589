"""A small web service to deploy: greetings, check-ins, items, and what a service needs besides."""

from pathlib import Path

from flask import Flask, Response, jsonify
from flask_cors import CORS
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_flask_exporter import PrometheusMetrics
from werkzeug.exceptions import HTTPException

from . import api, pages
from .forecasts import cache
from .items import Items
from .people import People
from .settings import Settings

CONTENT = Path(__file__).parent / "content"
# What any page on the web may read; nothing of it changes anything or tells of a person.
PUBLIC = (r"/greeting", r"/forecast/.*", r"/version")


def create_app(settings: Settings | None = None, content: Path = CONTENT) -> Flask:
    """Make the application: with the settings of the environment, if none are given."""
    settings = settings or Settings.from_environment()
    app = Flask(__name__)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["hello"] = api.State(settings, People(), Items(settings.items_file))
    cache.init_app(app, {"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": 1000})
    readable = {"origins": "*", "send_wildcard": True, "methods": ["GET"]}
    CORS(app, resources=dict.fromkeys(PUBLIC, readable))
    _measure(app, settings)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.make_blueprint(settings, content))
    app.register_error_handler(HTTPException, _as_json)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["X-Version"] = settings.version
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'"
        return response

    return app


def _measure(app: Flask, settings: Settings) -> None:
    """Offer /metrics, by rule and not by path: /last-seen/<user> is one series, not thousands."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics = PrometheusMetrics(app, registry=registry, group_by="url_rule")
    metrics.info("hello_info", "The version that runs.", version=settings.version)


def _as_json(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code or 500
