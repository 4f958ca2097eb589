"""Hostile values of a route's options reach no template."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.config.values import Nginx
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.rendering import Rendering
from deployer.proxies.templates import package_templates
from deployer.routing import Guard, Handling, Route, Target
from tests.proxies.test_allowed import HOSTILE

WEB = Route("web", ("web.example",), "/", (Target("10.0.0.1", 80),))


def refused(handling: Handling) -> None:
    rendering = Rendering(Nginx(), None, [package_templates()])
    with pytest.raises(RenderRefused):
        rendering.files([replace(WEB, handling=handling)], NginxFacts((1, 30, 0), "nginx"), 1)


@pytest.mark.parametrize("value", [*HOSTILE, '"', "$host", "\\", "a\nb", "ä", "a" * 1001])
def test_a_hostile_text_is_refused_wherever_a_route_has_a_text(value: str) -> None:
    refused(Handling(request_headers=((value, "x"),)))
    refused(Handling(response_headers=((value, "x"),)))
    refused(Handling(guard=Guard(allow=(value,))))
    refused(Handling(guard=Guard(deny=(value,))))
    refused(Handling(guard=Guard(users=value or "x")))
    refused(Handling(protocol=value))
    refused(Handling(sticky=value or "cookie"))


@pytest.mark.parametrize("value", ['a"', "a;\nb", "$host", "a\\", "\0", "a\rb", "ä"])
def test_a_header_holds_nothing_that_nginx_reads_otherwise(value: str) -> None:
    refused(Handling(request_headers=(("X-A", value),)))
    refused(Handling(response_headers=(("X-A", value),)))


@pytest.mark.parametrize("value", ["1", "1; }", None, -1, 1.5])
def test_what_is_no_number_is_refused_where_a_number_belongs(value: object) -> None:
    refused(Handling(guard=Guard(connections=value or "x")))  # type: ignore[arg-type]
    refused(Handling(guard=Guard(rate=(value, 1))))  # type: ignore[arg-type]
    if value is not None:
        refused(Handling(max_body=value))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 301, 404])
def test_a_page_is_for_an_answer_of_nginx_only(status: int) -> None:
    refused(Handling(pages=((status, "x"),)))
