"""Whatever is sent, a source says what it heard or that the payload is bad, and keeps nothing."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from deployer.errors import BadCredential, BadPayload
from deployer.model import image_of
from deployer.ports import Known
from deployer.sources import SOURCES
from tests.sources.fuzzing import strange

SEED = int(os.environ.get("SEED", "1"))
KNOWN = Known((f"sha256:{'a' * 64}",), ("whsec_canary+canary+canary+canary+cana",))
FLAT = 8 * 1024
"""So many KiB more at the end than after a tenth is noise of the allocator."""


def kilobytes() -> int:
    """The memory of this process that is in use."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def read_all(count: int) -> tuple[int, int]:
    """Read so many; how many were understood, and how much the memory grew after a tenth (KiB)."""
    understood = early = 0
    for number, (source, inbound) in enumerate(strange(count, SEED)):
        if number == count // 10:
            early = kilobytes()
        with pytest.raises(BadCredential):
            SOURCES[source].verify(inbound, KNOWN)
        try:
            heard = SOURCES[source].parse(inbound, "")
        except BadPayload as refused:
            assert 0 < len(str(refused)) < 300, (source, inbound)
            continue
        understood += 1
        assert heard.pushes or heard.reason or heard.facts, (source, inbound)
        for push in heard.pushes:
            one = push.image
            assert image_of(one.host, one.repository, one.tag, one.digest) == one, (source, inbound)
    return understood, kilobytes() - early


def test_ten_thousand_strange_bodies_are_read_or_refused() -> None:
    understood, _ = read_all(10_000)
    assert 1_000 < understood < 9_000


@pytest.mark.long
def test_a_million_strange_bodies_are_read_or_refused_and_leave_nothing_behind() -> None:
    """With another SEED in the environment they are others."""
    understood, grown = read_all(1_000_000)
    assert understood > 100_000
    assert grown < FLAT
