"""Whether the configuration is safe: keys, addresses, and what travels between machines.

A pure judgement: `Config`, and facts that were gathered before.
"""

import os
import shlex
import stat
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from webapp.config import Config, find_secret_files
from webapp.domain.security.key_strength import are_bytes_weak, find_weakness
from webapp.services.operations.check_health import Check

SAFE_SSL_MODES = {"require", "verify-ca", "verify-full"}
"""With the others PostgreSQL's library goes on in plain text where the server offers no TLS."""

READABLE_BY_ALL = stat.S_IROTH | stat.S_IWOTH
READABLE_BY_GROUP = stat.S_IRGRP | stat.S_IWGRP


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with a secret in it: its mode, and whether this user owns it."""

    path: Path
    mode: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class ConfigurationFacts:
    """What the configuration itself does not say: files of secrets, and libpq's own default."""

    secret_files: tuple[SecretFile, ...] = ()
    ssl_mode: str | None = None


def gather_facts(config: Config, env: Mapping[str, str]) -> ConfigurationFacts:
    """Look at the files and the environment."""
    files = []
    for path in find_secret_files(env, config.data_dir):
        try:
            found = path.stat()
        except OSError:
            continue
        files.append(SecretFile(path, found.st_mode, found.st_uid == os.geteuid()))
    return ConfigurationFacts(tuple(files), env.get("PGSSLMODE"))


def check_configuration(config: Config, facts: ConfigurationFacts) -> list[Check]:
    """One check of the keys, one of the addresses, one of what travels between machines."""
    return [
        *_as_checks("keys", _weak_keys(config, facts), "random, and for this user's eyes only"),
        *_as_checks("addresses", _addresses(config), "public address and proxies fit together"),
        *_as_checks(
            "connections between machines", _unprotected(config, facts), "none without TLS"
        ),
    ]


Finding = tuple[str, str]
"""What is wrong, and what to do."""


def _as_checks(name: str, findings: Iterator[Finding], is_well: str) -> Iterator[Check]:
    found = list(findings)
    if not found:
        yield Check(name, True, is_well)
        return
    details, hints = zip(*found, strict=True)
    yield Check(name, False, " ".join(details), " ".join(hints))


def _weak_keys(config: Config, facts: ConfigurationFacts) -> Iterator[Finding]:
    readable = [file.path for file in facts.secret_files if _is_readable_by_others(file)]
    if readable:
        paths = " ".join(shlex.quote(str(path)) for path in readable)
        names = ", ".join(str(path) for path in readable)
        yield f"Others on this machine can read {names}.", f"Run: chmod 600 {paths}"
    if weakness := find_weakness(config.secret_key):
        hint = (
            "Make another one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'. All"
            " sessions end with it."
        )
        yield f"TRIAGEDESK_SECRET_KEY {weakness}: it can be guessed.", hint
    if any(are_bytes_weak(urlsafe_b64decode(key)) for key in config.encryption_keys):
        hint = (
            "Run `triagedesk keys rotate`, then `triagedesk keys forget` with the id of that one."
        )
        yield "An encryption key is not random: it can be guessed.", hint


def _is_readable_by_others(file: SecretFile) -> bool:
    """A file of root's may be given to a group: this user could not read it otherwise."""
    others = READABLE_BY_ALL | (READABLE_BY_GROUP if file.is_own else 0)
    return bool(file.mode & others)


def _addresses(config: Config) -> Iterator[Finding]:
    public = urlsplit(config.public_url or "")
    if public.scheme == "https" and not config.trusted_proxies:
        yield (
            "TRIAGEDESK_PUBLIC_URL is https and TRIAGEDESK_TRUSTED_PROXIES is 0: everybody looks"
            " like the proxy, so that one person's wrong guesses hold up all others.",
            "Set TRIAGEDESK_TRUSTED_PROXIES to the number of proxies in front, mostly 1.",
        )
    if public.scheme == "http" and _is_remote(public.hostname):
        yield (
            "TRIAGEDESK_PUBLIC_URL is http: passwords and sessions travel unencrypted.",
            "Put a reverse proxy with https in front, and set the https address.",
        )
    if not config.public_url and config.trusted_proxies:
        yield (
            "TRIAGEDESK_TRUSTED_PROXIES says that a proxy is in front, and TRIAGEDESK_PUBLIC_URL is"
            " not set: links in messages work on this machine only.",
            "Set TRIAGEDESK_PUBLIC_URL to the https address that people open.",
        )


def _unprotected(config: Config, facts: ConfigurationFacts) -> Iterator[Finding]:
    redis = urlsplit(config.redis_url)
    if redis.scheme != "unix" and _is_remote(redis.hostname):
        if redis.scheme != "rediss":
            yield (
                f"Redis on {redis.hostname} is used without TLS.",
                "Use rediss:// in TRIAGEDESK_REDIS_URL.",
            )
        if not redis.password:
            yield (
                f"Redis on {redis.hostname} is used without a password.",
                "Set one there (requirepass, or an ACL user), and put it into TRIAGEDESK_REDIS_URL:"
                " whoever can write to Redis can start polls.",
            )
    if not config.uses_sqlite:
        yield from _database_without_tls(config, facts)


def _database_without_tls(config: Config, facts: ConfigurationFacts) -> Iterator[Finding]:
    url = make_url(config.database_url)
    host = str(url.query.get("host") or url.host or "")
    mode = str(url.query.get("sslmode") or facts.ssl_mode or "prefer")
    is_socket = not host or host.startswith("/")
    if not is_socket and _is_remote(host) and mode not in SAFE_SSL_MODES:
        yield (
            f"PostgreSQL on {host} is used with sslmode={mode}, which does not insist on TLS.",
            "Put ?sslmode=verify-full (or require) at the end of TRIAGEDESK_DATABASE_URL.",
        )


def _is_remote(host: str | None) -> bool:
    """Whether a host is another machine, as far as its name tells."""
    try:
        return not ip_address(host or "").is_loopback
    except ValueError:
        return host not in (None, "", "localhost", "localhost.localdomain")
