"""The whole product, used with marked secrets through its pages and its commands."""

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pyotp
import requests
from click.testing import CliRunner

from tests.support.installation import MANY_CALLS
from tests.support.processes import Up
from tests.support.receivers.certificates import Certificates
from tests.support.receivers.http_receiver import HttpReceiver
from tests.support.receivers.mail_server import MailReceiver
from tests.support.security.oidc_provider import CLIENT_ID, OidcProvider, person
from tests.support.waiting import wait_until
from webapp.cli import triagedesk
from webapp.clock import utcnow
from webapp.huntress.simulator import SimulatedAccount, Simulator

ADMIN, HELPDESK = "ada@example.com", "bo@example.com"
GIVEN = {
    "Huntress key": "hk_marked-7f3a91c2d4",
    "Huntress secret": "hs_marked-0b9e64aa17+/=",
    "mail password": 'smtp "marked" \\ 5d1c88 &',
    "webhook secret": "whsec_bWFya2VkLXdlYmhvb2stc2VjcmV0LTY0Yzg=",
    "passphrase": "a marked passphrase / 93be21 of backups",
    "OIDC client secret": "oidc-marked-44ad07&x=1",
    "metrics token": "metrics-marked-e1705b-0123456789abcdef",
    "password": "a marked horse & 61f2 battery",
    "wrong password": "another marked horse & 77c0",
    "helpdesk password": "helpdesk marked stable 3ae9",
}
"""What people enter; with characters that every encoding writes in its own way."""

PAGES = (
    *("/", "/health", "/desk/configuration", "/integrations/huntress/1", "/audit", "/backups"),
    *("/integrations/huntress/1/api-calls", "/notifications/targets/1", "/notifications/settings"),
    *("/notifications/outbox", "/users", "/users/1", "/preferences", "/preferences/sign-in"),
)
EXPORTS = ("/tickets/export", "/incidents/export", "/clients/export", "/audit/export")
SOON = 90
"""Longer than a poll and a mail take, however busy the machine is."""


class MarkedDesk:
    """One run of the product; `secrets` grows by those that the product makes."""

    def __init__(
        self,
        folder: Path,
        world: "_World",
        *,
        log_format: str,
    ) -> None:
        self.secrets = dict(GIVEN)
        self.kept = folder / "kept"
        """What people take along or read: pages, exports, what commands say, backups."""
        self.kept.mkdir()
        self._own = folder / "own"
        self._own.mkdir()
        self._world = world
        self.up = Up(
            folder / "product",
            TRIAGEDESK_LOG_FORMAT=log_format,
            TRIAGEDESK_PUBLIC_URL="http://127.0.0.1:1",
            TRIAGEDESK_SECOND_FACTOR="optional",
            TRIAGEDESK_METRICS_TOKEN=GIVEN["metrics token"],
            TRIAGEDESK_OIDC_ISSUER=world.provider.issuer,
            TRIAGEDESK_OIDC_CLIENT_ID=CLIENT_ID,
            TRIAGEDESK_OIDC_CLIENT_SECRET=GIVEN["OIDC client secret"],
            TRIAGEDESK_BACKUP_DIR=str(self.kept),
            TRIAGEDESK_BACKUP_PASSPHRASE=GIVEN["passphrase"],
            **world.variables,
        )
        self.browser = requests.Session()
        self.browser.headers["Sec-Fetch-Site"] = "same-origin"

    def use_everything(self) -> None:
        """Connect, poll, sign in, send, back up, take files along."""
        assert self.up.says("Serving on", SOON), self.up.output
        for key_file in ("secret.key", "encryption.keys"):
            self.secrets[key_file] = (self.up.data_dir / key_file).read_text().strip()
        self._add_person(ADMIN, "admin", "password")
        self._add_person(HELPDESK, "helpdesk", "helpdesk password")
        self._set_up_by_commands()
        self._sign_in_with_a_factor()
        self._sign_in_elsewhere()
        self._look_around()
        self._end_by_commands()

    def files(self) -> Iterator[Path]:
        """Every file that the product, or somebody who used it, has left; key files are not."""
        for folder in (self.up.folder, self.kept):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.name not in ("secret.key", "encryption.keys"):
                    yield path

    def processes(self) -> Iterator[tuple[str, psutil.Process]]:
        """The processes of the product by what they are."""
        for one in self.up.family():
            words = one.cmdline()
            names = ("web", "worker", "scheduler", "watch")
            name = next((name for name in names if name in words), None)
            is_valkey = any("valkey-server" in word for word in words)
            yield name or ("valkey" if is_valkey else "up"), one

    def _add_person(self, email: str, role: str, password: str) -> None:
        self.run("user", "add", email, "--role", role, typed=f"{GIVEN[password]}\n")

    def run(self, *words: str, typed: str = "", **variables: str) -> None:
        """Run a command; what it says is kept with the rest."""
        env = {name: value for name, value in self.up.env.items() if "TRIAGEDESK" in name}
        done = CliRunner().invoke(triagedesk, words, input=typed, env={**env, **variables})
        name = "-".join(word for word in words[:3] if word.replace("-", "").isalpha())
        (self.kept / f"said-{name}.txt").write_text(done.output, encoding="utf-8")
        assert done.exit_code == 0 or words[0] == "doctor", (words, done.output, done.exception)

    def _file(self, name: str) -> str:
        path = self._own / name.replace(" ", "-")
        path.write_text(GIVEN[name] + "\n", encoding="utf-8")
        return str(path)

    def _set_up_by_commands(self) -> None:
        world = self._world
        self.run(
            *("connection", "add", "--base-url", world.simulator.base_url),
            HUNTRESS_API_KEY=GIVEN["Huntress key"],
            HUNTRESS_API_SECRET=GIVEN["Huntress secret"],
        )
        self.run(
            *("routing", "set", "1", "--board", "Security"),
            *("--fallback-client", "Internal (unmapped security)"),
            *("--fallback-board", "Security Triage"),
        )
        self.run(
            *("mail", "set", "--host", "localhost", "--port", str(world.mail.port)),
            *("--security", "starttls", "--user", "desk", "--sender", "desk@example.com"),
            *("--password-file", self._file("mail password")),
        )
        self.run(
            *("target", "add", "hook", "--kind", "webhook"),
            *("--url", f"{world.receiver.origin}/hook"),
            *("--secret-file", self._file("webhook secret")),
        )
        self.run("target", "add", "team", "--kind", "email", "--to", "team@example.com")
        self.run(
            *("policy", "add", "p", "--event", "created", "--target", "hook"),
            *("--target", "team"),
        )
        self.run("poll", "1")
        assert wait_until(lambda: world.mail.mails and world.receiver.requests, SOON), (
            self.up.output[-3000:]
        )
        assert world.mail.logins[0] == ("desk", GIVEN["mail password"])

    def _token(self, page: str, browser: requests.Session | None = None) -> str:
        answer = (browser or self.browser).get(f"{self.up.url}{page}", timeout=SOON)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        assert found, (page, answer.url, answer.status_code)
        return found[1]

    def post(self, path: str, page: str, **fields: Any) -> requests.Response:
        """Send a form of a page; returns what it leads to."""
        typed = {"csrf_token": self._token(page), **fields}
        return self.browser.post(f"{self.up.url}{path}", data=typed, timeout=SOON)

    def _sign_in_with_a_factor(self) -> None:
        wrong = self.post("/sign-in", "/sign-in", email=ADMIN, password=GIVEN["wrong password"])
        assert wrong.status_code == 400 or "do not" in wrong.text, wrong.text[:500]
        self.post("/sign-in", "/sign-in", email=ADMIN, password=GIVEN["password"])
        shown = self.post("/preferences/sign-in/app", "/preferences/sign-in").text
        key = re.findall(r"<code[^>]*>([^<]+)</code>", shown)[0].replace(" ", "")
        self.secrets["key of the app"] = key
        place = "/preferences/sign-in/app/confirm"
        codes = self.post(place, place, code=pyotp.TOTP(key).now()).text
        found = re.search(r'id="codes"[^>]*>([^<]+)</textarea>', codes)
        assert found, codes[:3000]
        for number, code in enumerate(html.unescape(found[1]).split()):
            self.secrets[f"recovery code {number}"] = code
        self._keep_cookies("before")
        self.post("/sign-out", "/preferences")
        self.post("/sign-in", "/sign-in", email=ADMIN, password=GIVEN["password"])
        place = "/sign-in/factor?way=recovery-code"
        self.post(place, place, code=self.secrets["recovery code 0"])
        self._keep_cookies("after")

    def _keep_cookies(self, when: str) -> None:
        cookies = {one.name: one.value or "" for one in self.browser.cookies}
        assert {"triagedesk_login", "triagedesk_device"} <= cookies.keys(), cookies.keys()
        for name in ("triagedesk_login", "triagedesk_device"):
            self.secrets[f"{name} {when}"] = cookies[name]

    def _sign_in_elsewhere(self) -> None:
        """A second browser comes in by the identity provider."""
        browser = requests.Session()
        browser.headers["Sec-Fetch-Site"] = "same-origin"
        typed = {"csrf_token": self._token("/sign-in", browser)}
        answer = browser.post(
            f"{self.up.url}/sign-in/single-sign-on", data=typed, timeout=SOON
        ).text
        found = re.search(r'content="0; url=([^"]+)"', answer)
        assert found, answer[:2000]
        back = urlsplit(self._world.provider.visit(html.unescape(found[1])))
        browser.get(f"{self.up.url}{back.path}?{back.query}", timeout=SOON)
        cookies = {one.name: one.value or "" for one in browser.cookies}
        self.secrets["session of the other"] = cookies["triagedesk_login"]
        self.secrets["code of the provider"] = dict(
            part.split("=", 1) for part in back.query.split("&")
        )["code"]

    def _look_around(self) -> None:
        for number, path in enumerate((*PAGES, *EXPORTS)):
            answer = self.browser.get(f"{self.up.url}{path}", timeout=SOON)
            assert answer.status_code == 200, (path, answer.status_code)
            (self.kept / f"page-{number}.html").write_bytes(answer.content)
        own = self.post("/preferences/download", "/preferences")
        (self.kept / "own-data.zip").write_bytes(own.content)
        headers = {"Authorization": f"Bearer {GIVEN['metrics token']}"}
        metrics = requests.get(f"{self.up.url}/metrics", headers=headers, timeout=SOON)
        assert metrics.status_code == 200
        (self.kept / "metrics.txt").write_bytes(metrics.content)
        requests.get(f"{self.up.url}/metrics?token={GIVEN['metrics token']}", timeout=SOON)

    def _end_by_commands(self) -> None:
        file = str(self.kept / "by-command.age")
        passphrase = self._file("passphrase")
        self.run("backup", "write", file, "--passphrase-file", passphrase)
        self.run("backup", "verify", file, "--passphrase-file", passphrase)
        self.run("backup", "now")
        self.run("audit", "lines")
        self.run("audit", "verify")
        self.run("doctor")
        self.run("doctor", "--json")
        self.run("keys", "list")
        self.run("user", "list", "--json")
        self.run("target", "list", "--json")
        self.run("mail", "show", "--json")
        self.run("sessions", "list")


class _World:
    """What is around the product."""

    def __init__(
        self,
        simulator: Simulator,
        mail: MailReceiver,
        receiver: HttpReceiver,
        provider: OidcProvider,
        certificates: Certificates,
    ) -> None:
        self.simulator, self.mail = simulator, mail
        self.receiver, self.provider = receiver, provider
        hosts = (f"smtp://localhost:{mail.port}", receiver.origin, provider.issuer)
        self.variables: Mapping[str, str] = {
            "TRIAGEDESK_HUNTRESS_HOSTS": simulator.base_url,
            "TRIAGEDESK_OUTBOUND_HOSTS": ",".join(hosts),
            "TRIAGEDESK_OUTBOUND_CA_FILE": certificates.ca_file,
        }


@contextmanager
def marked_desk(folder: Path, log_format: str) -> Iterator[MarkedDesk]:
    """A product that runs, with an account, a mail server, a webhook and a provider around it."""
    certificates = Certificates(folder)
    account = SimulatedAccount(now=utcnow() - timedelta(days=1), name="Acme MSP")
    account.add_organization("Northwind", id=1)
    account.add_incident(1, now=utcnow() - timedelta(minutes=5), severity="critical")
    with (
        Simulator(
            account,
            calls_per_window=MANY_CALLS,
            api_key=GIVEN["Huntress key"],
            api_secret=GIVEN["Huntress secret"],
        ) as simulator,
        MailReceiver(
            starttls=certificates.fitting(), user="desk", password=GIVEN["mail password"]
        ) as mail,
        HttpReceiver() as receiver,
        OidcProvider(utcnow, client_secret=GIVEN["OIDC client secret"]) as provider,
    ):
        provider.person = person(sub="helpdesk-1", email=HELPDESK)
        world = _World(simulator, mail, receiver, provider, certificates)
        desk = MarkedDesk(folder, world, log_format=log_format)
        try:
            yield desk
        finally:
            desk.up.close()
