"""What the engine makes of a spec, as `docker inspect` shows it, and what it leaves alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.engines.docker.client import Clients
from deployer.engines.docker.create.body import container
from deployer.engines.docker.create.networks import all_at_create
from deployer.engines.docker.engine import DockerEngine
from deployer.engines.docker.files import ReleaseFiles
from deployer.engines.docker.labels import Identity
from deployer.errors import EngineUnavailable, StartFailed
from deployer.model import Image, Release, Replica, Running
from deployer.spec import Attachment, Spec, Volume
from tests.contracts.engine import SPEC, pull, release, settled
from tests.engines.docker.lossy import LossyDocker
from tests.engines.docker.world import WORLD, DockerWorld, no_login
from tests.fakes.registry import Behaviour
from tests.lab.images import BUSYBOX, ensure_busybox
from tests.lab.registry import Registry
from tests.lab.shell import run, succeeds, wait_until

pytestmark = pytest.mark.lab


@pytest.fixture
def volume(world: DockerWorld) -> Iterator[str]:
    yield f"{world.app}-data"
    for one in world.api.containers(all=True, filters={"volume": f"{world.app}-data"}):
        world.api.remove_container(one["Id"], force=True)
    world.api.remove_volume(f"{world.app}-data")


def test_inspect_shows_every_key_of_the_spec(
    world: DockerWorld, volume: str, tmp_path: Path
) -> None:
    front, back = world.network(), world.network()
    spec = Spec(
        command=("sh", "-c", "sleep 60"),
        environment=(("A", "1"), ("B", "x=y z")),
        volumes=(
            Volume(str(tmp_path), "/bound", read_only=True, type="bind"),
            Volume(volume, "/data"),
        ),
        networks=(Attachment(front), Attachment(back)),
        labels=(("team", "web"),),
        restart="on-failure:3",
        stop_signal="SIGKILL",
        stop_grace_period=4.5,
    )
    ready = release(world, 3, spec)
    replica = world.engine.start(ready, 12)[0]
    shown = world.inspect(replica)
    config, host = shown["Config"], shown["HostConfig"]

    assert shown["Name"] == f"/{world.app}-12-1"
    assert config["Image"] == ready.image.pinned
    assert config["Cmd"] == ["sh", "-c", "sleep 60"]
    assert {"A=1", "B=x=y z"} <= set(config["Env"])
    ours = Identity(world.app, world.app, 12, 3, 1)
    assert {**ours.labels, "team": "web"}.items() <= config["Labels"].items()
    assert (config["StopSignal"], config["StopTimeout"]) == ("SIGKILL", 5)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["PortBindings"] in (None, {})
    assert {(one["Type"], one["Destination"], one["RW"]) for one in shown["Mounts"]} == {
        ("bind", "/bound", False),
        ("volume", "/data", True),
    }
    networks = shown["NetworkSettings"]["Networks"]
    assert set(networks) == {front, back}
    assert all(world.app in one["Aliases"] for one in networks.values())
    assert replica.address == networks[front]["IPAddress"] != ""


def test_without_keys_the_images_own_word_counts_on_the_default_bridge(world: DockerWorld) -> None:
    lines = ("ENV KEPT=yes", "WORKDIR /srv", "STOPSIGNAL SIGUSR1")
    image = pull(world, world.push(Behaviour.ANSWERS, lines=lines))
    replica = world.engine.start(Release(world.app, 1, image, Spec()), 1)[0]
    shown = world.inspect(replica)
    assert "KEPT=yes" in shown["Config"]["Env"]
    assert shown["Config"]["WorkingDir"] == "/srv"
    assert shown["Config"]["StopSignal"] == "SIGUSR1"
    assert shown["Config"]["Cmd"][:2] == ["sh", "-c"]
    assert shown["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert replica.address == shown["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] != ""


def test_the_verdict_of_the_images_own_healthcheck_is_shown(world: DockerWorld) -> None:
    check = "HEALTHCHECK --interval=2s --timeout=5s --retries=1 CMD true"
    image = pull(world, world.push(Behaviour.ANSWERS, lines=(check,)))
    replica = world.engine.start(Release(world.app, 1, image, SPEC), 1)[0]
    assert replica.health == "starting"
    limit = time.monotonic() + 30
    while world.engine.look(replica).health != "healthy":
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_a_missing_bind_source_fails_and_is_not_created(world: DockerWorld, tmp_path: Path) -> None:
    spec = replace(SPEC, volumes=(Volume(str(tmp_path / "absent"), "/a", type="bind"),))
    with pytest.raises(StartFailed, match=r"bind source path does not exist.*absent"):
        world.engine.start(release(world, spec=spec), 1)
    assert not (tmp_path / "absent").exists()


def test_a_program_that_does_not_exist_fails_with_dockers_words_and_can_be_discarded(
    world: DockerWorld,
) -> None:
    spec = replace(SPEC, command=("/no/such/program",))
    with pytest.raises(StartFailed, match="/no/such/program"):
        world.engine.start(release(world, spec=spec), 1)
    left = world.engine.replicas(world.app)
    assert [one.state for one in left] == [Running.CREATED]
    assert world.engine.logs(left[0], 10) == ""
    world.engine.discard(world.app, 1)
    assert world.engine.replicas(world.app) == []


def test_a_container_that_was_created_but_never_joined_or_started_is_adopted(
    world: DockerWorld,
) -> None:
    spec = replace(SPEC, networks=(Attachment(world.network()), Attachment(world.network())))
    ready = release(world, spec=spec)
    identity = Identity(world.app, world.app, 7, ready.number, 1)
    body = container(ready, identity, {}, world.api.api_version)
    made = world.api.create_container_from_config(body, name=identity.name)  # type: ignore[no-untyped-call]
    replica = world.engine.start(ready, 7)[0]
    assert replica.id == made["Id"]
    assert replica.state is Running.RUNNING
    assert set(world.inspect(replica)["NetworkSettings"]["Networks"]) == {
        one.name for one in spec.networks
    }


def test_another_release_of_ours_with_the_same_name_is_not_adopted(world: DockerWorld) -> None:
    ready = release(world)
    before = world.engine.start(ready, 7)
    with pytest.raises(StartFailed, match="another container"):
        world.engine.start(replace(ready, number=2), 7)
    assert world.engine.replicas(world.app) == before


def test_another_deployer_on_the_same_docker_sees_and_takes_nothing_of_ours(
    world: DockerWorld,
) -> None:
    ready = release(world)
    world.engine.keep(ready)
    ours = world.engine.start(ready, 7)
    other = DockerEngine(world.clients, f"{world.app}x", no_login, world.files)
    assert other.replicas() == []
    other.discard(world.app, 7)
    other.forget(world.app, keep=[])
    with pytest.raises(StartFailed, match="another container"):
        other.start(ready, 7)
    assert world.engine.replicas() == ours
    world.engine.discard(world.app, 7)
    other.forget(world.app, keep=[])
    assert world.engine.has(ready.image)


def test_a_container_that_has_our_labels_from_its_image_is_not_ours(world: DockerWorld) -> None:
    """As that of an image that `docker commit` made of a replica, run by hand."""
    ours = world.engine.start(release(world), 7)
    as_it_was = world.take(f"{world.app}-debugging", world.inspect(ours[0])["Config"]["Labels"])
    assert world.engine.replicas() == ours
    world.engine.discard(world.app, 7)
    assert world.engine.replicas() == []
    assert as_it_was()


def test_a_kept_image_outlives_a_prune_of_dangling_images(world: DockerWorld) -> None:
    kept, loose = release(world, 1), release(world, 2)
    world.engine.keep(kept)
    dangling = {"dangling": True, "label": [f"{WORLD}={world.app}"]}
    world.api.prune_images(filters=dangling)  # type: ignore[no-untyped-call]
    assert world.engine.has(kept.image)
    assert not world.engine.has(loose.image)


def test_an_image_that_somebody_tagged_stays_under_all_its_names(world: DockerWorld) -> None:
    kept = release(world, 1)
    world.engine.keep(kept)
    world.api.tag(kept.image.pinned, f"{world.app}/mine", tag="v1")
    world.engine.forget(world.app, keep=[])
    assert world.engine.has(kept.image)
    world.api.remove_image(f"{world.app}/mine:v1")


def test_an_image_that_serves_on_keeps_only_the_names_of_kept_releases(world: DockerWorld) -> None:
    """The same image with another spec is another release: its names must not pile up."""
    older = release(world, 1)
    newer = replace(older, number=2)
    for one in (older, newer):
        world.engine.keep(one)
    world.engine.start(newer, 1)
    world.engine.forget(world.app, keep=[2])
    shown = world.api.inspect_image(older.image.pinned)  # type: ignore[no-untyped-call]
    kept = [tag for tag in shown["RepoTags"] or [] if f":{world.app}.r" in tag]
    assert [tag.rpartition(".r")[2] for tag in kept] == ["2"]


def test_restarts_are_switched_off_before_the_stop(world: DockerWorld) -> None:
    spec = replace(SPEC, restart="always")
    replica = world.engine.start(release(world, spec=spec), 1)[0]
    began = int(time.time()) - 1
    world.engine.retire(replica)
    events = world.api.events(
        since=began,
        until=int(time.time()) + 1,
        decode=True,
        filters={"container": replica.id, "event": ["update", "kill", "die", "destroy"]},
    )
    assert [one["Action"] for one in events] == ["update", "kill", "die", "destroy"]


@pytest.fixture
def lossy(world: DockerWorld, tmp_path: Path) -> Iterator[tuple[LossyDocker, DockerEngine]]:
    """The world's engine behind a socket that can lose answers."""
    with LossyDocker(tmp_path / "docker.sock") as docker:
        yield (
            docker,
            DockerEngine(Clients(f"unix://{docker.path}"), world.app, no_login, world.files),
        )


@pytest.mark.parametrize(
    "lost", ["/tag?", "/containers/create", "/connect", "/start", "/update", "DELETE "]
)
def test_an_answer_that_never_came_is_looked_for_and_not_assumed_to_be_a_no(
    world: DockerWorld, lossy: tuple[LossyDocker, DockerEngine], lost: str
) -> None:
    """The connection breaks when Docker has done it; nothing fails, is made twice or is left."""
    docker, engine = lossy
    networks = (Attachment(world.network()), Attachment(world.network()))
    ready = release(world, spec=replace(SPEC, networks=networks))
    docker.lose(lost)
    engine.keep(ready)
    [replica] = engine.start(ready, 7)
    assert world.engine.replicas() == [replica]
    assert replica.state is Running.RUNNING
    assert len(world.inspect(replica)["NetworkSettings"]["Networks"]) == 2
    assert engine.retire(replica).state is Running.EXITED
    if lost != "/connect" or not all_at_create(world.api.api_version):
        assert docker.lost == [lost]
    assert world.engine.replicas() == []
    world.engine.forget(world.app, [])


def test_a_start_that_was_never_answered_runs_what_ends_at_once_a_single_time(
    world: DockerWorld, lossy: tuple[LossyDocker, DockerEngine]
) -> None:
    docker, engine = lossy
    ready = release(world, behaviour=Behaviour.EXITS)
    docker.lose("/start")
    [replica] = engine.start(ready, 7)
    ended = settled(world, replica, Running.EXITED)
    assert docker.lost == ["/start"]
    assert world.engine.logs(ended, 10) == "broken"


def test_where_docker_stays_away_a_half_done_start_is_completed_by_the_next(
    world: DockerWorld, lossy: tuple[LossyDocker, DockerEngine]
) -> None:
    docker, engine = lossy
    ready = release(world)
    docker.lose("/containers/create")
    docker.lose("/containers/create")
    with pytest.raises(EngineUnavailable, match="did not answer"):
        engine.start(ready, 7)
    made = world.engine.replicas(world.app)
    assert [one.state for one in made] == [Running.CREATED]
    assert [one.id for one in engine.start(ready, 7)] == [made[0].id]


def test_a_stop_that_was_never_answered_is_looked_at_and_not_assumed_to_have_failed(
    world: DockerWorld, lossy: tuple[LossyDocker, DockerEngine]
) -> None:
    docker, engine = lossy
    replica = world.engine.start(release(world, behaviour=Behaviour.STUBBORN), 7)[0]
    docker.lose("/stop?")
    ended = engine.retire(replica)
    assert docker.lost == ["/stop?"]
    assert (ended.state, ended.exit_code) == (Running.EXITED, 137)
    assert world.engine.replicas(world.app) == []


def test_how_a_container_ended_that_docker_started_again_is_not_waited_for(
    world: DockerWorld, lossy: tuple[LossyDocker, DockerEngine]
) -> None:
    """Docker is asked for events up to now: an end in the future it would wait for."""
    docker, engine = lossy
    spec = replace(SPEC, restart="always", command=("sh", "-c", "sleep 0.3; exit 3"))
    replica = world.engine.start(release(world, spec=spec), 7)[0]
    wait_until(lambda: world.engine.look(replica).restarts > 0, "a restart")
    # While it is down its own state has the code; only of one that runs again events are asked.
    wait_until(
        lambda: (
            engine.look(replica).exit_code == 3 and any("/events" in one for one in docker.asked)
        ),
        "its exit code from events",
    )
    untils = [re.search(r"until=([0-9.]+)", one) for one in docker.asked if "/events" in one]
    assert untils
    assert all(found and float(found[1]) <= time.time() for found in untils)


def test_anonymous_volumes_go_with_their_container_and_named_ones_stay(
    world: DockerWorld, volume: str
) -> None:
    image = pull(world, world.push(Behaviour.ANSWERS, lines=("VOLUME /anonymous",)))
    spec = replace(SPEC, volumes=(Volume(volume, "/data"),))
    replica = world.engine.start(Release(world.app, 1, image, spec), 1)[0]
    names = {one["Name"] for one in world.inspect(replica)["Mounts"]}
    assert len(names) == 2
    world.engine.retire(replica)
    left = {one["Name"] for one in world.api.volumes()["Volumes"] or []}
    assert names & left == {volume}


def test_log_lines_of_both_streams_come_in_order_and_harmless(world: DockerWorld) -> None:
    script = r"echo one; echo two >&2; printf 'three\033[2J\n'; sleep 0.2; echo four >&2; exit 1"
    spec = replace(SPEC, command=("sh", "-c", script))
    replica = world.engine.start(release(world, spec=spec), 1)[0]
    settled(world, replica, Running.EXITED)
    lines = world.engine.logs(replica, 10).splitlines()
    assert sorted(lines[:3]) == ["one", "three\\x1b[2J", "two"]
    assert lines[3:] == ["four"]
    assert world.engine.logs(replica, 1) == "four"


def test_a_log_that_cannot_be_read_does_not_fail_the_reader(world: DockerWorld) -> None:
    ready = release(world)
    identity = Identity(world.app, world.app, 1, 1, 1)
    body = container(ready, identity, {}, world.api.api_version)
    body["HostConfig"]["LogConfig"] = {"Type": "none"}
    world.api.create_container_from_config(body, name=f"{world.app}-1-1")  # type: ignore[no-untyped-call]
    replica = world.engine.start(ready, 1)[0]
    assert world.engine.logs(replica, 10).startswith("(no log lines: ")


def test_every_verb_says_that_docker_is_missing(lab_registry: Registry) -> None:
    engine = DockerEngine(
        Clients("tcp://127.0.0.1:1"), "t", no_login, ReleaseFiles(Path("/nonexistent"))
    )
    image = Image(lab_registry.address, "acme/shop", "v1", f"sha256:{0:064}")
    replica = Replica("shop", 1, 1, 1, "id", "shop-1-1")
    ready = Release("shop", 1, image, Spec())
    for verb in (
        lambda: engine.has(image),
        lambda: engine.keep(ready),
        lambda: engine.forget("shop", []),
        lambda: engine.start(ready, 1),
        lambda: engine.look(replica),
        lambda: engine.logs(replica, 1),
        lambda: engine.replicas(),
        lambda: engine.retire(replica),
        lambda: engine.discard("shop", 1),
    ):
        with pytest.raises(EngineUnavailable, match="it refuses connections"):
            verb()


def test_what_asked_nginxs_image_and_never_started_is_swept_and_no_strangers(
    world: DockerWorld,
) -> None:
    """A worker that is killed between creation and start leaves it, and Docker removes it never."""
    ensure_busybox()
    made = {instance: probe(instance) for instance in (world.app, f"{world.app}x")}
    try:
        swept = world.engine.sweep()
        left = {one["Id"] for one in world.api.containers(all=True)}
        assert [made[name] in left for name in made] == [False, True]
        assert len(swept) == 1
        assert world.engine.sweep() == []
    finally:
        succeeds(["docker", "rm", "--force", *made.values()])


def probe(instance: str) -> str:
    """The id of a container as one is made to ask Nginx's image for its version."""
    labels = (f"deployer.instance={instance}", "deployer.role=nginx-probe")
    return run(["docker", "create", *(f"--label={label}" for label in labels), BUSYBOX]).strip()
