"""Starting nginx and Caddy with the files of `deploy`; only ports and paths are others."""

import getpass
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.deploy.asking import NAME, Answer, Asker
from tests.support.processes import ROOT, Command, clean_environment, run_program
from tests.support.waiting import wait_until
from webapp.runtime.network import find_free_port

DEPLOY = ROOT / "deploy"
CERTIFICATES = "/etc/letsencrypt/live/desk.example.com"
NGINX_MAIN = """
user {user};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/main-error.log info;
events {{ }}
http {{
    access_log {folder}/main-access.log combined;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
"""As a distribution has it: an access log and an error log for whatever says nothing else."""


class Proxy:
    """A running proxy in front of `upstream` (`host:port`), and whatever it has logged."""

    def __init__(self, folder: Path, program: str) -> None:
        self.program = _find(program)
        self.folder = folder
        folder.mkdir()
        self.asker = Asker(find_free_port(), find_free_port(), folder / "ca.pem")
        _make_certificate(folder)
        self._command: Command | None = None

    @property
    def logged(self) -> str:
        """Everything that is in a log now, and what it says on its streams."""
        logs = sorted(self.folder.rglob("*.log"))
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)

    def ask(self, path: str, **how: Any) -> Answer:
        """What Asker.ask() answers; an answer has to come."""
        found = self.asker.ask(path, **how)
        assert found is not None, self.logged
        return found

    def start(self, *words: str, **variables: str) -> None:
        """Start it and wait until it answers."""
        env = clean_environment(**variables)
        self._command = Command(words, self.folder / "streams", env, program=self.program)
        is_up = wait_until(lambda: _answers(self.asker))
        assert is_up, self.logged

    def close(self) -> None:
        """End it."""
        if self._command is not None:
            self._command.close()


def start_nginx(folder: Path, upstream: str) -> Proxy:
    """Run `nginx.conf`; skips the test where nginx is not installed."""
    proxy = Proxy(folder, "nginx")
    ports = {"80": proxy.asker.port, "443": proxy.asker.tls_port}
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    text = re.sub(r"( *listen (?:\[::\]:)?)(\d+)", lambda m: f"{m[1]}{ports[m[2]]}", text)
    text = re.sub(r" *listen \[::\].*\n", "", text)  # a machine may have no IPv6
    text = text.replace("server 127.0.0.1:8000;", f"server {upstream};")
    text = text.replace(CERTIFICATES, str(folder)).replace("/var/log/nginx", str(folder))
    (folder / "site.conf").write_text(text, encoding="utf-8")
    (folder / "main.conf").write_text(
        NGINX_MAIN.format(folder=folder, user=getpass.getuser()), encoding="utf-8"
    )
    proxy.start("-p", str(folder), "-e", str(folder / "first.log"), "-c", str(folder / "main.conf"))
    return proxy


def start_caddy(folder: Path, upstream: str) -> Proxy:
    """Run the Caddyfile for the installed version; skips the test where Caddy is not installed.

    It writes down all it ever writes down: every request, also one that went well.
    """
    proxy = Proxy(folder, "caddy")
    said = run_program(proxy.program, "version").stdout
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:3])
    name = "Caddyfile" if version >= (2, 6, 4) else "Caddyfile-debian12"
    text = (DEPLOY / name).read_text(encoding="utf-8")
    ports = f"\thttp_port {proxy.asker.port}\n\thttps_port {proxy.asker.tls_port}\n"
    text = re.sub(r"^\{\n", "{\n\tadmin off\n\tdebug\n" + ports, text, count=1, flags=re.MULTILINE)
    certificate = f"\ttls {folder}/fullchain.pem {folder}/privkey.pem\n"
    text = text.replace(f"\n{NAME} {{\n", f"\n{NAME} {{\n{certificate}")
    text = text.replace("127.0.0.1:8000", upstream)
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    words = ("run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    proxy.start(*words, **home)
    return proxy


def _find(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed (Debian: apt-get install nginx-light caddy)")
    return found


def _make_certificate(folder: Path) -> None:
    """A certificate for NAME, where the files of `deploy` look for it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    # RSA: with an ECDSA key no cipher without forward secrecy could be agreed on in any case.
    leaf = authority.issue_cert(NAME, key_type=trustme.KeyType.RSA)
    leaf.private_key_pem.write_to_path(str(folder / "privkey.pem"))
    for part in leaf.cert_chain_pems:
        part.write_to_path(str(folder / "fullchain.pem"), append=True)


def _answers(asker: Asker) -> bool:
    try:
        return asker.ask("/", tls=False) is not None and asker.ask("/") is not None
    except OSError:
        return False
