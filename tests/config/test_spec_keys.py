"""The keys that an app shares with a Compose service: all their forms, and what is refused."""

from __future__ import annotations

import re

import pytest

from deployer.config.validation import _COMPOSE
from tests.config.conftest import Folder

SAME = [
    ("command: sh -c 'a b'", "command: [sh, -c, a b]"),
    ("command: ''", "command: []"),
    ("entrypoint: ''", "entrypoint: []"),
    ("environment: {A: '1'}", "environment: [A=1]"),
    ("labels: {a: b}", "labels: [a=b]"),
    ("annotations: {a: b}", "annotations: [a=b]"),
    ("sysctls: {net.core.somaxconn: 1}", "sysctls: [net.core.somaxconn=1]"),
    ("init: true", "init: 'True'"),
    ("healthcheck: {test: exit 0}", "healthcheck: {test: [CMD-SHELL, exit 0]}"),
    ("healthcheck: {disable: true}", "healthcheck: {test: [NONE]}"),
    ("healthcheck: {interval: 1m30s}", "healthcheck: {interval: 90}"),
    ("pull_policy: missing", "pull_policy: if_not_present"),
    ("volumes: ['/a:/b']", "volumes: [{type: bind, source: /a, target: /b}]"),
    ("volumes: ['/a:/b:rw']", "volumes: ['/a/:/b/']"),
    ("volumes: ['aa:/b:ro']", "volumes: [{type: volume, source: aa, target: /b, read_only: true}]"),
    ("volumes: [/b]", "volumes: [{type: volume, target: /b}]"),
    (
        "volumes: ['/a:/b:ro,z,rslave']",
        "volumes: [{type: bind, source: /a, target: /b, read_only: true, "
        "bind: {selinux: z, propagation: rslave}}]",
    ),
    ("volumes: ['aa:/b:nocopy']", "volumes: [{type: volume, source: aa, target: /b, "
     "volume: {nocopy: true}}]"),
    ("tmpfs: /run", "tmpfs: [/run]"),
    ("networks: [a, b]", "networks: {a: , b: {}}"),
    ("networks: {a: {priority: 1}, b: {priority: 9}}", "networks: [b, a]"),
    ("dns: 10.0.0.1", "dns: [10.0.0.1]"),
    ("extra_hosts: ['a:10.0.0.1', 'b=::1']", "extra_hosts: {a: 10.0.0.1, b: '[::1]'}"),
    ("extra_hosts: ['a:host-gateway']", "extra_hosts: {a: [host-gateway]}"),
    ("ports: ['80']", "ports: [{target: 80}]"),
    ("ports: [80]", "ports: ['80/tcp']"),
    ("ports: ['8080:80/udp']", "ports: [{target: 80, published: '8080', protocol: udp}]"),
    ("ports: ['127.0.0.1:8080:80']", "ports: [{target: 80, published: 8080, host_ip: 127.0.0.1}]"),
    ("ports: ['[::1]:8080:80']", "ports: [{target: 80, published: 8080, host_ip: '::1'}]"),
    ("ports: ['8000-8001:80-81']", "ports: ['8000:80', '8001:81']"),
    ("ports: ['8000-8009:80']", "ports: [{target: 80, published: 8000-8009, mode: host}]"),
    ("expose: [80]", "expose: ['80/tcp']"),
    ("ulimits: {nproc: 5}", "ulimits: {nproc: {soft: 5, hard: 5}}"),
    ("devices: [/dev/fuse]", "devices: ['/dev/fuse:/dev/fuse:rwm']"),
    ("devices: ['/dev/a:/dev/b:r']", "devices: [{source: /dev/a, target: /dev/b, permissions: r}]"),
    ("gpus: all", "gpus: [{capabilities: [gpu]}]"),
    ("gpus: [{count: 2}]", "deploy: {resources: {reservations: {devices: [{count: 2}]}}}"),
    ("mem_limit: 1g", "mem_limit: 1073741824"),
    ("mem_limit: 64m\nmem_reservation: 32mb", "deploy: {resources: {limits: {memory: 64m}, "
     "reservations: {memory: 32m}}}"),
    ("cpus: 0.5\npids_limit: 9", "deploy: {resources: {limits: {cpus: '0.5', pids: 9}}}"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_all_forms_of_a_key_mean_the_same(folder: Folder, one: str, other: str) -> None:
    specs = []
    for keys in (one, other):
        text = f"image: a\n{keys}".replace("\n", "\n    ")
        app = folder.load(f"apps:\n  web:\n    {text}\n").apps["web"]
        specs.append((app.spec, app.pull_policy))
    assert specs[0] == specs[1]
    plain = folder.load("apps: {web: {image: a}}").apps["web"]
    assert specs[0] != (plain.spec, "") or one.startswith("pull_policy")


WRONG = [
    ("init: maybe", "init: neither true nor false. Write one of them."),
    ("user: 'a b'", "user: not a user. Write a name or number, with a group if need be, such as "),
    ("working_dir: srv", "working_dir: not an absolute path. Write one such as /srv/app."),
    ("platform: Linux", "platform: not a platform. Write one such as linux/arm64."),
    ("healthcheck: {tset: x}", "healthcheck.tset: unknown key 'tset'. Did you mean 'test'?"),
    ("healthcheck: {test: [true]}", "healthcheck.test: not a test. Write a line for a shell, or "),
    ("healthcheck: {interval: often}", "healthcheck.interval: not a duration that fits here."),
    ("healthcheck: {disable: true, test: x}", "healthcheck: both `disable` and a `test`. Keep one"),
    ("logging: {options: {a: }}", "logging.options.a: 'a' has no value. Write one after the name."),
    ("pull_policy: daily", "pull_policy: not a policy that deployer has. Write missing, always or"),
    ("volumes: [{type: bind, target: /a}]", "volumes[0]: no source. Write `source:` with a path"),
    ("volumes: [{type: npipe, source: a, target: /a}]", "volumes[0]: a type of volume that deploy"),
    ("volumes: [{source: a, target: /a}]", "volumes[0]: 'type' is missing. Write it below this ke"),
    ("volumes: [{type: tmpfs, target: /a, bind: {}}]", "volumes[0]: `bind:` is for another type"),
    (
        "volumes: [{type: volume, target: /a, consistency: cached}]",
        "volumes[0].consistency: 'consistency' is a Compose key that deployer does not support her",
    ),
    ("volumes: [/a]\ntmpfs: /a", "tmpfs: an entry of `volumes` has this path in the container."),
    ("secrets: [nosuch]", "secrets[0]: no such name under `secrets:` at the top level. Declare it"),
    ("secrets: [{source: a, mode: rw}]", "secrets[0].mode: not the mode of a file. Write octal"),
    ("networks: {a: {alias: b}}", "networks.a.alias: unknown key 'alias'. Did you mean 'aliases'?"),
    ("networks: {a: {ipv4_address: '::1'}}", "networks.a.ipv4_address: an address of the other ki"),
    ("networks: {a: {gw_priority: 1}}", "networks.a.gw_priority: 'gw_priority' is a Compose key t"),
    ("network_mode: service:db", "network_mode: config.yml has no such app. Remove it."),
    ("network_mode: service:web", "network_mode: an app cannot share its own network. Remove it."),
    ("network_mode: 'service:'", "network_mode: not a mode of Docker's. Write bridge, host, none,"),
    ("network_mode: host\nnetworks: [a]", "network_mode: there are `networks` too, and Docker tak"),
    (
        "network_mode: none\nroute: {host: a, port: 80}",
        "network_mode: the app has a `route`, for which each replica needs an address of its own.",
    ),
    ("network_mode: host\nports: ['80']", "ports: a container on the host's network publishes"),
    ("network_mode: container:a\nhostname: b", "hostname: it is the other container's with this"),
    ("ports: ['80:80:80:80']", "ports[0]: not an IP address. Write an IP address such as 10.0.0.2"),
    ("ports: ['8000-8002:80-81']", "ports[0]: ranges of different lengths. Write TARGET,"),
    ("ports: ['80', '80']", "ports[1]: this entry is there twice."),
    ("ports: ['80', 80/tcp]", "ports[1]: this port is there twice. Remove one of them."),
    ("ports: ['80:80']\nreplicas: 2", "ports: a fixed port of the host: 2 replicas cannot share i"),
    ("networks: {a: {ipv4_address: 10.0.0.9}}\nreplicas: 2", "networks: a fixed address: 2 replic"),
    ("extra_hosts: ['a']", "extra_hosts[0]: not a host name. Write NAME:ADDRESS."),
    ("mac_address: 1", "mac_address: not a MAC address. Write 02:42:ac:11:00:02."),
    ("cap_add: [net-admin]", "cap_add[0]: not a capability. Write one such as NET_ADMIN or ALL."),
    ("pid: shared", "pid: not a mode that deployer has. Write host or container:NAME."),
    ("security_opt: [anything]", "security_opt[0]: not an option of Docker's security. Write one"),
    ("ulimits: {nfile: 1}", "ulimits.nfile: no such limit. Known are: core, cpu,"),
    ("ulimits: {nofile: {soft: 2, hard: 1}}", "ulimits.nofile: the soft limit is above the hard o"),
    ("devices: [fuse]", "devices[0]: not a device. Write one such as /dev/fuse or"),
    ("device_cgroup_rules: [x]", "device_cgroup_rules[0]: not a rule. Write one such as c 189:* r"),
    ("gpus: 2", "gpus: neither all nor a list. Write `gpus: all`, or requests with a count."),
    ("gpus: [{count: 1, device_ids: ['0']}]", "gpus[0]: both `count` and `device_ids`. Keep one"),
    ("mem_limit: 1m", "mem_limit: not a size that fits here. Write one of at least 6 MiB, such as"),
    (
        "mac_address: '02:42:00:00:00:07'\nnetworks: {a: {mac_address: '02:42:00:00:00:09'}}",
        "mac_address: the first of `networks` says another. Keep one of them.",
    ),
    ("memswap_limit: 1g", "memswap_limit: it counts memory too. Write `mem_limit:` as well."),
    ("mem_limit: 64m\nmemswap_limit: 32m", "memswap_limit: it counts memory too, so it cannot be"),
    ("cpus: 0", "cpus: not a number that fits here. Write a number from 0.01 to 4096, such as 1.5"),
    ("cpus: 1\ncpu_quota: 5000", "cpus: `cpu_quota` or `cpu_period` says the same. Keep one of th"),
    (
        "cpus: 1\ndeploy: {resources: {limits: {cpus: '2'}}}",
        "deploy.resources: `cpus` says something else for the same limit. Keep one of them.",
    ),
    (
        "deploy: {resources: {reservations: {cpus: '1'}}}",
        "deploy.resources.reservations.cpus: 'cpus' is a Compose key that deployer does not suppor",
    ),
    ("deploy: {replicas: 2}", "deploy.replicas: 'replicas' is a Compose key that deployer does no"),
    ("deploy: {mode: global}", "deploy.mode: 'mode' is a Compose key that deployer does not suppo"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "words"), WRONG)
def test_what_is_wrong_is_one_line_with_its_place(folder: Folder, keys: str, words: str) -> None:
    text = f"image: a\n{keys}".replace("\n", "\n    ")
    found = folder.problems(f"apps:\n  web:\n    {text}\n")
    assert [line.split(": ", 1)[1].removeprefix("apps.web.")[: len(words)] for line in found] == [
        words
    ]
    assert found[0].startswith(("config.yml:4: ", "config.yml:5: "))


@pytest.mark.parametrize("key", sorted(_COMPOSE))
def test_what_compose_has_and_deployer_has_not_is_refused_by_name(folder: Folder, key: str) -> None:
    [line] = folder.problems(f"apps:\n  web:\n    image: a\n    {key}: x\n")
    begin = f"config.yml:4: apps.web.{key}: '{key}' is a Compose key that deployer does not "
    assert line.startswith(begin)
    assert line.removeprefix(begin).strip()


# https://github.com/compose-spec/compose-spec/blob/main/05-services.md, all headings.
COMPOSE_KEYS = frozenset(
    re.findall(
        r"\w+",
        """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs
container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares
cpus cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt
dns_search domainname driver_opts entrypoint env_file environment expose extends external_links
extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links
logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode
networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged
profiles provider pull_policy read_only restart runtime scale secrets security_opt shm_size
stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user
userns_mode uts volumes volumes_from working_dir
""",
    )
)


@pytest.mark.parametrize("key", sorted(COMPOSE_KEYS))
def test_no_key_of_compose_is_merely_unknown(folder: Folder, key: str) -> None:
    found = folder.problems(f"apps:\n  web:\n    image: a\n    {key}: {{x: y}}\n")
    assert not any(f"apps.web.{key}: unknown key" in line for line in found)


def test_a_secrets_content_is_part_of_the_release_and_hidden(folder: Folder) -> None:
    folder.write("token.txt", "canary-secret\n")
    text = "secrets: {t: {file: token.txt}}\napps: {web: {image: a, secrets: [t]}}"
    spec = folder.load(text).apps["web"].spec
    assert spec.files[0].text == "canary-secret\n"
    assert (spec.files[0].target, spec.files[0].mode) == ("/run/secrets/t", 0o400)
    assert "canary" not in repr(spec)
    assert spec.masked("it said canary-secret") == "it said ***"
    folder.write("token.txt", "another-secret\n")
    assert folder.load(text).apps["web"].spec != spec
    assert folder.load(text, part="public").apps["web"].spec.files == ()


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("{}", "not one origin of its content. Write `file:` or `environment:`, and only one."),
        ("{external: true}", "'external' is a Compose key that deployer does not support."),
        ("{file: no.txt}", "the file does not exist."),
        ("{environment: NO_SUCH}", "this variable is not set where the worker runs."),
        ("{content: x}", "unknown key 'content'."),
    ],
)
def test_a_secret_without_content_is_named_where_it_is_declared(
    folder: Folder, declared: str, words: str
) -> None:
    text = f"secrets:\n  t: {declared}\napps: {{web: {{image: a, secrets: [t]}}}}"
    found = folder.problems(text)
    assert found
    assert all(line.startswith("config.yml:2: secrets.t") for line in found)
    assert any(words in line for line in found)


def test_a_content_that_is_no_text_is_named(folder: Folder) -> None:
    text = "configs:\n  m: {content: [x]}\napps: {web: {image: a, configs: [m]}}"
    found = folder.problems(text)
    assert "config.yml:2: configs.m.content: not a single value. Write the text itself." in found


def test_apps_with_a_route_join_the_network_of_nginx_first(folder: Folder) -> None:
    config = folder.load(
        """\
        nginx: {mode: container, container: own, network: edge}
        apps:
          web: {image: a, networks: [back, edge], route: {host: a, port: 80}}
          job: {image: a, networks: [back]}
        """
    )
    joined = {name: [one.name for one in app.spec.networks] for name, app in config.apps.items()}
    assert joined == {"web": ["edge", "back"], "job": ["back"]}
