"""Probes of containers that exist only in memory."""

from __future__ import annotations

from deployer.health import Answer, Prober
from deployer.model import HealthCheck
from tests.fakes.engine import FakeEngine
from tests.fakes.proxy import FakeProxy


class FakeProber(Prober):
    """Answers as the containers of a FakeEngine would, directly or through a FakeProxy.

    `broken_through_proxy` lets every request through the proxy fail.
    """

    def __init__(self, engine: FakeEngine, proxy: FakeProxy) -> None:
        super().__init__(http_port=0)
        self.engine = engine
        self.proxy = proxy
        self.broken_through_proxy = False

    def ask(self, address: str, check: HealthCheck) -> Answer:
        """Whether the container with this address answers now."""
        if check.port is None:
            return super().ask(address, check)
        healthy = self.engine.answers(address)
        return Answer(healthy, "HTTP 200" if healthy else "Connection refused", 0.0)

    def ask_through_proxy(self, host: str, path: str, check: HealthCheck) -> Answer:
        """Whether the proxy sends this to a container that answers."""
        target = None if self.broken_through_proxy else self.proxy.ask(host, path)
        healthy = target is not None and self.engine.answers(target.address)
        return Answer(healthy, "HTTP 200" if healthy else "HTTP 502", 0.0)
