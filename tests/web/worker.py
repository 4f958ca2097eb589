"""The worker's part for orders that come by HTTP, without Docker: real orders, ends as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from deployer import orders
from deployer.deployment import Status, advance
from deployer.model import App, HealthCheck, Image
from deployer.spec import Spec
from deployer.stores.sqlite import SQLiteStore
from tests.web.receiver import Running

WEB = App("web", Image("docker.io", "acme/shop"), ("latest", "stable"), Spec(), None, HealthCheck())


@contextmanager
def working(receiver: Running, ends: Status = Status.SUCCEEDED, app: str = "web") -> Iterator[None]:
    """Take orders for this app, and bring what they queue to this end."""
    known = {app: replace(WEB, name=app)}
    stop = threading.Event()

    def work() -> None:
        store = SQLiteStore(receiver.path)
        while not stop.wait(0.02):
            for one in store.open_orders():
                orders.take(one, known.get(one.app), store, time.time())
            if claimed := store.claim(time.time()):
                ended = advance(claimed, ends, time.time(), "because of it")
                store.save(ended, time.time())
        store.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
