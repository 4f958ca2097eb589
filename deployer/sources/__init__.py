"""The senders of webhooks that are understood, by the name that `source:` gives them."""

from deployer.ports import Source
from deployer.sources.acr import AzureRegistry
from deployer.sources.distribution import Distribution
from deployer.sources.dockerhub import DockerHub
from deployer.sources.ecr import ElasticRegistry
from deployer.sources.gar import GoogleRegistry
from deployer.sources.generic import Generic
from deployer.sources.gitea import Gitea
from deployer.sources.github import GitHub
from deployer.sources.gitlab import GitLab
from deployer.sources.harbor import Harbor
from deployer.sources.jfrog import Artifactory
from deployer.sources.nexus import Nexus
from deployer.sources.quay import Quay
from deployer.sources.zot import Zot

SOURCES: dict[str, Source] = {
    "acr": AzureRegistry(),
    "distribution": Distribution(),
    "dockerhub": DockerHub(),
    "ecr": ElasticRegistry(),
    "forgejo": Gitea(),
    "gar": GoogleRegistry(),
    "generic": Generic(),
    "gitea": Gitea(),
    "github": GitHub(),
    "gitlab": GitLab(),
    "harbor": Harbor(),
    "jfrog": Artifactory(),
    "nexus": Nexus(),
    "quay": Quay(),
    "zot": Zot(),
}
