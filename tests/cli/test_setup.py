"""`check` and `hooks`: what the configuration says, and never a secret."""

from __future__ import annotations

import json

import pytest

from tests.cli.world import TOKEN, World


def test_a_sound_configuration_is_one_line(world: World) -> None:
    result = world.run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{world.config} is sound: 2 apps, 1 hook\n"


def test_every_problem_is_a_line_on_stderr_that_names_file_and_line(world: World) -> None:
    text = world.config.read_text()
    world.config.write_text(text.replace("replicas: 2", "replicaz: 2").replace("host:", "hots:", 1))
    result = world.run("check")
    assert (result.exit_code, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{world.config}:") for line in lines)


def test_problems_as_json_are_the_same_lines(world: World) -> None:
    world.config.write_text(world.config.read_text().replace("replicas: 2", "replicaz: 2"))
    spoken, read = world.run("check"), world.run("check", "--json")
    assert read.exit_code == 2
    assert json.loads(read.stdout) == {"problems": spoken.stderr.splitlines()}


def test_no_problem_is_an_empty_list(world: World) -> None:
    result = world.run("check", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"problems": []})


def test_the_schema_needs_no_configuration_and_names_the_sections(world: World) -> None:
    world.config.unlink()
    result = world.run("check", "--schema")
    assert result.exit_code == 0
    assert {"apps", "hooks", "receiver"} <= json.loads(result.stdout)["properties"].keys()


def test_a_hook_is_shown_with_its_url_and_the_file_of_its_token_but_never_the_token(
    world: World,
) -> None:
    shown, read = world.run("hooks", width=80), world.run("hooks", "--json")
    assert shown.exit_code == read.exit_code == 0
    assert TOKEN not in shown.output + read.output
    (hook,) = json.loads(read.stdout)["hooks"]
    assert hook["url"] == (
        "https://deploy.example.com/hooks/dockerhub/<token in secrets/dockerhub.token>"
    )
    assert hook["url"].partition("<")[0] in shown.stdout


def test_a_generic_hook_is_shown_with_a_line_to_try_it_and_never_a_secret(world: World) -> None:
    secret = "whsec_canarycanary0123456789canarycanary+/="
    (world.folder / "secrets" / "ci.secret").write_text(secret)
    text = world.config.read_text()
    more = "  ci: {source: generic, token_file: secrets/dockerhub.token, secret_file: SECRET}\n"
    more = more.replace("SECRET", "secrets/ci.secret")
    world.config.write_text(text.replace("apps:\n", f"{more}apps:\n"))
    shown, read = world.run("hooks", width=60), world.run("hooks", "--json")
    hook = json.loads(read.stdout)["hooks"][1]
    assert hook["url"] == "https://deploy.example.com/hooks/ci"
    assert hook["secret"] == (
        "a token for the header Authorization: Bearer or a secret to sign with (Standard Webhooks)"
    )
    assert hook["secret_files"] == ["secrets/dockerhub.token", "secrets/ci.secret"]
    assert hook["apps"] == ["web", "api"]
    assert hook["curl"].startswith(
        "printf 'Authorization: Bearer %s\\n' \"$DEPLOYER_TOKEN\" | curl"
    )
    assert hook["curl"].endswith(
        """-d '{"image": "docker.io/acme/web", "tag": "stable"}' https://deploy.example.com/hooks/ci"""
    )
    assert shown.stdout.endswith(f"\n{hook['curl']}\n")
    assert "canary" not in shown.output + read.output


@pytest.mark.parametrize(
    ("tags", "shown"), [("['glob:v*', edge]", "edge"), ("['glob:v*', 'semver:^1']", "TAG")]
)
def test_the_line_to_try_a_hook_leaves_the_tag_open_where_there_are_only_patterns(
    world: World, tags: str, shown: str
) -> None:
    hook = "  ci: {source: generic, token_file: secrets/dockerhub.token}\n"
    text = world.config.read_text().replace("[stable, edge]", tags)
    world.config.write_text(text.replace("apps:\n", f"{hook}apps:\n"))
    _, found = json.loads(world.run("hooks", "--json").stdout)["hooks"]
    assert f'"tag": "{shown}"' in found["curl"]


def test_a_hook_names_the_apps_whose_registry_it_speaks_for(world: World) -> None:
    (hook,) = json.loads(world.run("hooks", "--json").stdout)["hooks"]
    assert (hook["registry"], hook["apps"]) == ("docker.io", ["web"])


def test_without_a_host_the_url_is_where_the_receiver_listens(world: World) -> None:
    text = world.config.read_text().replace("host: deploy.example.com", "port: 5055")
    world.config.write_text(text)
    (hook,) = json.loads(world.run("hooks", "--json").stdout)["hooks"]
    assert hook["url"].startswith("http://127.0.0.1:5055/hooks/dockerhub/")


def test_without_hooks_there_is_a_sentence(world: World) -> None:
    lines = world.config.read_text().splitlines(keepends=True)
    world.config.write_text("".join(lines[:4] + lines[7:]))
    result = world.run("hooks")
    assert result.exit_code == 0
    assert result.stdout.startswith("no hook is configured")
