"""The senders of webhooks that are understood, by the name that `source:` gives them."""

from deployer.ports import Source
from deployer.sources.dockerhub import DockerHub
from deployer.sources.generic import Generic

SOURCES: dict[str, Source] = {"dockerhub": DockerHub(), "generic": Generic()}
