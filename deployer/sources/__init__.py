"""The senders of webhooks that are understood, by the name that `source:` gives them."""

from deployer.ports import Source
from deployer.sources.dockerhub import DockerHub

SOURCES: dict[str, Source] = {"dockerhub": DockerHub()}
