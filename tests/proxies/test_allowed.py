"""Only what is on its allow-list may reach a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import RenderRefused
from deployer.proxies import allowed

HOSTILE = [
    "",
    " ",
    "a b",
    "a;b",
    "a.example; return 200 owned",
    "a\nb",
    "a\n",
    "a\x00",
    "a{b}",
    "a}",
    "a#b",
    "a'b",
    'a"b',
    "a\\b",
    "$host",
    "${host}",
    "{{ 7*7 }}",
    "{% raw %}",
    "~^(?<x>.+)$",
    "*",
    "a%2e",
]


@pytest.mark.parametrize(
    "value",
    [
        *HOSTILE,
        "_",
        "*.example",
        ".example",
        "example.",
        "a..b",
        "-a.example",
        "A.example",
        "bücher.example",
        "\uff41.example",
        "a.example:80",
        "[::1]",
        "a" * 64,
        ".".join(["a" * 63] * 4),
    ],
)
def test_a_host_that_is_no_plain_name_is_refused(value: str) -> None:
    with pytest.raises(RenderRefused):
        allowed.host(value)


@pytest.mark.parametrize("value", ["a", "web.example", "xn--bcher-kva.example", "a-b.c2.example"])
def test_a_plain_host_passes_as_it_is(value: str) -> None:
    assert allowed.host(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *HOSTILE,
        "a",
        "//",
        "/a//b",
        "/../etc",
        "/a/..",
        "/a/./b",
        "/.",
        "/a b",
        "/a;b",
        "/ { return 200 x; } location /y",
        "/a\n",
        "/ä",
        "/" + "a" * 201,
    ],
)
def test_a_path_that_nginx_would_read_as_something_else_is_refused(value: str) -> None:
    with pytest.raises(RenderRefused):
        allowed.path(value)


@pytest.mark.parametrize(
    ("value", "prefix"), [("/", "/"), ("/a", "/a"), ("/a/", "/a"), ("/a/b.c/~d", "/a/b.c/~d")]
)
def test_a_path_passes_without_its_last_slash(value: str, prefix: str) -> None:
    assert allowed.path(value) == prefix


@pytest.mark.parametrize(
    "value",
    [
        *HOSTILE,
        "localhost",
        "a.example",
        "1",
        "010.0.0.1",
        "10.0.0.1:80",
        "10.0.0.1; server 1.2.3.4",
        "fe80::1%eth0",
        "fe80::1%;return 200",
        "::ffff:1.2.3.4 ",
    ],
)
def test_an_address_is_an_ip_address_and_nothing_else(value: str) -> None:
    with pytest.raises(RenderRefused):
        allowed.address(value)


def test_addresses_are_written_as_nginx_reads_them() -> None:
    assert allowed.address("10.0.0.1") == "10.0.0.1"
    assert allowed.address("FD00::1") == "[fd00::1]"


@pytest.mark.parametrize("value", [0, -1, 65536, True, "80", "80; server 10.0.0.1:80", 80.0])
def test_a_port_is_a_number_in_range(value: int) -> None:
    with pytest.raises(RenderRefused):
        allowed.port(value)


@pytest.mark.parametrize("value", [*HOSTILE, "A", "-a", "a" * 64, "a.b", "a/b", "../x"])
def test_a_name_is_an_apps_name(value: str) -> None:
    with pytest.raises(RenderRefused):
        allowed.name(value)


@pytest.mark.parametrize("value", [*HOSTILE, "0", "root;", "a" * 33])
def test_a_user_is_a_users_name(value: str) -> None:
    with pytest.raises(RenderRefused):
        allowed.user(value)


@pytest.mark.parametrize(("value", "text"), [(0, "0s"), (15.0, "15s"), (1.5, "1500ms")])
def test_seconds_are_written_to_the_millisecond(value: float, text: str) -> None:
    assert allowed.seconds(value) == text


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e12])
def test_a_time_that_nginx_cannot_mean_is_refused(value: float) -> None:
    with pytest.raises(RenderRefused):
        allowed.seconds(value)


@given(st.text())
def test_whatever_passes_holds_no_character_that_means_something_to_nginx(text: str) -> None:
    for check in (allowed.name, allowed.host, allowed.path, allowed.user, allowed.address):
        try:
            passed = check(text)
        except RenderRefused as refused:
            assert "\n" not in str(refused)
            assert str(refused).isascii()
        else:
            assert not set(passed) & set(" \t\r\n;{}'\"\\$#*()|^\x00")
