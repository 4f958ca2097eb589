"""`/metrics`: what a Prometheus collects of the receiver's requests and of what the store says."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Flask, Request, Response, request
from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_flask_exporter import PrometheusMetrics

from deployer import __version__, condition
from deployer.config.values import AppPart, ReceiverPart
from deployer.errors import BadCredential
from deployer.ports import Counts, Store
from deployer.web.answers import problem
from deployer.web.api import CheckBearer

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


def add_metrics(
    app: Flask,
    part: ReceiverPart,
    store: Store,
    check_bearer: CheckBearer,
    now: Callable[[], float],
) -> None:
    """Count the requests of the application, and answer `/metrics` to those who may ask.

    An operator's token opens it, and one of `receiver.metrics_token_file`, which opens nothing
    else. Before any other part of the application, so that no request is missed.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_OfStore(part.apps, store, now))
    metrics = PrometheusMetrics(
        app, path=None, group_by=route, defaults_prefix="deployer", registry=registry
    )
    metrics.info(
        "deployer_info", "What runs", version=__version__, python=platform.python_version()
    )
    allowed = (*part.operators, *part.scrapers)

    def bound_labels() -> None:
        # A method is the sender's own word: each new one would be a new series for ever.
        if request.method not in _METHODS:
            request.prom_do_not_track = True  # type: ignore[attr-defined] # the exporter's mark

    def view() -> Response:
        try:
            check_bearer(request.headers.get("Authorization", ""), allowed)
        except BadCredential:
            challenge = {"WWW-Authenticate": "Bearer"}
            return problem(401, "the token for metrics is missing or wrong", challenge)
        text, kind = metrics.generate_metrics(request.headers.get("Accept"))
        return Response(text, content_type=kind)

    app.before_request(bound_labels)
    app.add_url_rule("/metrics", "metrics", metrics.do_not_track()(view))


def route(request: Request) -> str:
    """The rule that a request came by: its path may hold a hook's secret."""
    return re.sub("<[^<>]*:", "<", request.url_rule.rule) if request.url_rule else "none"


class _OfStore(Collector):
    """Asks the store each time it is asked itself. Raises StoreError where that cannot be."""

    def __init__(self, apps: Mapping[str, AppPart], store: Store, now: Callable[[], float]) -> None:
        self._apps = apps
        self._store = store
        self._now = now

    def describe(self) -> list[Metric]:
        """Nothing: the store need not be asked when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What there is of deliveries, deployments, the queue, apps, the worker and Nginx."""
        now, counts, snapshot = self._now(), self._store.counts(), self._store.snapshot()
        yield from _of_counts(counts, now)
        yield from self._of_apps(snapshot, now)
        yield from _of_worker(snapshot, now)
        yield _of_certificates(snapshot, sorted(self._apps))
        troubles = condition.troubles(self._store, sorted(self._apps), now)
        yield _gauge(
            "deployer_troubles", "Things that are not well: see /api/v1/status", len(troubles)
        )

    def _of_apps(self, snapshot: Mapping[str, Any], now: float) -> Iterator[Metric]:
        active = self._store.active()
        release = GaugeMetricFamily(
            "deployer_app_release", "Number of the release that serves", labels=["app"]
        )
        replicas = GaugeMetricFamily(
            "deployer_app_replicas", "Replicas of the release that serves", labels=["app", "state"]
        )
        for name, part in sorted(self._apps.items()):
            if name not in active:
                continue
            release.add_metric([name], active[name].release)
            if condition.is_fresh(snapshot, now):
                well, total = condition.healthy(
                    snapshot, name, active[name].deployment, part.replicas
                )
                replicas.add_metric([name, "healthy"], well)
                replicas.add_metric([name, "unhealthy"], total - well)
        yield release
        yield replicas
        held = GaugeMetricFamily(
            "deployer_sites_held", "Whether the app's site in Nginx is held back", labels=["app"]
        )
        holds = {one["app"] for one in condition.held_sites(snapshot)}
        for name in sorted(self._apps):
            held.add_metric([name], name in holds)
        yield held


def _of_counts(counts: Counts, now: float) -> Iterator[Metric]:
    deliveries = CounterMetricFamily(
        "deployer_deliveries", "Deliveries that were recorded", labels=["hook", "verdict"]
    )
    for (hook, verdict), count in sorted(counts.deliveries.items()):
        deliveries.add_metric([hook, verdict], count)
    yield deliveries
    deployments = SummaryMetricFamily(
        "deployer_deployment_duration_seconds",
        "Deployments that have ended, and how long they ran",
        labels=["app", "status"],
    )
    for (app, status), (count, seconds) in sorted(counts.ended.items()):
        deployments.add_metric([app, status], count_value=count, sum_value=seconds)
    yield deployments
    queue = GaugeMetricFamily(
        "deployer_queue", "Deployments that are queued or running", labels=["app", "status"]
    )
    for (app, status), count in sorted(counts.open.items()):
        queue.add_metric([app, status], count)
    yield queue
    since = counts.waiting_since
    oldest = 0.0 if since is None else max(now - since, 0.0)
    yield _gauge("deployer_queue_oldest_seconds", "How long the oldest one has been queued", oldest)


def _of_worker(snapshot: Mapping[str, Any], now: float) -> Iterator[Metric]:
    beat = condition.beat_at(snapshot)
    up = beat is not None and now - beat <= condition.STALE
    yield _gauge("deployer_worker_up", "Whether the worker was there lately", up)
    if condition.is_fresh(snapshot, now):
        yield _of_failing(
            "output",
            "Whether a file of `outputs` is not written, or its container not told",
            snapshot.get("outputs", {}),
        )
        yield _of_failing(
            "report",
            "Whether the last deployments of an app were not reported",
            snapshot.get("reports", {}),
        )
    nginx = snapshot.get("nginx")
    if nginx is None:
        return
    yield _gauge("deployer_nginx_up", "Whether Nginx answered", nginx["live"] is not None)
    if nginx["live"] is not None:
        yield _gauge("deployer_nginx_generation", "The generation that is live", nginx["live"])
    yield _gauge("deployer_nginx_draining", "Nginx's workers shutting down", nginx["draining"])
    yield _gauge(
        "deployer_nginx_draining_generations",
        "Earlier configurations of Nginx that still have workers",
        nginx.get("draining_generations", 0),
    )
    reloads = CounterMetricFamily(
        "deployer_nginx_reloads", "Reloads of Nginx since the worker started"
    )
    reloads.add_metric([], nginx.get("reloads", 0))
    yield reloads


def _of_failing(what: str, text: str, seen: Mapping[str, Any]) -> Metric:
    failing = GaugeMetricFamily(f"deployer_{what}_failing", text, labels=[what])
    for name, one in sorted(seen.items()):
        failing.add_metric([name], bool(one["reason"]))
    return failing


def _of_certificates(snapshot: Mapping[str, Any], apps: Iterable[str]) -> Metric:
    """When the first of an app's certificates expires; none for an app without TLS."""
    expiry = GaugeMetricFamily(
        "deployer_certificate_expiry_timestamp_seconds",
        "When the certificate of an app expires, the first of several",
        labels=["app"],
    )
    ends: dict[str, float] = {}
    for one in condition.certificates(snapshot, apps):
        if one["ends"] is not None:
            ends[one["app"]] = min(one["ends"], ends.get(one["app"], one["ends"]))
    for app, end in sorted(ends.items()):
        expiry.add_metric([app], end)
    return expiry


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
