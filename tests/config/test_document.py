"""YAML as people write it, and every way in which a file can be none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.config import Config, load
from deployer.config.file import File
from deployer.errors import ConfigError
from deployer.spec import Attachment
from tests.config.conftest import Folder


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "config.yml:1: the file is empty. Write sections such as `apps:` and their keys."),
        (
            "# only a comment\n",
            "config.yml:1: the file is empty. Write sections such as `apps:` and their keys.",
        ),
        (
            "- a\n",
            "config.yml:1: the file is not a mapping. "
            "Write sections such as `apps:` and their keys.",
        ),
        (
            "apps:\n  web: {image: a\n",
            "config.yml:3: this is not YAML: expected ',' or '}', but got '<stream end>'. "
            "Check indentation, colons and quotes near column 1.",
        ),
        (
            "apps:\n\tweb: 1\n",
            "config.yml:2: this is not YAML: found character that cannot start any token. "
            "Check indentation, colons and quotes near column 1.",
        ),
        (
            "a: *s3cret\n",
            "config.yml:1: this is not YAML: found undefined alias. "
            "Check indentation, colons and quotes near column 4.",
        ),
        (
            "a: 1\n---\nb: 1\n",
            "config.yml:2: this is not YAML: but found another document. "
            "Check indentation, colons and quotes near column 1.",
        ),
        (
            "a: 1\nb: \x07\n",
            "config.yml:2: a character that YAML does not allow. Remove it or write it as \\x..",
        ),
        (
            'a: "\\U99999999"\n',
            "config.yml:1: this is not YAML: a number in an escape or directive is out of range. "
            "Remove it.",
        ),
        ("[" * 1200, "config.yml:1: the file is nested too deeply. Make it flatter."),
        (
            "apps:\n  web:\n    image: a\n  web:\n    image: b\n",
            "config.yml:4: apps.web: this key is written twice, first in line 2. Keep one of them.",
        ),
        ("? [a]\n: 1\n", "config.yml:1: a key is not a word. Write `name: value`."),
        ("apps:\n  ~: 1\n", "config.yml:2: apps: a key is not a word. Write `name: value`."),
        (
            "apps:\n  web:\n    image: !!python/name:os.system a\n",
            "config.yml:3: apps.web.image: YAML tags are not supported. "
            "Write the value without `!`.",
        ),
        (
            'receiver:\n  host: "a\\0b"\n',
            "config.yml:2: receiver.host: a character that no setting can hold. Remove it.",
        ),
        (
            'receiver:\n  host: "\\ud800"\n',
            "config.yml:2: receiver.host: a character that no setting can hold. Remove it.",
        ),
        (
            "x-a: &a [*a]\n",
            "config.yml:1: x-a[0]: nested too deeply or inside itself. Make it flatter.",
        ),
        (
            "x-a: 1\nnginx:\n  <<: 5\n",
            "config.yml:3: nginx: `<<` takes a mapping or a list of them. Write `<<: *anchor`.",
        ),
        ('"a\\nb": 1\n', 'config.yml:1: "a\\nb": unknown key "a\\nb". Known are: '),
    ],
)
def test_a_file_that_is_no_configuration_is_one_line(folder: Folder, text: str, line: str) -> None:
    found = folder.problems(text)
    assert len(found) == 1
    assert found[0].startswith(line)


def test_a_file_that_cannot_be_read_is_one_line(folder: Folder) -> None:
    (folder.path / "latin.yml").write_bytes(b"apps: \xe9\n")
    for name, what in (
        ("none.yml", "none.yml: there is no such file. Name another by --config"),
        ("secrets", "secrets: this is not a file. "),
        ("latin.yml", "latin.yml: the file is not UTF-8 text. "),
    ):
        with pytest.raises(ConfigError) as caught:
            load(Path(name), {})
        assert caught.value.problems[0].startswith(what)


def test_a_byte_order_mark_is_no_part_of_the_file(folder: Folder) -> None:
    assert folder.load("\ufeffreceiver: {port: 5001}").receiver.port == 5001


def test_the_path_is_printed_as_it_was_given(folder: Folder) -> None:
    path = folder.write("etc/config.yml", "zzz: 1\n")
    for given_path in (Path("etc/config.yml"), path):
        with pytest.raises(ConfigError, match=f"^{given_path}:1: zzz: "):
            load(given_path, {})


def test_anchors_and_merges_work_as_yaml_has_them(folder: Folder) -> None:
    config = folder.load(
        """\
        x-one: &one {replicas: 2, restart: always, tags: [one]}
        x-two: &two
          <<: *one
          restart: "no"
          stop_signal: INT
        apps:
          web: &web
            <<: [*two, {replicas: 9, networks: [net]}]
            image: a
            tags: [own]
          copy: *web
        """
    )
    spec = config.apps["web"].spec
    assert (spec.replicas, spec.restart, spec.stop_signal) == (2, "no", "SIGINT")
    assert (spec.networks, config.apps["web"].tags) == ((Attachment("net"),), ("own",))
    assert config.apps["copy"].spec == spec


def test_a_merged_value_is_named_where_it_was_written(folder: Folder) -> None:
    found = folder.problems("x-a: &a\n  replicas: 0\napps:\n  web:\n    <<: *a\n    image: a\n")
    assert [line.split(": ")[:2] for line in found] == [["config.yml:2", "apps.web.replicas"]]


def test_a_small_file_cannot_become_a_large_one(folder: Folder) -> None:
    lines = ["x-0: &a0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    [line] = folder.problems("\n".join(lines))
    assert line.endswith("more than 20000 values. Use fewer anchors.")


def outcome(folder: Folder, text: str) -> Config | list[str]:
    """What loading gives; anything but a configuration or its problems would raise here."""
    (folder.path / "config.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return load(Path("config.yml"), {})
    except ConfigError as error:
        assert error.problems
        assert all("\n" not in line for line in error.problems)
        assert not [line for line in error.problems if "Input should" in line]
        return error.problems


SETTINGS = settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MARKS = [*"{}[]#?@~0|>'\"\\\t\n", "  ", ": ", "- ", ", ", "&a ", "*a", "<<: ", "!!str ", "%YAML "]
MARKS += ["---", "x-", "apps", "web", "image"]


@SETTINGS
@given(st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=40).map("".join))
def test_noise_is_never_worse_than_a_config_error(folder: Folder, text: str) -> None:
    outcome(folder, text)


WORDS = st.sampled_from(
    ["web", "1", "a/b", "/x:/y", "A=b", "10s", "no", "docker.io", "secrets", ""]
)
VALUES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


def keys_of(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with the keys of a section and any values."""
    return st.dictionaries(st.sampled_from(sorted(model.model_fields)), VALUES, max_size=6)


def inner(name: str) -> Any:
    """The model of the entries below `hooks`, `registries` or `apps`."""
    return File.model_fields[name].annotation.__args__[-1]  # type: ignore[union-attr]


ENTRIES = {
    name: st.dictionaries(WORDS, keys_of(inner(name)) | VALUES, max_size=2)
    for name in ("hooks", "registries", "apps")
}
SECTIONS = {
    name: keys_of(File.model_fields[name].annotation) | VALUES
    for name in ("receiver", "nginx", "paths", "worker", "deploy")
}


@SETTINGS
@given(st.fixed_dictionaries({}, optional=ENTRIES | SECTIONS))
def test_known_keys_with_any_values_are_never_worse_than_a_config_error(
    folder: Folder, data: dict[str, Any]
) -> None:
    outcome(folder, yaml.safe_dump(data))
