"""`render`: the routes that the store and the snapshot give, as Nginx would get them."""

from __future__ import annotations

import json

from deployer.cli.render import routes_of
from deployer.config import load
from deployer.model import Running
from deployer.routing import Route, Target
from tests.cli.world import World, replica


def routes(world: World) -> list[Route]:
    store = world.store
    return routes_of(load(world.config, {}), store.active(), store.snapshot())


def test_a_route_leads_to_the_running_replicas_of_what_serves_in_order(world: World) -> None:
    old = world.deploy(number=1, ago=100)
    new = world.deploy(number=2, ago=50)
    world.see(
        replica(new, 2),
        replica(new, 1),
        replica(new, 3, state=Running.EXITED),
        replica(new, 4, address=""),
        replica(old, 9),
    )
    targets = (Target("172.18.0.11", 8080), Target("172.18.0.12", 8080))
    assert routes(world) == [Route("web", ("web.example.com",), "/", targets)]


def test_an_app_without_route_or_without_release_gives_none(world: World) -> None:
    done = world.deploy("api")
    world.see(replica(done, 1))
    assert routes(world) == []


def test_without_a_snapshot_nothing_is_routed(world: World) -> None:
    world.deploy()
    assert routes(world) == []


def test_the_files_are_printed_or_written_to_a_new_folder_and_nothing_else_is_touched(
    world: World,
) -> None:
    done = world.deploy()
    world.see(replica(done, 1))
    before = sorted((world.folder / "state").rglob("*"))
    printed, read = world.run("render"), world.run("render", "--json")
    folder = world.folder / "out"
    written = world.run("render", "--output", str(folder))
    assert [one.exit_code for one in (printed, read, written)] == [0, 0, 0]
    files = json.loads(read.stdout)["files"]
    assert "172.18.0.11:8080" in files["upstreams/web.conf"]
    for name, text in files.items():
        assert (folder / name).read_text() == text
        assert f"# {name}\n{text.rstrip()}" in printed.stdout
    assert sorted((world.folder / "state").rglob("*")) == before


def test_before_a_worker_has_run_nothing_is_made_up(world: World) -> None:
    result = world.run("render")
    assert result.exit_code == 1
    assert "no worker has run on this store. Start `deployer serve`" in " ".join(
        result.stderr.split()
    )


def test_a_folder_with_files_in_it_is_left_alone(world: World) -> None:
    kept = world.folder / "secrets"
    result = world.run("render", "--output", str(kept))
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [file.name for file in kept.iterdir()] == ["dockerhub.token"]


def test_a_site_that_is_held_back_is_named_and_the_others_are_rendered(world: World) -> None:
    """One that cannot be rendered is closed here, as nothing is live; one that only Nginx refused
    is rendered as it would be.
    """
    done = world.deploy()
    templates = world.folder / "nginx"
    templates.mkdir()
    text = world.config.read_text().replace("port: 8080", "port: 8080, snippet: web.conf")
    world.config.write_text(f"{text}nginx: {{templates: nginx}}\n")
    world.see(replica(done, 1), held=[("web", "no such zone")])
    refused = world.run("render", "--json")
    assert "web is held back: there is no file web.conf in" in refused.stderr
    document = json.loads(refused.stdout)
    assert "return 503" in document["files"]["locations/web.conf"]
    assert list(document["held"]) == ["web"]
    (templates / "web.conf").write_text("add_header X-A b;\n")
    rendered = world.run("render", "--json")
    assert "web is not so in Nginx: no such zone" in rendered.stderr
    document = json.loads(rendered.stdout)
    assert "add_header X-A b;" in document["files"]["locations/web.conf"]
    assert document["refused"] == {"web": "no such zone"}
