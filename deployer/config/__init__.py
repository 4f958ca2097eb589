"""config.yml, the environment and secret files, as frozen values."""

from deployer.config.file import json_schema
from deployer.config.loader import load
from deployer.config.secrets import receiver_part, registry_password, report_token
from deployer.config.values import Config, ReceiverPart

__all__ = [
    "Config",
    "ReceiverPart",
    "json_schema",
    "load",
    "receiver_part",
    "registry_password",
    "report_token",
]
