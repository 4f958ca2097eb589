"""The machine of the tutorial once somebody has followed docs/security.md, TLS.

In place of certbot a certificate that signs itself is put where certbot puts its own, and the
webroot is asked for a file as an authority would ask.
"""

from __future__ import annotations

from pathlib import Path

from tests.docs import SECURITY, block, commands, section_on_tls
from tests.engine.server import Server
from tests.lab.shell import run, wait_until

FILES = {
    "tls-http": "/var/lib/deployer/nginx/own/http.conf",
    "tls-hook": "/etc/letsencrypt/renewal-hooks/deploy/deployer.sh",
    "tls-https": "/var/lib/deployer/nginx/own/https.conf",
}
LAST = "curl https://hello.example.com/version"


class Secured:
    """The machine once its owner has followed the section, and what was seen on the way."""

    def __init__(self, server: Server) -> None:
        self.server = server
        config = server.root / "etc/deployer/config.yml"
        config.write_text(config.read_text() + server.here.of(block("tls-config", SECURITY)))
        for one in section_on_tls():
            if one.name in FILES:
                self.write(FILES[one.name], one.text)
            for command in commands(one.text) if one.language == "console" else ():
                if command == LAST:
                    wait_until(self.answers, "an answer over TLS", hint=self.hint)
                server.type(command)
                if command == "systemctl restart deployer":
                    wait_until(lambda: "301 https://" in self.redirected(), "the new port")
                if command.startswith("certbot"):
                    self.certify()

    def write(self, path: str, text: str) -> None:
        """Put a file of the page in its place."""
        place = Path(self.server.here.of(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self.server.here.of(text))
        place.chmod(0o755 if path.endswith(".sh") else 0o644)

    def certify(self) -> None:
        """Do certbot's part: be asked for a file, lay a certificate down, call the hook."""
        server = self.server
        asked = server.root / "var/lib/deployer/nginx/acme/.well-known/acme-challenge/proof"
        asked.parent.mkdir(parents=True)
        asked.write_text("proven")
        self.proof = self.curl("/.well-known/acme-challenge/proof")
        self.redirect = self.redirected()
        live = server.root / "etc/letsencrypt/live/one"
        live.mkdir(parents=True)
        names = ",".join(f"DNS:{server.here.host(one)}" for one in ("hello", "deployer"))
        self.authority = live / "fullchain.pem"
        run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=lab"),
                *("-addext", f"subjectAltName={names}", "-keyout", str(live / "privkey.pem")),
                *("-out", str(self.authority)),
            ]
        )
        server.environment["CURL_CA_BUNDLE"] = str(self.authority)
        run([server.here.of(FILES["tls-hook"])], env={"RENEWED_LINEAGE": str(live)})

    def curl(self, path: str, *options: str) -> str:
        """Ask for a path of the app over plain HTTP."""
        url = f"http://{self.server.here.host('hello')}:{self.server.here.plain_port}{path}"
        return self.server.asked(url, *options).strip()

    def redirected(self) -> str:
        """Where a reader of plain HTTP is sent."""
        return self.curl("/version?a=b", "--write-out", "%{http_code} %{redirect_url}")

    def answers(self) -> bool:
        """Whether the app answers over TLS."""
        return self.server.asked("https://hello.example.com/version")[:1] == "v"

    def hint(self) -> str:
        """What curl says of it."""
        return self.server.asked("https://hello.example.com/version", "--verbose")
