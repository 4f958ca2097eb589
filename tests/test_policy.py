"""Which apps a push is for."""

from deployer.model import Image, image_of
from deployer.policy import Match, Selector, match

SHOP = Image("docker.io", "acme/shop")
APPS = {
    "web": Selector(SHOP, ("latest", "stable")),
    "shadow": Selector(SHOP, ("stable",)),
    "api": Selector(Image("ghcr.io", "acme/api"), ("main",)),
}


def pushed(tag: str, repository: str = "acme/shop", host: str = "docker.io") -> Match:
    image = image_of(host, repository, tag)
    assert image is not None
    return match(image, APPS)


def test_host_repository_and_tag_together_select_an_app() -> None:
    assert pushed("latest").apps == ("web",)
    assert pushed("main", "acme/api", "ghcr.io").apps == ("api",)


def test_several_apps_may_follow_one_tag() -> None:
    found = pushed("stable")
    assert found.apps == ("shadow", "web")
    assert found.reason == "docker.io/acme/shop:stable is what each of the apps shadow, web deploys"


def test_the_aliases_of_docker_hub_are_one_host() -> None:
    assert pushed("latest", host="registry-1.docker.io").apps == ("web",)


def test_another_tag_is_for_nobody_and_the_reason_names_the_apps_and_their_tags() -> None:
    assert pushed("2.4.1") == Match(
        (),
        "app shadow uses this image but not the tag 2.4.1; its tags are stable; "
        "app web uses this image but not the tag 2.4.1; its tags are latest, stable",
    )


def test_a_tag_is_no_prefix_and_has_a_case() -> None:
    assert pushed("latest2").apps == ()
    assert pushed("Latest").apps == ()


def test_an_unknown_repository_is_named() -> None:
    assert pushed("latest", "acme/shop2") == Match((), "no app uses docker.io/acme/shop2")


def test_the_same_repository_on_another_host_is_for_nobody_and_points_at_the_hook() -> None:
    assert pushed("main", "acme/api") == Match(
        (),
        "no app uses docker.io/acme/api; app api uses ghcr.io/acme/api: see `registry` of the hook",
    )
