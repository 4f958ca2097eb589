"""An app from a service of a Compose file: the same keys, the same checks, the same app."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.config.composefile.interpolation import interpolate
from deployer.errors import ConfigError
from tests.config.conftest import Folder

COMPOSE = """\
name: shop
x-limits: &limits {mem_limit: 64m, cpus: 0.5}
services:
  db:
    image: postgres
    build: ./db
  web:
    <<: *limits
    image: ${REGISTRY:-ghcr.io}/acme/shop:${TAG}
    command: serve --port 80
    user: "1000"
    environment:
      - MODE=production
      - FROM_SHELL
      - ABSENT
    env_file: [{path: web.env}, {path: none.env, required: false}]
    volumes:
      - data:/data
      - ./conf:/conf:ro
      - {type: volume, source: other, target: /other}
    networks:
      front: {aliases: [shop], priority: 5}
      back:
    secrets: [token, {source: token, target: again, mode: "0440"}]
    configs: [{source: motd, target: /etc/motd}]
    deploy: {replicas: 2, resources: {limits: {pids: 50}}}
    healthcheck: {test: [CMD, "true"], interval: 5s}
    restart: always
volumes: {data: {}, other: {external: true}}
networks: {front: {external: true}, back: {name: backend}}
secrets: {token: {file: token.txt}}
configs: {motd: {content: "Hello ${TAG}"}}
"""
SAME = """\
secrets: {token: {file: sub/token.txt}}
configs: {motd: {content: Hello 1.4}}
apps:
  web:
    image: ghcr.io/acme/shop
    tags: ["1.4"]
    mem_limit: 64m
    cpus: 0.5
    command: serve --port 80
    user: "1000"
    environment: {MODE: production, FROM_SHELL: seen, PASSWORD: hunter2}
    volumes:
      - shop_data:/data
      - FOLDER/sub/conf:/conf:ro
      - other:/other
    networks:
      front: {aliases: [web, shop], priority: 5}
      backend: {aliases: [web]}
    secrets: [token, {source: token, target: /run/secrets/again, mode: "0440"}]
    configs: [{source: motd, target: /etc/motd}]
    replicas: 2
    pids_limit: 50
    healthcheck: {test: [CMD, "true"], interval: 5s}
    restart: always
    route: {host: shop.example.com, port: 80}
"""
APP = """\
apps:
  web:
    compose: {file: sub/compose.yml, service: web}
    route: {host: shop.example.com, port: 80}
"""


@pytest.fixture
def compose(folder: Folder) -> Folder:
    folder.write("sub/compose.yml", COMPOSE)
    folder.write("sub/.env", "TAG=1.3\nREGISTRY=\n")
    folder.write("sub/web.env", "PASSWORD=hunter2")
    folder.write("sub/token.txt", "s3cret")
    return folder


def test_a_service_is_the_same_app_as_the_same_keys_in_config_yml(compose: Folder) -> None:
    environ = {"TAG": "1.4", "FROM_SHELL": "seen"}
    ours = compose.load(SAME.replace("FOLDER", str(compose.path))).apps["web"]
    theirs = compose.load(APP, environ).apps["web"]
    files = tuple(replace(one, name=one.name.removeprefix("web.")) for one in theirs.spec.files)
    assert replace(theirs, spec=replace(theirs.spec, files=files)) == ours


def test_what_config_yml_says_wins_key_by_key(compose: Folder) -> None:
    own = APP.replace(
        "route:", "mem_limit: 128m\n    tags: [stable]\n    deploy: {watch: 1}\n    route:"
    )
    app = compose.load(own, {"TAG": "1"}).apps["web"]
    assert (app.spec.mem_limit, app.spec.cpus, app.tags) == (128 << 20, 0.5, ("stable",))
    assert (app.limits.watch, app.spec.pids_limit) == (1.0, 50)


SMALL = "services:\n  web:\n    image: a\n    networks: [default]\n"
WRONG = [
    (
        "    ulimits: {nofile: x}\n",
        "5: services.web.ulimits.nofile: not a number that fits",
    ),
    ("    build: .\n", "5: services.web.build: 'build' is a Compose key that deployer does not"),
    ("    depends_on: [db]\n", "5: services.web.depends_on[0]: config.yml has no such app. "),
    ("    colour: red\n", "5: services.web.colour: unknown key 'colour'. "),
    ("    user: ${WHO}\n", "5: services.web.user: the variable WHO is not set. Set it in .env"),
    (
        "    user: ${WHO:?say who}\n",
        "5: services.web.user: the variable WHO is needed and",
    ),
    ("    user: ${WHO\n", "5: services.web.user: ${ is not closed. "),
    ("    user: a$\n", "5: services.web.user: a $ that begins no variable. Write $$"),
    ("    ports:\n      - '80:80'\n      - x\n", "7: services.web.ports[1]: not a port or range"),
    ("    deploy: {mode: global}\n", "5: services.web.deploy.mode: 'mode' is a Compose key that"),
    ("include: [a.yml]\n", "5: include: deployer reads one file. "),
    ("    secrets: [nosuch]\n", "5: services.web.secrets[0]: no such name under `secrets:`"),
    ("    image: b\n", "5: services.web.image: this key is written twice, first in line 3."),
    ("    env_file: no.env\n", "5: services.web.env_file: the file does not exist."),
    ("    - x\n", "5: this is not YAML: "),
    ("    pids_limit: !reset null\n", "5: services.web.pids_limit: YAML tags are not supported."),
]


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_what_is_wrong_is_named_with_the_line_of_the_compose_file(
    folder: Folder, text: str, line: str
) -> None:
    path = folder.write("compose.yml", SMALL + text)
    [found] = folder.problems("apps: {web: {compose: {file: compose.yml, service: web}}}")
    assert found.removeprefix(f"{path.parent}/").startswith(f"compose.yml:{line}")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("{file: no.yml, service: web}", "apps.web.compose.file: the file does not exist."),
        ("{file: compose.yml, service: wbe}", "apps.web.compose.service: the file has no such"),
        ("{file: compose.yml}", "apps.web.compose.service: this key is missing."),
        ("{file: compose.yml, service: web, ignore: [build]}", "no key 'build' to ignore"),
    ],
)
def test_a_compose_key_that_leads_nowhere_is_named_in_config_yml(
    folder: Folder, said: str, words: str
) -> None:
    folder.write("compose.yml", SMALL)
    found = folder.problems(f"apps:\n  web:\n    image: a\n    compose: {said}\n")
    assert any(line.startswith("config.yml:4: ") and words in line for line in found)


def test_what_is_refused_in_a_compose_file_can_be_ignored_and_the_problem_says_so(
    folder: Folder,
) -> None:
    folder.write("compose.yml", SMALL + "    build: .\n")
    [line] = folder.problems("apps: {web: {compose: {file: compose.yml, service: web}}}")
    assert line.endswith("Build and push the image elsewhere. Or name it in `compose.ignore`.")


def test_a_key_is_left_out_only_where_it_is_named(folder: Folder) -> None:
    folder.write("compose.yml", SMALL + "    build: .\n    depends_on: [db]\n")
    said = "apps: {web: {compose: {file: compose.yml, service: web, ignore: [build, depends_on]}}}"
    assert folder.load(said).apps["web"].image.repository == "library/a"


def test_a_service_without_networks_joins_the_default_one_of_its_project(folder: Folder) -> None:
    folder.write("My_Shop!/compose.yml", "services: {web: {image: a}}")
    app = folder.load("apps: {web: {compose: {file: My_Shop!/compose.yml, service: web}}}").apps[
        "web"
    ]
    [joined] = app.spec.networks
    assert (joined.name, joined.aliases) == ("my_shop_default", ("web",))


def test_who_only_looks_needs_none_of_the_variables(folder: Folder) -> None:
    folder.write("compose.yml", SMALL + "    user: ${WHO}\n    env_file: secret.env\n")
    text = "apps: {web: {compose: {file: compose.yml, service: web}}}"
    assert folder.load(text, part="public").apps["web"].image.repository == "library/a"


VARIABLES = {"SET": "value", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET", "value"),
        ("a${SET}b", "avalueb"),
        ("$$SET $$", "$SET $"),
        ("${SET:-x}${SET-x}", "valuevalue"),
        ("${EMPTY:-x}|${EMPTY-x}|${NONE-x}|${NONE:-}", "x||x|"),
        ("${SET:+y}${EMPTY:+y}${EMPTY+z}${NONE+y}", "yz"),
        ("${NONE:-${ALSO:-${SET}}}", "value"),
        ("${SET:?needed}", "value"),
        ("${NONE:-$$}", "$"),
        ("$SET$EMPTY-", "value-"),
    ],
)
def test_variables_are_put_in_as_the_specification_says(text: str, expected: str) -> None:
    assert interpolate(text, VARIABLES) == expected


@pytest.mark.parametrize(
    "text",
    ["$", "$1", "${", "${}", "${1}", "${A B}", "${NONE}", "$NONE", "${EMPTY:?x}", "${SET!x}"],
)
def test_what_is_no_variable_or_not_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write|Set"):
        interpolate(text, VARIABLES)


@given(st.text(alphabet="${}:-+?ABSETN \\"))
def test_interpolation_of_noise_ends_in_text_or_words(text: str) -> None:
    try:
        assert isinstance(interpolate(text, VARIABLES), str)
    except ValueError as error:
        assert str(error)


@given(st.text())
def test_text_with_its_dollars_doubled_stays_as_it_is(text: str) -> None:
    assert interpolate(text.replace("$", "$$"), {}) == text


def test_noise_in_a_compose_file_is_never_worse_than_a_config_error(folder: Folder) -> None:
    values = ["x", "[x]", "[[x]]", "{a: b}", "[{a: b}]", "{a: {b: [c]}}", "", "0", "'${X:-}'"]
    keys = ["image", "networks", "volumes", "environment", "env_file", "secrets", "configs"]
    keys += ["deploy", "scale", "healthcheck", "ports", "build"]
    for key in keys:
        for value in values:
            folder.write("compose.yml", f"services: {{web: {{{key}: {value}}}}}\nsecrets: {value}")
            try:
                folder.load("apps: {web: {compose: {file: compose.yml, service: web}}}")
            except ConfigError as error:
                assert error.problems
