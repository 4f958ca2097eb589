"""Wherever a worker is killed while it adopts a container or replaces it: no request is lost."""

from __future__ import annotations

import pytest

from tests.crash.adopting import adopting
from tests.crash.calls import ANY
from tests.crash.test_points import telling
from tests.lab.errors import LabError

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]


def test_every_single_kill_in_an_adoption_and_what_follows_is_recovered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each begins with a container that was started by hand, and ends with one of our own."""
    with adopting("crash-adopt") as one:
        points = [point for point in one.record_all() if point.phase != ANY]
    with telling(capsys, "crash-adopt") as made:
        for point in points:
            with adopting("crash-adopt") as one:
                try:
                    struck = one.strike_at(point)
                except LabError as error:
                    made.broken.append(f"{point}: {error}")
                    made.say(f"  BROKEN {point}\n         {error}")
                else:
                    made.done.append(struck)
                    made.say(f"  {struck.recovered:5.1f} s  {struck.requests:5} requests  {point}")
