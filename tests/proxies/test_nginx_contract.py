"""The real Nginx keeps the contract of ports.Proxy."""

import pytest

from tests.contracts.proxy import ProxyContract

pytestmark = pytest.mark.lab


class TestNginx(ProxyContract):
    """The fixture `rig` is that of conftest.py."""
