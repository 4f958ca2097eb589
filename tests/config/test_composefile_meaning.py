"""What means something else in a Compose file than in config.yml, and what must not be dropped."""

from __future__ import annotations

import base64

import pytest

from deployer.config.loader import Part
from deployer.model import App
from tests.config.conftest import Folder

SERVICE = "services:\n  web:\n    image: acme/shop:1.4\n"
SAID = "apps:\n  web:\n    compose: {file: compose.yml, service: web}\n"


def _load(folder: Folder, text: str, own: str = "", top: str = "") -> App:
    folder.write("compose.yml", SERVICE + text)
    return folder.load(top + SAID + own).apps["web"]


def _problem(folder: Folder, text: str) -> str:
    path = folder.write("compose.yml", SERVICE + text)
    [found] = folder.problems(SAID)
    return found.removeprefix(f"{path.parent}/")


@pytest.mark.parametrize("part", ["receiver", "public"])
def test_an_image_that_cannot_be_known_is_never_another_one(folder: Folder, part: Part) -> None:
    folder.write("compose.yml", "services:\n  web:\n    image: ${REGISTRY}/shop:1.4\n")
    [found] = folder.problems(SAID, part=part)
    assert "compose.yml:3: services.web.image: the variable REGISTRY is not set." in found
    known = folder.load(SAID, {"REGISTRY": "ghcr.io"}, part=part)
    assert known.apps["web"].image.host == "ghcr.io"


def test_secrets_of_one_name_in_two_files_of_one_project_stay_apart(folder: Folder) -> None:
    for name in ("a", "b"):
        text = f"{SERVICE}    secrets: [token]\nsecrets: {{token: {{file: {name}.txt}}}}\n"
        folder.write(f"{name}.yml", text)
        folder.write(f"{name}.txt", name)
    said = "apps:\n" + "".join(
        f"  {name}: {{compose: {{file: {name}.yml, service: web}}}}\n" for name in ("a", "b")
    )
    apps = folder.load(said).apps
    contents = {name: base64.b64decode(apps[name].spec.files[0].content) for name in apps}
    assert contents == {"a": b"a", "b": b"b"}


def test_a_secret_of_config_yml_is_not_taken_for_one_of_the_compose_file(folder: Folder) -> None:
    folder.write("t", "x")
    text = SERVICE + "    secrets: [token]\nsecrets: {token: {file: t}}\n"
    folder.write("compose.yml", text)
    [found] = folder.problems(f"secrets: {{web.token: {{file: t}}}}\n{SAID}")
    assert found.startswith("config.yml:1: secrets.web.token: this name is needed for what")


def test_env_files_of_a_compose_file_have_variables_and_those_of_config_yml_none(
    folder: Folder,
) -> None:
    folder.write(".env", "BASE=db\nHOST=${BASE}.local\n")
    folder.write("e.env", "PORT=1\nURL=${HOST}:${PORT}\nRAW='${HOST}'\nMONEY=\"\\$5\"\n")
    theirs = dict(_load(folder, "    env_file: e.env\n").spec.environment)
    assert theirs == {"PORT": "1", "URL": "db.local:1", "RAW": "${HOST}", "MONEY": "$5"}
    ours = dict(_load(folder, "", "    env_file: e.env\n").spec.environment)
    assert ours["URL"] == "${HOST}:${PORT}"


def test_a_variable_in_an_env_file_that_is_not_set_is_told_without_its_name(
    folder: Folder,
) -> None:
    folder.write("e.env", "A=1\nPASSWORD=pa$WORD\n")
    found = _problem(folder, "    env_file: [e.env]\n")
    assert found.startswith(
        "compose.yml:4: services.web.env_file[0]: line 2 of the file has a variable that is not set"
    )
    assert "WORD" not in found


@pytest.mark.parametrize(
    ("volume", "source"),
    [
        ("'./conf:/x'", "/sub/conf"),
        ("'.conf:/x'", "/sub/.conf"),
        ("'../conf:/x'", "/conf"),
        ("{type: bind, source: conf, target: /x}", "/sub/conf"),
    ],
)
def test_binds_start_at_the_compose_file_or_below_host_base(
    folder: Folder, volume: str, source: str
) -> None:
    folder.write("sub/compose.yml", f"{SERVICE}    volumes: [{volume}]\n")
    said = SAID.replace("compose.yml", "sub/compose.yml")
    for base, top in ((str(folder.path), ""), ("/srv", "paths: {host_base: /srv}\n")):
        [mounted] = folder.load(top + said).apps["web"].spec.volumes
        assert (mounted.type, mounted.source) == ("bind", base + source)


@pytest.mark.parametrize(
    ("text", "environ", "name"),
    [
        ("name: ${P:-shop}\n", {}, "shop_data"),
        ("name: shop\n", {"COMPOSE_PROJECT_NAME": "other"}, "other_data"),
    ],
)
def test_the_project_is_what_compose_would_call_it(
    folder: Folder, text: str, environ: dict[str, str], name: str
) -> None:
    folder.write("compose.yml", f"{text}{SERVICE}    volumes: ['data:/x']\nvolumes: {{data: }}\n")
    assert folder.load(SAID, environ).apps["web"].spec.volumes[0].source == name


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "    volumes: ['dta:/x']\nvolumes: {data: }\n",
            "4: services.web.volumes[0]: no such name",
        ),
        (
            "    networks: [frnt]\nnetworks: {front: }\n",
            "4: services.web.networks[0]: no such name",
        ),
        (
            "    volumes: ['d:/x']\nvolumes:\n  d: {driver_opts: {type: nfs}}\n",
            "6: volumes.d.driver_opts: deployer leaves making volumes to Docker",
        ),
        (
            "    env_file: [{path: e, format: raw}]\n",
            "4: services.web.env_file[0].format: not a key",
        ),
        ("name: Shop!\n", "4: name: not a project's name."),
        (
            "    networks:\n      a:\n      b:\n        ipv4_address: x\nnetworks: {a: , b: }\n",
            "7: services.web.networks.b.ipv4_address: not an IP address",
        ),
        (
            "    networks: {a: {aliases: x}}\nnetworks: {a: }\n",
            "4: services.web.networks.a.aliases:",
        ),
        ("    networks: {a: x}\nnetworks: {a: }\n", "4: services.web.networks.a: not a mapping."),
        (
            "    environment:\n      - ABSENT\n      - A=1\n      - 1X=1\n",
            "7: services.web.environment[2]: not the name of a variable.",
        ),
        (
            "    deploy:\n      replicas: x\n",
            "5: services.web.deploy.replicas: ",
        ),
        (
            f"    env_file: [{{path: {'x' * 300}, required: false}}]\n",
            "4: services.web.env_file[0]",
        ),
    ],
)
def test_what_would_be_dropped_or_misread_is_named_with_its_line(
    folder: Folder, text: str, line: str
) -> None:
    folder.write("e", "A=1")
    assert _problem(folder, text).startswith(f"compose.yml:{line}")


def test_what_is_left_out_needs_no_variables(folder: Folder) -> None:
    folder.write("compose.yml", SERVICE + "    build: {args: [A=$UNSET]}\n    user: $UNSET\n")
    said = SAID.replace("web}", "web, ignore: [build]}") + "    user: '1000'\n"
    assert folder.load(said).apps["web"].spec.user == "1000"


@pytest.mark.parametrize("text", ["    scale: 3\n", "    deploy: {replicas: 3}\n"])
def test_ignoring_a_key_leaves_out_what_it_would_become(folder: Folder, text: str) -> None:
    folder.write("compose.yml", SERVICE + text)
    key = text.strip().partition(":")[0]
    kept, left = (
        folder.load(SAID.replace("web}", f"web{ignored}}}")).apps["web"]
        for ignored in ("", f", ignore: [{key}]")
    )
    assert (kept.spec.replicas, left.spec.replicas) == (3, 1)


def test_what_config_yml_says_wins_over_another_word_for_it(folder: Folder) -> None:
    limits = "    deploy: {resources: {limits: {memory: 64m, pids: 9}}}\n"
    spec = _load(folder, limits, "    mem_limit: 128m\n").spec
    assert (spec.mem_limit, spec.pids_limit) == (128 << 20, 9)
    resources = "    deploy: {resources: {limits: {memory: 32m}}}\n"
    assert _load(folder, "    mem_limit: 64m\n", resources).spec.mem_limit == 32 << 20
    alone = _load(folder, "", "    network_mode: host\n").spec
    assert (alone.network_mode, alone.networks) == ("host", ())
    joined = _load(folder, "    network_mode: host\n", "    networks: [n]\n").spec
    assert (joined.network_mode, joined.networks[0].name) == ("", "n")
    assert _load(folder, "    scale: 3\n", "    replicas: 2\n").spec.replicas == 2


def test_another_image_does_not_come_with_the_tag_of_the_service(folder: Folder) -> None:
    app = _load(folder, "", "    image: ghcr.io/acme/other\n")
    assert (app.image.repository, app.tags) == ("acme/other", ("latest",))


@pytest.mark.parametrize(
    ("compose", "said"),
    [
        ("services: {web: }", "{file: compose.yml, service: web, ignore: [build]}"),
        ("services: {web: x}", "{file: compose.yml, service: web, ignore: [build]}"),
        (SERVICE, "{file: compose.yml, service: web, ignore: [{a: b}]}"),
        (SERVICE, "{file: compose.yml, service: web, ignore: [[x], ~]}"),
        (SERVICE, f"{{file: {'x' * 300}, service: web}}"),
    ],
)
def test_an_odd_file_or_compose_key_is_never_worse_than_problems(
    folder: Folder, compose: str, said: str
) -> None:
    folder.write("compose.yml", compose)
    assert folder.problems(f"apps: {{web: {{compose: {said}}}}}")


def test_who_only_looks_does_not_read_env_without_need(folder: Folder) -> None:
    folder.write(".env", "not an env file")
    folder.write("compose.yml", SERVICE + "    user: $WHO\n")
    assert folder.load(SAID, part="public").apps["web"].tags == ("1.4",)
    [found] = folder.problems(SAID, {"WHO": "me"})
    assert ".env beside this file: line 1 of the file is not KEY=VALUE." in found
