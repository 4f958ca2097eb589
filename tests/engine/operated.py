"""The machine of the tutorial once somebody has typed what docs/operations.md says."""

from __future__ import annotations

from tests.docs import OPERATIONS, ROOT, blocks, commands
from tests.engine.server import Server


class Operated:
    """The machine once all of the page was typed, and what was seen at its turns."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.after: dict[str, str] = {}
        for one in blocks(OPERATIONS):
            if one.language != "console":
                continue
            server.type(f"cd {ROOT}" if "pip install" in one.text else "cd /etc/deployer")
            if one.name == "restore":
                self.before_the_restore()
            for command in commands(one.text):
                server.type(command)
                self.after[command] = server.asked("http://hello.example.com/version").strip()

    def before_the_restore(self) -> None:
        """Something happens that the backup does not know of."""
        self.server.type("deployer rollback hello --to 1 --wait")
        self.newer = self.server.type("deployer history hello")
