"""The pages: what is served, what happened, and what came in; for operators who are signed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from flask import Blueprint, Response, redirect, request, url_for

from deployer import condition, evidence, views
from deployer.config.values import ReceiverPart
from deployer.deployment import ENDED, Deployment, by_delivery
from deployer.errors import Refused
from deployer.ports import Delivery, Store
from deployer.timeline import spans
from deployer.web.asking import AT_THE_PAGES, MAX_ID
from deployer.web.rendering import error_page, page
from deployer.web.replaying import Replaying
from deployer.web.sessions import HOME, Sessions, from_elsewhere, own_path
from deployer.web.showing import known, nginx_line, shown
from deployer.web.waterfall import bars, goes_on

log = structlog.get_logger()

MANY, FEW = 50, 10
SOON, LATER = 1, 2
"""Seconds until a page asks again: while something goes on, and otherwise."""

SHOWN = 16 * 1024
"""How much of a body a page shows, in characters; the API has all of it."""

_ELSEWHERE = (
    "This form was not sent from deployer's own page, as far as deployer can see. If it was, a "
    "proxy in between changes the header Host: it has to hand it on as the browser sent it."
)


class Pages:
    """The views of the pages. `now` gives seconds since 1970."""

    def __init__(
        self,
        part: ReceiverPart,
        store: Store,
        sessions: Sessions,
        replaying: Replaying,
        now: Callable[[], float],
    ) -> None:
        self.part = part
        self.store = store
        self.sessions = sessions
        self.replaying = replaying
        self.now = now

    def blueprint(self) -> Blueprint:
        """The routes of the pages."""
        pages = Blueprint("pages", __name__)
        pages.before_request(self.only_operators)
        pages.add_url_rule("/", "overview", self.overview)
        pages.add_url_rule("/apps/<name>", "app", self.app)
        pages.add_url_rule(
            f"/deployments/<int(max={MAX_ID}):number>", "deployment", self.deployment
        )
        pages.add_url_rule("/deliveries", "deliveries", self.deliveries)
        delivery = f"/deliveries/<int(max={MAX_ID}):number>"
        pages.add_url_rule(delivery, "delivery", self.delivery)
        pages.add_url_rule(f"{delivery}/replay", "replay", self.replay, methods=["POST"])
        pages.add_url_rule("/sign-in", "sign_in", self.sign_in, methods=["GET", "POST"])
        pages.add_url_rule("/sign-out", "sign_out", self.sign_out, methods=["POST"])
        return pages

    def only_operators(self) -> Response | None:
        """Send to the sign-in who is not signed in; refuse forms of other sites."""
        if request.method == "POST" and from_elsewhere(request):
            return error_page(403, "Refused", _ELSEWHERE)
        if request.endpoint == "pages.sign_in" or self.sessions.knows(request):
            return None
        to = request.full_path.rstrip("?") if request.method == "GET" else HOME
        return _see(url_for("pages.sign_in", to=to) if to != HOME else url_for("pages.sign_in"))

    def overview(self) -> Response:
        """All apps, and what happened last."""
        now, seen = self.now(), known(self.store)
        apps = [
            shown(name, part, self.store, seen, now)
            for name, part in sorted(self.part.apps.items())
        ]
        recent = self.store.deployments(limit=FEW)
        return page(
            "overview.html",
            apps=apps,
            troubles=condition.troubles(self.store, sorted(self.part.apps), now),
            recent=recent,
            nginx=nginx_line(seen.snapshot) if condition.is_fresh(seen.snapshot, now) else "",
            poll=SOON if any(map(_open, recent)) else LATER,
            seen_at=seen.snapshot.get("at"),
        )

    def app(self, name: str) -> Response:
        """One app: its replicas, its releases, its deployments."""
        part = self.part.apps.get(name)
        if part is None:
            return error_page(404, "Not found", f"No app of the configuration has the name {name}.")
        now, seen = self.now(), known(self.store, name)
        found = self.store.deployments(name, MANY + 1, before=_before())
        rows = self.store.releases(name)
        return page(
            "app.html",
            app=shown(name, part, self.store, seen, now),
            replicas=seen.snapshot.get("apps", {}).get(name, []),
            old=None if condition.is_fresh(seen.snapshot, now) else seen.snapshot.get("at"),
            releases=rows,
            gone=condition.without_image(seen.snapshot, name, [row.number for row in rows]),
            holds=condition.holds(self.store, [name]),
            deployments=found[:MANY],
            older=_older(found),
            poll=SOON if any(map(_open, found)) else LATER,
            seen_at=seen.snapshot.get("at"),
        )

    def deployment(self, number: int) -> Response:
        """One deployment with its steps on a line of time."""
        found = self.store.deployment(number)
        if found is None:
            return error_page(404, "Not found", f"There is no deployment {number}.")
        now, steps = self.now(), spans(self.store.transitions(number))
        more = goes_on(found, steps, now)
        return page(
            "deployment.html",
            one=found,
            bars=bars(found, steps, now),
            seconds=steps[-1].end - steps[0].start if steps and steps[-1].end else None,
            pieces=evidence.read(found.detail),
            goes_on=more,
            poll=SOON if more else LATER,
        )

    def deliveries(self) -> Response:
        """What the hooks received, and what became of it."""
        found = self.store.deliveries(MANY + 1, before=_before())
        return page(
            "deliveries.html",
            deliveries=found[:MANY],
            queued=by_delivery(self.store.queued_by([one.id for one in found[:MANY]])),
            hooks=sorted(self.part.hooks),
            older=_older(found),
            poll=LATER,
        )

    def delivery(self, number: int) -> Response:
        """One delivery: what came, what became of it, and a button to let it count once more."""
        found = self.store.delivery(number)
        if found is None:
            return _no_delivery(number)
        queued = self.store.queued_by([number])
        came = views.body(found.body)
        return page(
            "delivery.html",
            one=found,
            queued=queued,
            body=came["body"][:SHOWN],
            encoding=came["encoding"],
            cut=len(came["body"]) > SHOWN,
            why_not=self.replaying.why_not(found),
            poll=SOON if any(map(_open, queued)) else LATER,
        )

    def replay(self, number: int) -> Response:
        """Let a delivery count once more, and go on to what stands for that."""
        found = self.store.delivery(number)
        if found is None:
            return _no_delivery(number)
        try:
            again, _ = self.replaying.replay(found, AT_THE_PAGES)
        except Refused as error:
            return error_page(409, "Not replayed", f"{error}.")
        return _see(url_for("pages.delivery", number=again.id))

    def sign_in(self) -> Response:
        """The form, and what it sends."""
        to = own_path(request.values.get("to", HOME))
        if request.method == "POST":
            if self.sessions.fits(request.form.get("token", "")):
                log.info("operator signed in")
                return self.sessions.sign_in(request, _see(to))
            log.warning("sign-in refused", reason="the token is missing or wrong")
            return page("sign-in.html", 401, to=to, wrong=True, possible=self.sessions.possible)
        if self.sessions.knows(request):
            return _see(to)
        return page("sign-in.html", to=to, wrong=False, possible=self.sessions.possible)

    def sign_out(self) -> Response:
        """End the session in this browser."""
        return self.sessions.sign_out(request, _see(url_for("pages.sign_in")))


def _no_delivery(number: int) -> Response:
    return error_page(404, "Not found", f"There is no delivery {number}.")


def _open(one: Deployment) -> bool:
    return one.status not in ENDED


def _see(path: str) -> Response:
    answer = redirect(path, 303)
    assert isinstance(answer, Response)  # noqa: S101 - Flask's own class, werkzeug's to mypy
    return answer


def _before() -> int | None:
    asked = request.args.get("before", "")
    return int(asked[:19]) if asked.isascii() and asked.isdigit() else None


def _older(found: Sequence[Delivery] | Sequence[Deployment]) -> int | None:
    """The number before which there are more than this page shows."""
    return found[MANY - 1].id if len(found) > MANY else None
