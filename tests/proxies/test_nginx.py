"""What a real Nginx does with generations, templates and crashes."""

from __future__ import annotations

import os
import socket
import socketserver
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployer.errors import ConfigRejected, NotConfirmed, ProxyError, RenderRefused
from deployer.proxies.templates import package_templates
from tests.contracts.proxy import HOST, until
from tests.lab.ports import free_port
from tests.proxies.rig import NginxRig, docker

pytestmark = pytest.mark.lab


KINDS = ("upstreams", "locations", "sites")


def override(rig: NginxRig, template: str, old: str, new: str) -> Path:
    """Put a changed copy of the package's template into the user's folder."""
    text = (package_templates() / template).read_text()
    assert old in text
    path = rig.templates / template
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_same_routes_again_send_no_hup_and_write_nothing(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    disk, reloads = rig.disk(), rig.host.reloads
    rig.proxy.apply([rig.route("web", "one")])
    assert (rig.disk(), rig.host.reloads) == (disk, reloads)


def test_a_generation_is_complete_and_unchanged_files_are_hard_links(rig: NginxRig) -> None:
    other = rig.route("api", "api", host="api.example")
    first = rig.proxy.apply([rig.route("web", "one"), other])
    second = rig.proxy.apply([rig.route("web", "two"), other])
    old, new = (rig.state / f"generations/{one.generation}" for one in (first, second))
    of_apps = {f"{kind}/{app}.conf" for kind in KINDS for app in ("web", "api")}
    files = {"nginx.conf", "mime.types", "receiver.conf", "served.json", *of_apps}
    assert {str(path.relative_to(new)) for path in new.rglob("*.*")} == files
    changed = {name for name in of_apps if not (new / name).samefile(old / name)}
    assert changed == {"upstreams/web.conf"}
    assert str((rig.state / "current").readlink()) == f"generations/{second.generation}"


def test_a_template_that_nginx_refuses_changes_nothing_and_is_named_with_file_and_line(
    rig: NginxRig,
) -> None:
    before = rig.proxy.apply([rig.route("web", "one")])
    disk, reloads = rig.disk(), rig.host.reloads
    path = override(rig, "locations.conf.j2", "proxy_pass", "proxy_pas_s x;\n    proxy_pass")
    web = rig.route("web", "one")
    applied = rig.proxy.apply([rig.route("web", "two")], {"web": web})
    assert isinstance(applied.held["web"], ConfigRejected)
    said = str(applied.held["web"])
    assert 'unknown directive "proxy_pas_s" in locations/web.conf:' in said
    assert f"rendered from {path}" in said
    assert "the previous configuration is still live" in said
    assert (rig.disk(), rig.host.reloads) == (disk, reloads)
    assert rig.proxy.live() == before.generation
    assert rig.ask(HOST) == "one"


def test_an_empty_template_changes_nothing_though_nginx_would_take_it(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    disk = rig.disk()
    path = rig.templates / "site.conf.j2"
    path.write_text("")
    applied = rig.proxy.apply([rig.route("web", "two")], {"web": rig.route("web", "one")})
    assert isinstance(applied.held["web"], RenderRefused)
    assert f"sites/web.conf:1, rendered from {path}" in str(applied.held["web"])
    assert rig.disk() == disk
    assert rig.ask(HOST) == "one"


def test_a_users_template_with_more_headers_goes_live(rig: NginxRig) -> None:
    override(rig, "locations.conf.j2", "proxy_pass", 'add_header X-Mine "1";\n        proxy_pass')
    rig.proxy.apply([rig.route("web", "one")])
    assert rig.ask(HOST) == "one"


def test_a_port_that_another_process_has_is_found_at_the_reload_and_put_back(
    rig: NginxRig,
) -> None:
    """`nginx -t` passes then, and Nginx silently keeps the old configuration."""
    before = rig.proxy.apply([rig.route("web", "one")])
    with socket.create_server(("", 0)) as taken:
        settings = rig.settings.model_copy(update={"http_port": taken.getsockname()[1]})
        with pytest.raises(
            NotConfirmed, match=r"bind\(\) .* failed .*Address already in use"
        ) as no:
            rig.nginx(settings).apply([rig.route("web", "one")])
    assert f"the previous configuration (generation {before.generation}) is live" in str(no.value)
    assert str((rig.state / "current").readlink()) == f"generations/{before.generation}"
    assert not (rig.state / f"generations/{before.generation + 1}").exists()
    assert rig.ask(HOST) == "one"


def test_a_shared_zone_that_nginx_cannot_change_is_found_at_the_reload_and_put_back(
    rig: NginxRig,
) -> None:
    """`nginx -t` passes here as well."""
    rig.proxy.apply([rig.route("web", "one")])
    override(rig, "receiver.conf.j2", "limit_req_zone $binary_remote_addr", "limit_req_zone $host")
    with pytest.raises(NotConfirmed, match=r'limit_req "receiver_\w+" uses the "\$host" key'):
        rig.proxy.apply([rig.route("web", "two")])
    assert rig.ask(HOST) == "one"


def test_a_first_start_on_a_port_that_is_taken_leaves_nothing_that_restarts(rig: NginxRig) -> None:
    with socket.create_server(("", rig.settings.http_port)):
        with pytest.raises(NotConfirmed, match=r"does not start .* bind\(\) .* failed") as refused:
            rig.proxy.apply([rig.route("web", "one")])
        assert "there is no earlier configuration" in str(refused.value)
        assert rig.host.workers() == []
    rig.proxy.apply([rig.route("web", "one")])
    assert rig.ask(HOST) == "one"


@pytest.mark.parametrize("how", ["kill -9", "docker kill", "docker rm"])
def test_after_nginx_was_killed_the_same_routes_make_it_serve_again(
    rig: NginxRig, how: str
) -> None:
    applied = rig.proxy.apply([rig.route("web", "one")])
    name = rig.settings.container
    if how == "kill -9":
        master = int(docker("inspect", "--format", "{{.State.Pid}}", name))
        os.kill(master, 9)
    else:
        docker(*(["kill", name] if how == "docker kill" else ["rm", "--force", name]))
    again = rig.proxy.apply([rig.route("web", "one")])
    assert again.generation == applied.generation == rig.proxy.live()
    assert rig.ask(HOST) == "one"


def test_what_is_asked_of_nginx_in_the_moment_of_its_death_is_asked_of_one_like_it(
    rig: NginxRig,
) -> None:
    """Docker calls it running for some time, and its own words would look like a refusal."""
    applied = rig.proxy.apply([rig.route("web", "one")])
    os.kill(int(docker("inspect", "--format", "{{.State.Pid}}", rig.settings.container)), 9)
    rig.host.test(str(rig.state / f"generations/{applied.generation}/nginx.conf"))


class Mute(socketserver.TCPServer):
    """Has a port, and hangs up on everybody."""

    allow_reuse_address = True


def test_a_change_while_nginx_starts_is_not_lost_and_no_app_is_blamed(rig: NginxRig) -> None:
    """Until it has workers, Nginx does not act on a HUP; it waits for its ports that long."""
    rig.proxy.apply([rig.route("web", "one")])
    docker("stop", rig.settings.container)
    before = (rig.state / "current").readlink()
    with ThreadPoolExecutor() as pool, ExitStack() as until_free:
        taken = Mute(("127.0.0.1", rig.settings.status_port), socketserver.BaseRequestHandler)
        until_free.callback(taken.server_close)
        until_free.callback(taken.shutdown)
        pool.submit(taken.serve_forever)
        docker("start", rig.settings.container)
        until(lambda: "bind()" in rig.host.errors(5))
        change = pool.submit(rig.proxy.apply, [rig.route("web", "two")])
        until(lambda: (rig.state / "current").readlink() != before)
        until_free.close()
        assert change.result().held == {}
    assert rig.ask(HOST) == "two"


def test_a_killed_nginx_starts_on_new_routes(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    docker("kill", rig.settings.container)
    applied = rig.proxy.apply([rig.route("web", "two")])
    assert not rig.proxy.remaining(applied.old_workers)
    assert rig.ask(HOST) == "two"


def test_a_worker_process_that_died_between_replace_and_hup_is_caught_up(rig: NginxRig) -> None:
    """As after `kill -9` of deployer: the disk is ahead of what Nginx serves."""
    rig.proxy.apply([rig.route("web", "one")])
    ahead = rig.proxy.apply([rig.route("web", "two")])
    rig.proxy.apply([rig.route("web", "one")])
    current = rig.state / "current"
    current.unlink()
    current.symlink_to(f"generations/{ahead.generation}")
    (rig.state / "generations/.new-left").mkdir()
    applied = rig.nginx(rig.settings).apply([rig.route("web", "two")])
    assert applied.generation == ahead.generation == rig.proxy.live()
    assert applied.old_workers
    assert rig.ask(HOST) == "two"
    assert not (rig.state / "generations/.new-left").exists()


def test_old_generations_are_removed_but_for_the_last_few(rig: NginxRig) -> None:
    for number in range(8):
        applied = rig.proxy.apply([rig.route("web", str(number % 2))])
    kept = {int(path.name) for path in (rig.state / "generations").iterdir()}
    assert kept == set(range(applied.generation - 4, applied.generation + 1))


def test_a_folder_that_others_may_write_is_refused(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    (rig.state / "generations").chmod(0o777)
    with pytest.raises(ProxyError, match=r"generations is not used"):
        rig.proxy.apply([rig.route("web", "two")])
    assert rig.ask(HOST) == "one"


def test_the_app_learns_of_the_client_and_the_clients_own_claims_are_replaced(
    rig: NginxRig,
) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    claims = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "X-Forwarded-Proto": "https"}
    got = rig.seen("/a%2Fb?c=d", claims)
    assert got["host"] == got["x-forwarded-host"] == HOST
    assert (got["x-forwarded-for"], got["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    assert got["x-forwarded-proto"] == "http"
    assert len(got["x-request-id"]) == 32
    assert got["connection"] == "close"


def test_the_path_reaches_the_app_as_the_client_sent_it(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one", path="/shop")])
    _, body = rig.request(HOST, "/shop/a%2Fb?c=d")
    assert b'"path": "/shop/a%2Fb?c=d"' in body


def test_a_port_in_the_host_header_is_handed_on(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    assert rig.seen(headers={"Host": "web.example:8080"})["host"] == "web.example:8080"


def test_a_request_that_names_two_hosts_is_the_apps_only_under_the_routed_one(
    rig: NginxRig,
) -> None:
    """RFC 9112, 3.2.2: the target's host counts, and the app must not see another."""
    rig.proxy.apply([rig.route("web", "one")])
    with socket.create_connection(("127.0.0.1", rig.settings.http_port), 5) as client:
        client.sendall(b"GET http://web.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert b'"host": "web.example"' in client.recv(65536)


def test_a_websocket_is_upgraded(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    with socket.create_connection(("127.0.0.1", rig.settings.http_port), 5) as client:
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: web.example\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        said = b""
        while b"headers" not in said and (part := client.recv(65536)):
            said += part
    assert said.startswith(b"HTTP/1.1 101 ")
    assert b'"upgrade": "websocket"' in said
    assert b'"connection": "upgrade"' in said


def test_a_name_that_nobody_has_is_closed_without_a_word(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    with socket.create_connection(("127.0.0.1", rig.settings.http_port), 5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n")
        assert client.recv(100) == b""


def test_a_post_goes_to_the_other_replica_when_one_cannot_be_reached(rig: NginxRig) -> None:
    route = rig.route("web", "one")
    dead = type(route.targets[0])("127.0.0.1", free_port())
    rig.proxy.apply([type(route)("web", (HOST,), "/", (dead, *route.targets))])
    answers = [rig.request(HOST, body=b"x")[0] for _ in range(6)]
    assert answers == [200] * 6


def test_a_request_under_way_outlives_the_switch_and_holds_its_worker(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    with socket.create_connection(("127.0.0.1", rig.settings.http_port), 5) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 2\r\n\r\nx")
        until(lambda: rig.proxy.live() is not None)
        applied = rig.proxy.apply([rig.route("web", "two")])
        assert rig.ask(HOST) == "two"
        client.sendall(b"x")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert applied.old_workers
    until(lambda: not rig.proxy.remaining(applied.old_workers))


def test_many_and_long_names_need_no_setting(rig: NginxRig) -> None:
    label = "a" * 63
    hosts = [f"{label}.{label}.{label}.x{n}.example" for n in range(600)]
    route = rig.route("web", "one")
    rig.proxy.apply([type(route)("web", tuple(hosts), "/", route.targets)])
    assert rig.ask(hosts[-1]) == "one"
    assert "server_names_hash" not in docker("logs", rig.settings.container)
