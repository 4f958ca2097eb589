"""What every store promises of containers that were there before deployer."""

from __future__ import annotations

import pytest

from deployer.deployment import Status, Trigger, Wanted
from deployer.errors import Refused
from deployer.model import Image, Release
from deployer.ports import Active, Adopted, Adoption, Store
from deployer.spec import Spec

IMAGE = Image("docker.io", "acme/shop", "1.4", f"sha256:{'e' * 64}")
SPEC = Spec(restart="always", environment=(("TOKEN", "canary-7c2a"),))
ADOPTION = Adoption("shop", "f" * 64, IMAGE, SPEC, ("container shop", "not kept: links"))


class Adopting:
    """Adoption is one transaction."""

    def test_an_adopted_container_is_the_first_release_and_what_serves(self, store: Store) -> None:
        release = store.adopt(ADOPTION, 5.5)
        assert release == Release("shop", 1, IMAGE, SPEC)
        assert store.open_release("shop", 1) == release
        queued, done = store.deployments("shop")
        assert store.active() == {"shop": Active("shop", 1, done.id)}
        assert store.adopted() == [Adopted("f" * 64, "shop", 1, done.id)]
        assert (done.trigger, done.status) == (Trigger.BOOTSTRAP, Status.SUCCEEDED)
        assert (done.digest, done.release, done.serving) == (IMAGE.digest, 1, 1)
        assert (done.started_at, done.ended_at) == (5.5, 5.5)
        assert [one.message for one in store.transitions(done.id)] == [*ADOPTION.told, done.reason]
        assert (queued.trigger, queued.status) == (Trigger.BOOTSTRAP, Status.QUEUED)

    def test_what_waits_already_follows_the_adoption(self, store: Store) -> None:
        waiting = store.enqueue(Wanted("shop", Trigger.WEBHOOK, "1.5"), 1.0)
        store.adopt(ADOPTION, 5.5)
        assert sorted(one.id for one in store.deployments("shop")) == [waiting, waiting + 1]
        claimed = store.claim(6.0)
        assert claimed is not None
        assert claimed.id == waiting

    def test_an_app_with_a_release_adopts_nothing_and_stays_as_it_is(self, store: Store) -> None:
        store.adopt(ADOPTION, 5.5)
        before = (store.active(), store.deployments(), store.adopted(), store.releases("shop"))
        with pytest.raises(Refused, match="shop has a release already"):
            store.adopt(ADOPTION, 6.5)
        after = (store.active(), store.deployments(), store.adopted(), store.releases("shop"))
        assert after == before

    def test_a_refused_adoption_is_a_deployment_that_failed(self, store: Store) -> None:
        number = store.not_adopted("shop", 5.5, "it does not run")
        (failed,) = store.deployments("shop")
        assert (failed.id, failed.status, failed.reason) == (
            number,
            Status.FAILED,
            "it does not run",
        )
        assert (failed.ended_at, failed.serving) == (5.5, None)
        assert (store.active(), store.adopted(), store.running()) == ({}, [], [])
        assert store.claim(6.0) is None
