"""Files of `outputs:` follow what serves, and hold up neither routes nor each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from deployer.condition import troubles
from deployer.config import load
from deployer.config.sources import Sources
from deployer.config.values import Output
from deployer.deployment import Status, Trigger, Wanted
from deployer.model import Image, Running
from deployer.outputs import Outputs
from deployer.parts import Parts
from deployer.proxies.outputs import OutputFiles
from deployer.published import published
from deployer.reloading import Reloading
from deployer.spec import Spec
from deployer.worker import Worker
from tests.proxies.test_outputs import state
from tests.test_worker import eventually, working
from tests.world import World, app, must, small_world

TEMPLATE = """{% for app in apps %}
{% for replica in app.replicas %}
{{ app.name }} {{ app.tag }} {{ replica.address }}:{{ replica.port }}
{% endfor %}
{% endfor %}"""
EDGE = Image("docker.io", "acme/edge", "latest")


class Scene:
    """A world with an app that serves, a stranger's container `edge`, and outputs."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.template, self.notes = path / "a.j2", path / "notes"
        self.template.write_text(TEMPLATE)
        self.one = Output(
            name="one", template=self.template, file=path / "one", container="edge", signal="HUP"
        )
        self.two = Output(name="two", template=self.template, file=path / "two")
        self.edge = world.engine.stranger("edge", EDGE)
        world.push()
        world.deploy(Wanted("web", Trigger.WEBHOOK, tag="latest"))

    def told(self) -> list[str]:
        """What `edge` was told, or was to be told, each time."""
        verbs = ("signal", "restart")
        return [f"{verb} {about}" for verb, about in self.world.journal if verb in verbs]

    def reason(self, worker: Worker, name: str = "one") -> str:
        """Why an output fails; "" where it does not."""
        return str(must(worker.outputs).shown()[name]["reason"])

    def line(self) -> str:
        """What a file says of the app."""
        (replica,) = self.world.replicas()
        return f"web latest {replica.address}:8080\n"

    def follows(self, output: Output) -> bool:
        """Whether a file says what serves."""
        return output.file.exists() and output.file.read_text() == self.line()

    @contextmanager
    def working(self, *outputs: Output, reloading: Reloading | None = None) -> Iterator[Worker]:
        """A worker with these outputs, until the end of the block."""
        made = Outputs(
            OutputFiles(self.notes),
            self.world.engine,
            {one.name: one for one in outputs},
            first_pause=0.05,
            longest_pause=0.2,
        )
        with working(self.world, reloading=reloading, outputs=made) as worker:
            yield worker


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "world").mkdir()
    with small_world(tmp_path / "world") as world:
        yield Scene(world, tmp_path)


def see(world: World, parts: Parts | None = None) -> list[dict[str, object]]:
    """What templates know of apps, without their replicas."""
    parts = parts or world.parts
    known = published(parts, world.store.active(), world.engine.replicas())
    return [{"name": one.name, "replicas": [r.address for r in one.replicas]} for one in known]


class TestWhatIsKnown:
    """Only what serves, and nothing secret."""

    def test_a_replica_is_known_while_it_runs_under_the_address_of_now(self, scene: Scene) -> None:
        world = scene.world
        (one,) = world.replicas()
        assert see(world) == [{"name": "web", "replicas": [one.address]}]
        world.engine.move(one, "10.9.9.9")
        assert see(world) == [{"name": "web", "replicas": ["10.9.9.9"]}]
        world.engine.change(one, Running.EXITED)
        assert see(world) == [{"name": "web", "replicas": []}]

    def test_what_was_never_deployed_or_is_gone_from_the_configuration_is_not(
        self, scene: Scene
    ) -> None:
        parts = scene.world.parts
        more = {**parts.apps, "new": app("new")}
        assert [one["name"] for one in see(scene.world, replace(parts, apps=more))] == ["web"]
        assert see(scene.world, replace(parts, apps={"new": app("new")})) == []

    def test_no_environment_and_no_label_that_tells_of_a_secret_is(self, scene: Scene) -> None:
        world = scene.world
        labels = (("team", "shop"), ("api_token", "canary-1"), ("auth", "canary-2"))
        world.change(spec=Spec(environment=(("KEY", "canary-3"),), labels=labels))
        world.deploy(Wanted("web", Trigger.CONFIG, tag="latest"))
        (known,) = published(world.parts, world.store.active(), world.engine.replicas())
        assert known.labels == {"team": "shop"}
        assert "canary" not in repr(known)


class TestFollowing:
    """A file follows, and only a change of it is told."""

    def test_a_deployment_and_a_new_address_are_in_the_file_and_each_is_told_once(
        self, scene: Scene
    ) -> None:
        with scene.working(scene.one):
            eventually(lambda: scene.follows(scene.one) and scene.told() == ["signal edge HUP"])
            before = state(scene.one.file)
            (replica,) = scene.world.replicas()
            looks = scene.world.journal.count(("replicas", ""))
            eventually(lambda: scene.world.journal.count(("replicas", "")) > looks + 5)
            assert (state(scene.one.file), len(scene.told())) == (before, 1)
            scene.world.engine.change(replica, Running.EXITED)
            eventually(lambda: scene.one.file.read_text() == "")
            scene.world.engine.change(replica, Running.RUNNING)
            eventually(lambda: scene.follows(scene.one))
            eventually(lambda: len(scene.told()) == 3)

    def test_the_next_worker_tells_nobody_what_was_told(self, scene: Scene) -> None:
        with scene.working(scene.one):
            eventually(lambda: scene.told() == ["signal edge HUP"])
            eventually(lambda: not list(scene.notes.iterdir()))
        with scene.working(scene.one, scene.two):
            eventually(lambda: scene.follows(scene.two))
        assert len(scene.told()) == 1

    def test_a_container_is_restarted_where_that_was_wanted(self, scene: Scene) -> None:
        with scene.working(scene.one.model_copy(update={"signal": None, "restart": True})):
            eventually(lambda: scene.told() == ["restart edge"])

    def test_outputs_come_and_go_with_the_configuration(self, scene: Scene, tmp_path: Path) -> None:
        app = "apps: {web: {image: acme/web, deploy: {watch: 0}, reconcile: {interval: off}}}\n"
        both = f"{{template: a.j2, file: {tmp_path}/one}}, two: {{template: a.j2, file: {tmp_path}"
        path = tmp_path / "config.yml"
        path.write_text(app)
        sources = Sources(path, lambda: load(path, {}, part="worker"), settle=0.02)
        reloading = Reloading(sources, sources.load(), threading.Event(), glance=0.01)
        with scene.working(reloading=reloading) as worker:
            path.write_text(f"{app}outputs: {{one: {both}/two}}}}\n")
            eventually(lambda: scene.one.file.exists() and scene.two.file.exists())
            assert must(worker.outputs).shown().keys() == {"one", "two"}
            path.write_text(app)
            eventually(lambda: not must(worker.outputs).shown())
            eventually(lambda: scene.world.store.snapshot()["outputs"] == {})
        assert scene.one.file.exists()


class TestFailing:
    """What fails is shown and tried again, and nothing waits for it."""

    def test_a_container_that_is_away_is_told_when_it_is_back(self, scene: Scene) -> None:
        scene.world.engine.change(scene.edge, Running.EXITED)
        with scene.working(scene.one) as worker:
            eventually(lambda: "edge" in scene.reason(worker))
            eventually(lambda: len(scene.told()) > 2)
            scene.world.engine.change(scene.edge, Running.RUNNING)
            eventually(lambda: scene.reason(worker) == "")
            last = len(scene.told())
            assert scene.follows(scene.one)
        assert len(scene.told()) == last

    def test_the_next_worker_tells_what_this_one_could_not(self, scene: Scene) -> None:
        scene.world.engine.change(scene.edge, Running.EXITED)
        with scene.working(scene.one) as worker:
            eventually(lambda: scene.reason(worker))
        scene.world.engine.change(scene.edge, Running.RUNNING)
        before = len(scene.told())
        with scene.working(scene.one) as worker:
            eventually(lambda: len(scene.told()) > before)
            eventually(lambda: not list(scene.notes.iterdir()))
        assert len(scene.told()) == before + 1

    def test_a_broken_template_is_a_trouble_until_it_is_mended_and_apps_are_deployed(
        self, scene: Scene
    ) -> None:
        world = scene.world
        scene.template.write_text("{{ nobody }}")
        with structlog.testing.capture_logs() as logs, scene.working(scene.one):

            def told() -> list[str]:
                found = troubles(world.store, ["web"], world.parts.now())
                return [one.reason for one in found if one.what == "output one"]

            eventually(told)
            assert f"{scene.template}:1" in told()[0]
            world.push()
            number = world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
            eventually(lambda: world.stored(number).status is Status.SUCCEEDED)
            eventually(lambda: world.routed() == world.addresses(number))
            assert not scene.one.file.exists()
            scene.template.write_text(TEMPLATE)
            eventually(lambda: not told())
            eventually(lambda: scene.follows(scene.one))
        assert len([one for one in logs if one["event"] == "output fails"]) == 1

    def test_a_container_that_does_not_answer_holds_up_no_route_and_no_file(
        self, scene: Scene
    ) -> None:
        world, gate, asked = scene.world, threading.Event(), threading.Event()

        class Slow:
            def signal(self, _container: str, _signal: str) -> None:
                asked.set()
                gate.wait(20)

        with scene.working(scene.one, scene.two) as worker:
            must(worker.outputs).engine = Slow()  # type: ignore[assignment]
            scene.one.file.unlink(missing_ok=True)
            assert asked.wait(10)
            (replica,) = world.replicas()
            world.engine.move(replica, "10.9.9.9")
            eventually(lambda: world.routed() == ["10.9.9.9"])
            eventually(lambda: scene.follows(scene.one) and scene.follows(scene.two))
            gate.set()
