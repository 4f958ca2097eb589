"""Which test holds which fault of Docker, of apps and of operators: what happens, and where."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

FAULTS = {
    "the tag moves between resolve and pull: what was resolved is deployed": [
        "engine/test_registry_faults.py::test_a_tag_that_moves_before_it_is_pulled",
    ],
    "an image for another processor: fails before anything was touched": [
        "engine/test_registry_faults.py::test_an_image_for_another_machine",
    ],
    "Docker is killed in each step: the deployment ends, the next one succeeds": [
        "engine/test_dockerd.py::test_docker_that_dies_in_a_deployment",
        "engine/test_dockerd.py::test_docker_that_dies_in_a_pull",
        "engine/test_dockerd.py::test_docker_that_takes_its_containers_with_it",
    ],
    "Docker takes its containers with it: those that served run again by themselves": [
        "engine/test_dockerd.py::test_every_app_that_served_serves_again",
        "test_reviving.py::test_what_ran_before_docker_went_and_has_ended_is_started",
        "test_reviving.py::test_it_is_tried_after_ever_longer_pauses",
    ],
    "an operator stopped it before Docker went: it stays stopped": [
        "engine/test_dockerd.py::test_every_app_that_served_serves_again",
        "test_reviving.py::test_what_was_seen_stopped_before_docker_went",
        "test_reviving.py::test_where_another_has_run_on_since_then",
    ],
    "Docker restarts while a replaced release is kept: that stays stopped": [
        "engine/test_dockerd.py::test_what_was_stopped_to_make_room_stays_stopped",
        "engines/docker/test_engine.py::test_restarts_are_switched_off_before_the_stop",
    ],
    "Docker restarts in the watch with live-restore: the own probe decides": [
        "engine/test_dockerd.py::test_a_healthy_release_is_not_taken_back",
        "test_health.py::test_while_the_engine_does_not_answer_the_probes_decide",
    ],
    "Docker hangs: calls end, it is told, webhooks are taken": [
        "engine/test_dockerd.py::test_docker_that_hangs_for_longer_than_any_call_may_take",
        "engine/test_outages.py::test_docker_that_hangs_is_told_within_seconds",
    ],
    "an answer of Docker's is lost: looked for, nothing is made twice or left": [
        "engines/docker/test_engine.py::test_an_answer_that_never_came_is_looked_for",
        "engines/docker/test_engine.py::test_a_start_that_was_never_answered_runs_what_ends_at_once",
        "engines/docker/test_engine.py::test_where_docker_stays_away_a_half_done_start",
        "engines/docker/test_engine.py::test_a_stop_that_was_never_answered_is_looked_at",
    ],
    "the name is somebody else's: told, and that container is left alone": [
        "contracts/engine.py::test_a_foreign_container_keeps_its_name_and_the_start_fails",
        "engines/docker/test_engine.py::test_another_release_of_ours_with_the_same_name",
    ],
    "a network's end of a container that is gone: told, and the next name is another": [
        "engines/docker/test_stale_endpoints.py::test_a_start_that_it_refuses",
        "engines/docker/test_stale_endpoints.py::test_a_halted_one_that_it_keeps",
    ],
    "a port, an address or a container to join that is not free: told by name": [
        "engines/docker/test_others.py::test_a_port_that_another_container_has",
        "engines/docker/test_others.py::test_a_fixed_address_that_a_running_container_has",
        "engines/docker/test_others.py::test_a_container_to_join_that_is_missing",
    ],
    "it ends at once, is not executable, not there, or there is nothing to run": [
        "engine/test_app_faults.py::test_what_ends_at_once_or_cannot_begin",
        "engine/test_failing.py::test_an_image_that_never_gets_healthy_changes_nothing",
    ],
    "a crash loop: seen, though each life begins well": [
        "engine/test_app_faults.py::test_a_crash_loop_that_starts_well",
        "test_health.py::test_a_container_that_docker_restarted_does_not_stay_up",
    ],
    "never healthy: no verdict, no answer, errors, endless or slow answers": [
        "engine/test_app_faults.py::test_a_healthcheck_that_never_gives_a_verdict",
        "engine/test_failing.py::test_an_image_that_never_gets_healthy_changes_nothing",
        "test_health.py::test_an_answer_that_trickles_is_no_answer",
        "test_health.py::test_a_body_without_an_end_is_read_only_so_far",
        "test_health.py::test_a_redirect_is_not_followed",
    ],
    "it dies or sickens after the switch: the old one has the traffic back": [
        "engine/test_app_faults.py::test_when_a_release_dies_after_the_switch",
        "engine/test_failing.py::test_a_release_that_sickens_in_its_watch",
        "engines/docker/test_engine.py::test_how_a_container_ended_that_docker_started_again",
    ],
    "well at first, then errors to real requests: only the probe's path is looked at": [
        "engine/test_app_faults.py::test_errors_that_the_health_path_has_too",
        "engine/test_app_faults.py::test_errors_to_requests_that_the_health_path_does_not_have",
    ],
    "out of memory: told as that": [
        "engine/test_app_faults.py::test_what_runs_out_of_memory_at_its_start",
    ],
    "the old one ignores its signal: killed after its grace period, and told": [
        "engine/test_app_faults.py::test_an_old_release_that_ignores_its_signal",
        "engine/test_app_faults.py::test_requests_are_served_once_each_though_the_old_one_ignores",
    ],
    "an operator removes the old one: the deployment goes on": [
        "engine/test_app_faults.py::test_an_old_container_that_an_operator_removes",
    ],
    "an operator removes the new one: it fails, the old one serves": [
        "engine/test_app_faults.py::test_a_new_container_that_an_operator_removes",
    ],
    "somebody prunes all the time: images are pulled again": [
        "engine/test_dockerd.py::test_deployments_succeed_while_somebody_prunes_all_the_time",
        "contracts/engine.py::test_an_image_that_somebody_removed_since_its_pull",
        "engines/docker/test_engine.py::test_a_kept_image_outlives_a_prune_of_dangling_images",
    ],
    "an address that is freed goes to another app: never routed to": [
        "engine/test_hundred_deployments.py::test_nothing_is_lost_mixed_up_or_left_behind",
        "engine/test_nginx.py::test_requests_follow_a_container_to_its_new_address",
    ],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_held_by_tests_that_exist(fault: str) -> None:
    """Each is named by its file and the beginning of its name."""
    for named in FAULTS[fault]:
        file, _, name = named.partition("::")
        tree = ast.parse((TESTS / file).read_text())
        found = [one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
        assert [each for each in found if each.startswith(name)], named
