"""One receiver for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.web.receiver import Running, running


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("receiver")) as one:
        yield one
