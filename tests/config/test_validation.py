"""A wrong key or value is named with its line, what is wrong and what to write instead."""

from __future__ import annotations

import pytest

from deployer.config.senders import SENDERS
from tests.config.conftest import Folder

NUMBER = "not a number that fits here. Write a whole number from 1 to 100."
PORT = "not a port. Write a whole number from 1 to 65535."
MAPPING = "not a mapping. Write its keys below it, further to the right."
NAME = (
    "not a name that deployer can use. Write up to 63 small letters, digits, - and _, such as web."
)
HOST = (
    "not a host name. Write a name such as shop.example.com, or *.example.com for all below it, "
    "without scheme, port or path."
)
ONE_HOST = (
    "not a host name. Write a name such as shop.example.com, "
    "without scheme, port, path or wildcard."
)
PATH = (
    "not a path that a URL can have here. Write one such as / or /shop, "
    "of letters, digits and . _ ~ - /."
)
STATE = (
    "not a folder that deployer can use. Write an absolute one such as /var/lib/deployer, "
    "of letters, digits and . _ - + @ ~."
)
SIZE = (
    "not a size that fits here. "
    "Write one from 1KiB to 64MiB, such as 1MiB, 512k or a number of bytes."
)
IMAGE = "not the name of an image. Write one such as docker.io/acme/shop."
TAGGED = "the image has a tag or digest. Leave it out and write the tag in `tags:`."
VOLUME = "Write SOURCE:/path/in/container, with :ro at the end for read only."
NO_VALUE = 'Write one here ("" for an empty one): none is taken from deployer\'s environment.'
VARIABLE = "not the name of a variable. Write letters, digits and _, not starting with a digit."
INSTEAD = (
    "Write a tag such as latest, or a pattern in one piece: glob:v*, regex:v[0-9]+ or semver:^1.4."
)
NO_TAG = f"not a tag, which has letters, digits and . _ - only. {INSTEAD}"
NO_RANGE = (
    "not a range of versions. Write one such as ^1.4, ~1.4.2, 1.x or >=1.2 <2.0: "
    "several in a row all have to hold, and || stands between alternatives."
)
RESTART = "not a restart policy. Write no, always, unless-stopped, on-failure or on-failure:3."
SIGNAL = "not a signal. Write one such as SIGTERM, TERM or 15."
COMMAND = "Write a list of words, or one line as for a shell."
TWICE = "this entry is there twice. Remove one of them."

TOP = [
    ("reciever: {}", "1: reciever: unknown key 'reciever'. Did you mean 'receiver'?"),
    (
        "zzz: {}",
        "1: zzz: unknown key 'zzz'. "
        "Known are: receiver, nginx, paths, worker, deploy, reconcile, secrets, configs, hooks, "
        "registries, outputs, apps.",
    ),
    (
        "services: {}",
        "1: services: 'services' is a Compose key that deployer does not support. "
        "Write the services as `apps:`, or name the file in an app's `compose:`.",
    ),
    ("receiver: 5", f"1: receiver: {MAPPING}"),
    ("apps: [web]", "1: apps: not a mapping. Write names below it, further to the right."),
    ("receiver: {port: 0}", f"1: receiver.port: {PORT}"),
    ("receiver:\n\n  port: [1]", f"3: receiver.port: {PORT}".replace("a port", "a single value")),
    ("receiver: {port: 80.5}", f"1: receiver.port: {PORT}"),
    ("receiver: {max_body: 1 ton}", f"1: receiver.max_body: {SIZE}"),
    ("receiver: {max_body: 1GiB}", f"1: receiver.max_body: {SIZE}"),
    ("receiver: {threads: 0}", f"1: receiver.threads: {NUMBER}"),
    ("receiver: {host: '*.example.com'}", f"1: receiver.host: {ONE_HOST}"),
    (
        "receiver: {bind: everywhere}",
        "1: receiver.bind: not an IP address. "
        "Write an IP address such as 127.0.0.1, or 0.0.0.0 for all.",
    ),
    (
        "receiver: {user: root}",
        "1: receiver.user: the process that faces the network never runs as root. "
        "Write the name of an ordinary user, such as deployer.",
    ),
    (
        "receiver: {user: 'a b'}",
        "1: receiver.user: not the name of a user. "
        "Write the name of an ordinary user, such as deployer.",
    ),
    (
        "nginx: {drain: 0}",
        "1: nginx.drain: this duration is too short. "
        "Write one from 1s to 86400s, such as 10s, 500ms or 1m30s.",
    ),
    (
        "nginx: {keepalive_timeout: soon}",
        "1: nginx.keepalive_timeout: not a duration. "
        "Write one from 0s to 86400s, such as 10s, 500ms or 1m30s.",
    ),
    (
        "nginx: {container: 'a b'}",
        "1: nginx.container: not a name that Docker allows. "
        "Write letters, digits and . _ -, such as backend.",
    ),
    (
        "nginx: {image: 'nginx:'}",
        "1: nginx.image: not the name of an image. Write one such as nginx:stable.",
    ),
    (
        "nginx: {templates: none}",
        "1: nginx.templates: there is no such folder. "
        "Write one that starts from the folder of config.yml.",
    ),
    (
        f"nginx: {{templates: {'a' * 300}}}",
        "1: nginx.templates: there is no such folder. "
        "Write one that starts from the folder of config.yml.",
    ),
    ("paths: {state: state}", f"1: paths.state: {STATE}"),
    ("paths: {state: /}", f"1: paths.state: {STATE}"),
    ("paths: {state: '/a/../b'}", f"1: paths.state: {STATE}"),
    ("paths: {state: '/a;b'}", f"1: paths.state: {STATE}"),
    ("paths: {host_base: srv}", f"1: paths.host_base: {STATE}"),
    ("worker: {parallel: many}", f"1: worker.parallel: {NUMBER}"),
    ("deploy: {keep: 0}", f"1: deploy.keep: {NUMBER}"),
]

HOOKS = [
    (
        "  dockerhub: {}",
        "2: hooks.dockerhub.token_file: this key is missing. "
        "Write it, such as `token_file: secrets/dockerhub.token`.",
    ),
    (
        "  hub: {token_file: secrets/hook.token}",
        "2: hooks.hub.source: no source has this name. Write `source:` with one of: "
        f"{', '.join(SENDERS)}.",
    ),
    (
        "  a: {source: dokerhub, token_file: secrets/hook.token}",
        "2: hooks.a.source: no source has this name. Did you mean 'dockerhub'?",
    ),
    (
        "  ci: {source: generic}",
        "2: hooks.ci.token_file: this key is missing. Write it, such as "
        "`token_file: secrets/ci.token`, or `secret_file:` if the sender signs.",
    ),
    (
        "  dockerhub: {secret_file: secrets/hook.token, token_file: secrets/hook.token}",
        "2: hooks.dockerhub.secret_file: dockerhub signs nothing, so it has no signing secret. "
        "Write `token_file:`.",
    ),
    (
        "  dockerhub: {secret_file: secrets/none}",
        "2: hooks.dockerhub.secret_file: dockerhub signs nothing, so it has no signing secret. "
        "Write `token_file:`.",
    ),
    ("  Hub: {source: dockerhub, token_file: secrets/hook.token}", f"2: hooks.Hub: {NAME}"),
    (
        "  dockerhub: {registry: a/b, token_file: secrets/hook.token}",
        "2: hooks.dockerhub.registry: not the host of a registry. "
        "Write a host such as docker.io or registry.example.com:5000.",
    ),
    (
        "  dockerhub: {token_file: []}",
        "2: hooks.dockerhub.token_file: the list is empty. Write at least one entry.",
    ),
    (
        "  dockerhub: {token_file: [secrets/hook.token, secrets/hook.token]}",
        f"2: hooks.dockerhub.token_file[1]: {TWICE}",
    ),
    (
        "  dockerhub: {token: abc, token_file: secrets/hook.token}",
        "2: hooks.dockerhub.token: unknown key 'token'. Did you mean 'token_file'?",
    ),
    (
        "  ecr: {}",
        "2: hooks.ecr.token_file: this key is missing. Write it, such as "
        "`token_file: secrets/ecr.token`, or `topics:` for what its cloud signs.",
    ),
    (
        "  gitlab: {source: dockerhub, topics: [arn:aws:sns:eu-west-1:111122223333:pushes]}",
        "2: hooks.gitlab.topics: dockerhub proves itself in another way. Remove it.",
    ),
    (
        "  gar: {audience: 'https://a.test'}",
        "2: hooks.gar.service_account: this key is missing beside `audience`. Write both.",
    ),
    (
        "  gar: {service_account: push@a.test}",
        "2: hooks.gar.audience: this key is missing beside `service_account`. Write both.",
    ),
    (
        "  gar: {audience: a, service_account: push@a.test, token_file: secrets/hook.token}",
        "2: hooks.gar.token_file: with `audience` the token is one that Google signs, and no "
        "other is taken. Remove it.",
    ),
    (
        "  gar: {audience: a, service_account: push}",
        "2: hooks.gar.service_account: not the address of a service account. "
        "Write one such as push@acme.iam.gserviceaccount.com.",
    ),
    (
        "  ecr: {topics: []}",
        "2: hooks.ecr.topics: the list is empty. Write at least one entry.",
    ),
    (
        "  dockerhub: {token_file: secrets/hook.token, allow: [192.0.2.7/24]}",
        "2: hooks.dockerhub.allow[0]: this address is inside of a network. Write 192.0.2.0/24.",
    ),
    (
        "  dockerhub: {allow: [192.0.2.0/24]}",
        "2: hooks.dockerhub.token_file: this key is missing. "
        "Write it, such as `token_file: secrets/dockerhub.token`.",
    ),
    (
        "  ecr: {topics: [pushes]}",
        "2: hooks.ecr.topics[0]: not the ARN of a topic. "
        "Write one such as arn:aws:sns:eu-west-1:111122223333:pushes.",
    ),
]

REGISTRIES = [
    (
        "  docker.io: {password_file: secrets/password}",
        "2: registries.docker.io.username: this key is missing. Write it, such as `username: bot`.",
    ),
    (
        "  docker.io: {username: bot, password: x, password_file: secrets/password}",
        "2: registries.docker.io.password: unknown key 'password'. Did you mean 'password_file'?",
    ),
    (
        "  docker.io: {username: '', password_file: secrets/password}",
        "2: registries.docker.io.username: empty. Write the user's name.",
    ),
    (
        "  'a b': {username: bot, password_file: secrets/password}",
        '2: registries."a b": not the host of a registry. '
        "Write a host such as docker.io or registry.example.com:5000.",
    ),
]

APPS = [
    ("", "2: web.image: this key is missing. Write it, such as `image: docker.io/acme/shop`."),
    ("image: 'a b'", f"3: web.image: {IMAGE}"),
    ("image: nginx:1.27", f"3: web.image: {TAGGED}"),
    (f"image: nginx@sha256:{'a' * 64}", f"3: web.image: {TAGGED}"),
    (
        "image: a\nimgae: b",
        "4: web.imgae: unknown key 'imgae'. Did you mean 'image'?",
    ),
    (
        "image: a\nbuild: .",
        "4: web.build: 'build' is a Compose key that deployer does not support. "
        "Build and push the image elsewhere.",
    ),
    ("image: a\ntags: []", "4: web.tags: the list is empty. Write at least one entry."),
    ("image: a\ntags: [a, b, a]", f"4: web.tags[2]: {TWICE}"),
    ("image: a\ntags: ['a/b']", f"4: web.tags[0]: {NO_TAG}"),
    ("image: a\ntags: [latest, 'v*']", f"4: web.tags[1]: {NO_TAG}"),
    ("image: a\ntags: ['^1.4']", f"4: web.tags[0]: {NO_TAG}"),
    ("image: a\ntags:\n- glob: v*", f"5: web.tags[0]: not a single value. {INSTEAD}"),
    (
        "image: a\ntags: ['regexp:v']",
        f"4: web.tags[0]: no kind of pattern is named like this. {INSTEAD}",
    ),
    ("image: a\ntags:\n- latest\n- semver:^1.4.x.y", f"6: web.tags[1]: {NO_RANGE}"),
    (
        "image: a\ntags: [latest, 'regex:v[0-9']",
        "4: web.tags[1]: there is a [ without its ]. Write it, or ranges such as a-z in it.",
    ),
    (
        "image: a\ntags: latest",
        "4: web.tags: not a list. Write each entry after `- `, or all as [a, b].",
    ),
    (
        "image: a\ncommand: sh -c 'x",
        f"4: web.command: a quote in the command is not closed. {COMMAND}",
    ),
    ("image: a\ncommand: [[a]]", f"4: web.command: not a command. {COMMAND}"),
    (
        "image: a\nenvironment:\n  - A=1\n  - PASSWORD",
        f"6: web.environment[1]: 'PASSWORD' has no value. {NO_VALUE}",
    ),
    (
        "image: a\nenvironment:\n  PASSWORD:",
        f"5: web.environment.PASSWORD: 'PASSWORD' has no value. {NO_VALUE}",
    ),
    ("image: a\nenvironment: [1A=s3cret]", f"4: web.environment[0]: {VARIABLE}"),
    (
        "image: a\nenvironment: [A=1, A=2]",
        "4: web.environment[1]: 'A' is there twice. Keep one of them.",
    ),
    (
        "image: a\nenvironment: [{A: 1}]",
        "4: web.environment[0]: not a single value. Write NAME=VALUE, in quotes if need be.",
    ),
    (
        "image: a\nenvironment: {A: [s3cret]}",
        "4: web.environment.A: not a single value. Write one value, in quotes if need be.",
    ),
    (
        "image: a\nenvironment: A=s3cret",
        "4: web.environment: not a mapping. Write `NAME: value` lines, or a list of NAME=VALUE.",
    ),
    (
        "image: a\nvolumes: [data]",
        f"4: web.volumes[0]: not a volume that deployer can mount. {VOLUME}",
    ),
    (
        "image: a\nvolumes: ['data:rel']",
        f"4: web.volumes[0]: the path in the container is not absolute, or is /. {VOLUME}",
    ),
    (
        "image: a\nvolumes: ['data:/data:z']",
        "4: web.volumes[0]: a mode that a volume like this does not have. "
        "Write ro, rw or none; see the long form for more.",
    ),
    (
        "image: a\nvolumes: ['~/data:/data']",
        "4: web.volumes[0]: ~ is nobody's home here. Write an absolute path.",
    ),
    (
        "image: a\nvolumes: ['d!:/data']",
        "4: web.volumes[0]: the source is neither a path nor the name of a volume. "
        "Write /path, ./path or a name.",
    ),
    (
        "image: a\nvolumes: ['./data:/data']",
        "4: web.volumes[0]: a relative path says nothing to Docker, which may see other folders. "
        "Write an absolute one, or set `paths.host_base`.",
    ),
    (
        "image: a\nvolumes: ['a1:/data', 'b1:/data/']",
        "4: web.volumes[1]: another volume has this path in the container. Choose another.",
    ),
    (
        "image: a\nnetworks: [host]",
        "4: web.networks[0]: replicas need an address of their own. "
        "Write the name of a bridge network, or `network_mode:` for an app without a route.",
    ),
    (
        "image: a\nnetworks: backend",
        "4: web.networks: not a list. Write each entry after `- `, or all as [a, b].",
    ),
    (
        "image: a\nlabels: {deployer.app: x}",
        "4: web.labels.deployer.app: labels under deployer. are how deployer finds its "
        "containers. Choose another name.",
    ),
    (
        "image: a\nlabels: ['a b=c']",
        "4: web.labels[0]: not the name of a label. Write letters, digits and . _ - /.",
    ),
    ("image: a\nrestart: sometimes", f"4: web.restart: {RESTART}"),
    ("image: a\nrestart: on-failure:x", f"4: web.restart: {RESTART}"),
    ("image: a\nstop_signal: SIGFOO", f"4: web.stop_signal: {SIGNAL}"),
    ("image: a\nstop_signal: 99", f"4: web.stop_signal: {SIGNAL}"),
    ("image: a\nreplicas: 0", f"4: web.replicas: {NUMBER}"),
    ("image: a\nroute: {port: 80}", "4: web.route: no host. Write `host: shop.example.com`."),
    (
        "image: a\nroute: {host: a, hosts: [b], port: 80}",
        "4: web.route: both `host` and `hosts`. Write all names in `hosts`.",
    ),
    (
        "image: a\nroute: {host: a.example.com}",
        "4: web.route.port: this key is missing. Write it, such as `port: 8080`.",
    ),
    ("image: a\nroute: {host: 'a;}', port: 80}", f"4: web.route.host: {HOST}"),
    ("image: a\nroute: {host: a_b.com, port: 80}", f"4: web.route.host: {HOST}"),
    (f"image: a\nroute: {{host: {'a.' * 126}aa, port: 80}}", f"4: web.route.host: {HOST}"),
    ("image: a\nroute: {host: a, path: shop, port: 80}", f"4: web.route.path: {PATH}"),
    ("image: a\nroute: {host: a, path: /a/../b, port: 80}", f"4: web.route.path: {PATH}"),
    ("image: a\nroute: {host: a, path: /a//b, port: 80}", f"4: web.route.path: {PATH}"),
    ("image: a\nroute: {host: a, path: '/a b', port: 80}", f"4: web.route.path: {PATH}"),
    (
        "image: a\nhealth: {path: /up}",
        "4: web.health.path: no port to ask. Write `health.port`, or a `route` with one.",
    ),
    (
        "image: a\nhealth: {interval: 2m}",
        "4: web.health.interval: longer than the time to become healthy. "
        "Lower it or raise health.deadline.",
    ),
    (
        "image: a\ndeploy: {timeout: 30s}",
        "4: web.deploy.timeout: app web may take 70s for health.deadline and deploy.watch, but "
        "only 30s in all. Raise deploy.timeout or lower the others.",
    ),
    (
        "image: a\nhealth: {deadline: 10m}",
        "4: web.health.deadline: app web may take 610s for health.deadline and deploy.watch, "
        "but only 600s in all. Raise deploy.timeout or lower the others.",
    ),
    (
        "image: a\ndeploy: {pull_timeout: 20m}",
        "4: web.deploy.pull_timeout: a pull may take longer than the deployment. "
        "Lower pull_timeout or raise timeout.",
    ),
    (
        "image: a\ndeploy: {pull_stall: 10m}",
        "4: web.deploy.pull_stall: longer than a pull may take at all. "
        "Lower pull_stall or raise pull_timeout.",
    ),
]


@pytest.mark.parametrize(("text", "line"), TOP)
def test_a_wrong_section_is_one_line(folder: Folder, text: str, line: str) -> None:
    assert folder.problems(text) == [f"config.yml:{line}"]


@pytest.mark.parametrize(("text", "line"), HOOKS)
def test_a_wrong_hook_is_one_line(folder: Folder, text: str, line: str) -> None:
    assert folder.problems(f"hooks:\n{text}") == [f"config.yml:{line}"]


@pytest.mark.parametrize(("text", "line"), REGISTRIES)
def test_a_wrong_registry_is_one_line(folder: Folder, text: str, line: str) -> None:
    assert folder.problems(f"registries:\n{text}") == [f"config.yml:{line}"]


@pytest.mark.parametrize(("text", "line"), APPS)
def test_a_wrong_app_is_one_line(folder: Folder, text: str, line: str) -> None:
    keys = text.replace("\n", "\n    ")
    expected = "config.yml:{}: apps.{}".format(*line.split(": ", 1))
    assert folder.problems(f"apps:\n  web:\n    {keys}\n") == [expected]


def test_all_problems_are_told_at_once_and_by_line(folder: Folder) -> None:
    found = folder.problems(
        """\
        nginx: {http_port: 5000}
        hooks:
          hub: {token_file: secrets/none}
        apps:
          one: {route: {port: 0}}
          three: {image: a, route: {host: a.example.com, port: -1}}
          two:
            image: nginx:latest
            route: {host: A.example.com, port: 80}
            volumes: ["./x:/x"]
            env_file: secrets/none
        unknown: 1
        """
    )
    assert [line.split(": ")[0:2] for line in found] == [
        ["config.yml:1", "nginx.http_port"],
        ["config.yml:3", "hooks.hub.source"],
        ["config.yml:5", "apps.one.image"],
        ["config.yml:5", "apps.one.route.port"],
        ["config.yml:5", "apps.one.route"],
        ["config.yml:6", "apps.three.route.port"],
        ["config.yml:8", "apps.two.image"],
        ["config.yml:9", "apps.two.route.host"],
        ["config.yml:10", "apps.two.volumes[0]"],
        ["config.yml:11", "apps.two.env_file"],
        ["config.yml:12", "unknown"],
    ]


def test_no_value_is_ever_repeated(folder: Folder) -> None:
    """Any value may be a secret that was put in the wrong place."""
    found = folder.problems(
        """\
        receiver: {port: CANARY, host: CANARY!, user: CANARY, max_body: CANARY}
        nginx: {image: "CANARY CANARY", drain: CANARY, templates: CANARY}
        hooks:
          a: {source: CANARY, registry: CANARY!, token_file: CANARY}
        registries:
          docker.io: {username: [CANARY], password_file: CANARY}
        apps:
          web:
            image: https://bot:CANARY@example.com/x
            environment: {A: [CANARY], "B C": CANARY}
            env_file: CANARY=CANARY
            command: "'CANARY"
            volumes: [CANARY]
            labels: ["=CANARY"]
        """,
        {"DEPLOYER_WORKER__PARALLEL": "CANARY", "DEPLOYER_WORKER__PARALEL": "CANARY"},
    )
    assert len(found) > 15
    assert "CANARY" not in "\n".join(found)
