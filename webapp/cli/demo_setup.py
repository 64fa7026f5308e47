"""What `up --demo` needs of its own: an environment, a simulated account and passwords."""

import secrets
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from webapp.config import DEMO_MARK, PREFIX, ConfigError
from webapp.runtime.data_dir import LOCK_FILE
from webapp.runtime.network import find_free_port

DEMO_DIR = "demo-data"
DEMO_DIR_VARIABLE = "TRIAGEDESK_DEMO_DATA_DIR"
ADMIN_EMAIL = "admin@example.com"
HELPDESK_EMAIL = "helpdesk@example.com"
API_SECRET_VARIABLE = "DEMO_HUNTRESS_SECRET"  # noqa: S105 - a variable's name


@dataclass(frozen=True)
class Demo:
    """The settings of one run of the demo."""

    data_dir: Path
    env: Mapping[str, str]
    simulator_port: int
    mail_port: int
    api_key: str

    @classmethod
    def prepare(cls, env: Mapping[str, str]) -> "Demo":
        """Make new secrets and find a free port; no TRIAGEDESK_ variable of `env` is kept.

        Raises ConfigError if the demo's directory holds anything that the demo did not make.
        """
        data_dir = Path(env.get(DEMO_DIR_VARIABLE) or DEMO_DIR).expanduser().absolute()
        if data_dir.exists() and any(data_dir.iterdir()) and not (data_dir / DEMO_MARK).exists():
            raise ConfigError(
                f"{data_dir} was not made by the demo, which would delete what is in it.",
                f"Set {DEMO_DIR_VARIABLE} to a directory that does not exist yet.",
            )
        port, mail_port = find_free_port(), find_free_port()
        own = {
            f"{PREFIX}DATA_DIR": str(data_dir),
            f"{PREFIX}HUNTRESS_HOSTS": f"http://127.0.0.1:{port}",
            f"{PREFIX}OUTBOUND_HOSTS": f"smtp://127.0.0.1:{mail_port}",
            "DEMO_MAIL_PORT": str(mail_port),
            API_SECRET_VARIABLE: secrets.token_urlsafe(24),
            "DEMO_HUNTRESS_URL": f"http://127.0.0.1:{port}",
            "DEMO_HUNTRESS_KEY": "hk_" + secrets.token_hex(8),
            "DEMO_ADMIN_PASSWORD": secrets.token_urlsafe(12),
            "DEMO_HELPDESK_PASSWORD": secrets.token_urlsafe(12),
        }
        kept = {name: value for name, value in env.items() if not name.startswith(PREFIX)}
        return cls(data_dir, kept | own, port, mail_port, own["DEMO_HUNTRESS_KEY"])

    def empty_data_dir(self) -> None:
        """Delete what the last demo left; call it only while holding the directory's lock."""
        for path in self.data_dir.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != LOCK_FILE:
                path.unlink()
        (self.data_dir / DEMO_MARK).touch()

    @property
    def simulator_command(self) -> list[str]:
        """The simulator's arguments for the Python interpreter."""
        return [
            *("-m", "webapp.huntress.simulator", "--live", "--port", str(self.simulator_port)),
            *("--api-key", self.api_key, "--api-secret-env", API_SECRET_VARIABLE),
        ]

    @property
    def mail_command(self) -> list[str]:
        """The mail server's arguments for the Python interpreter."""
        return ["-m", "webapp", "demo-mail", "--port", str(self.mail_port)]

    def is_up(self) -> bool:
        """Whether the simulator and the mail server accept connections."""
        return all(_is_listening(port) for port in (self.simulator_port, self.mail_port))

    def describe(self) -> str:
        """The text that says how to sign in."""
        return (
            "Demo: everything in it is made up, and deleted at the next start.\n"
            f"  admin:    {ADMIN_EMAIL}  password {self.env['DEMO_ADMIN_PASSWORD']}\n"
            f"  helpdesk: {HELPDESK_EMAIL}  password {self.env['DEMO_HELPDESK_PASSWORD']}"
        )


def _is_listening(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
