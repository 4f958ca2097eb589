"""`compose: {file, service}`: an app's keys from a service of an existing Compose file."""

from deployer.config.composefile.joining import join

__all__ = ["join"]
