import re
from pathlib import Path

import pytest

from webapp.config import (
    NOT_FOR_THE_SCHEDULER,
    NOT_WITHOUT_PAGES,
    SECRETS,
    VARIABLES,
    Config,
    ConfigError,
    SourceKind,
    ValueSource,
    embedded_redis_url,
    find_unknown,
    is_set,
    load_config,
    needs_data_dir,
    read_data_dir,
    without,
)
from webapp.crypto import generate_key

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
KEY = generate_key()
OTHER_KEY = generate_key()
GIVEN = {"TRIAGEDESK_SECRET_KEY": "s" * 32, "TRIAGEDESK_ENCRYPTION_KEYS": KEY}


def load(**variables: str) -> Config:
    return load_config(GIVEN | {f"TRIAGEDESK_{name}": value for name, value in variables.items()})


def refusal(**variables: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(**variables)
    assert caught.value.hint
    assert str(caught.value) == f"{caught.value.problem} {caught.value.hint}"
    return caught.value


def test_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    config = load()
    assert config.data_dir == tmp_path / "data"
    assert config.database_url == f"sqlite:///{tmp_path}/data/triagedesk.db"
    assert config.uses_sqlite
    assert config.redis_url == embedded_redis_url(tmp_path / "data")
    assert config.uses_embedded_redis
    assert config.huntress_hosts == ("api.huntress.io",)
    assert config.huntress_calls_per_minute == 50
    assert config.huntress_portal_url.startswith("https://")
    assert "{incident_id}" in config.huntress_portal_url
    assert config.edition == "enterprise"
    assert config.trusted_proxies == 0
    assert config.public_url is None
    assert config.lease_seconds == 120
    assert not config.is_demo


def test_every_variable_is_read(tmp_path: Path) -> None:
    config = load(
        DATA_DIR=str(tmp_path),
        DATABASE_URL="postgresql://desk:pw@db.example/desk",
        REDIS_URL="rediss://:pw@queue.example:6379/0",
        HUNTRESS_HOSTS="api.huntress.io, http://127.0.0.1:8081",
        HUNTRESS_CALLS_PER_MINUTE="30",
        HUNTRESS_PORTAL_URL="https://x.example/incidents/{incident_id}",
        EDITION="Community",
        TRUSTED_PROXIES="2",
        PUBLIC_URL="https://desk.example.com/",
        LEASE_SECONDS="60",
        OUTBOUND_HOSTS="ntfy.lan,http://127.0.0.1:9000",
    )
    assert config == Config(
        data_dir=tmp_path,
        database_url="postgresql+psycopg://desk:pw@db.example/desk",
        redis_url="rediss://:pw@queue.example:6379/0",
        secret_key="s" * 32,
        encryption_keys=(KEY,),
        huntress_hosts=("api.huntress.io", "http://127.0.0.1:8081"),
        huntress_calls_per_minute=30,
        huntress_portal_url="https://x.example/incidents/{incident_id}",
        edition="community",
        trusted_proxies=2,
        public_url="https://desk.example.com",
        lease_seconds=60,
        outbound_hosts=("ntfy.lan", "http://127.0.0.1:9000"),
    )
    assert config.edition == "community"
    assert not config.uses_sqlite
    assert not config.uses_embedded_redis


def test_a_demo_is_known_by_its_directory_not_by_a_variable(tmp_path: Path) -> None:
    assert find_unknown({"TRIAGEDESK_DEMO": "1"}) == ["TRIAGEDESK_DEMO"]
    assert not load(DATA_DIR=str(tmp_path), DEMO="1").is_demo
    (tmp_path / "this-is-a-demo").touch()
    assert load(DATA_DIR=str(tmp_path)).is_demo


def test_secrets_are_not_in_its_repr() -> None:
    text = repr(load(DATABASE_URL="postgresql://u:hunter2@h/d", REDIS_URL="redis://:hunter2@h/0"))
    assert "hunter2" not in text
    assert KEY not in text
    assert "s" * 32 not in text


def test_empty_variables_count_as_left_out() -> None:
    assert load(EDITION=" ", PUBLIC_URL="", TRUSTED_PROXIES="").edition == "enterprise"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:////srv/desk.db", "sqlite:////srv/desk.db"),
    ],
)
def test_database_urls(given: str, used: str) -> None:
    assert load(DATABASE_URL=given).database_url == used


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "desk.db", "sqlite://"])
def test_refuses_other_databases_without_repeating_their_passwords(url: str) -> None:
    error = refusal(DATABASE_URL=url)
    assert "TRIAGEDESK_DATABASE_URL" in error.problem
    assert "postgresql://" in error.hint
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("url", ["http://:hunter2@h", "localhost:6379"])
def test_refuses_other_queues_without_repeating_their_passwords(url: str) -> None:
    error = refusal(REDIS_URL=url)
    assert "TRIAGEDESK_REDIS_URL" in error.problem
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("name", "too_small", "too_large"),
    [
        ("HUNTRESS_CALLS_PER_MINUTE", "0", "100001"),
        ("TRUSTED_PROXIES", "-1", "11"),
        ("LEASE_SECONDS", "0", "3601"),
    ],
)
def test_numbers_have_limits(name: str, too_small: str, too_large: str) -> None:
    for value in (too_small, too_large, "ten", "1.5", "9" * 30, "٣"):
        error = refusal(**{name: value})
        assert f"TRIAGEDESK_{name}" in error.problem
        assert "whole number from" in error.hint


@pytest.mark.parametrize(
    "url",
    [
        "http://x.example/{incident_id}",
        "https://x.example/",
        "https://x.example/{incident_id} y",
        "https://x.example/({incident_id})",
        "javascript:alert({incident_id})",
    ],
)
def test_the_portal_url_must_fit_into_a_ticket(url: str) -> None:
    assert "{incident_id}" in refusal(HUNTRESS_PORTAL_URL=url).problem


def test_unknown_editions_are_refused() -> None:
    assert "enterprise, community" in refusal(EDITION="ultimate").hint


@pytest.mark.parametrize("rest", ["/desk", "/?a=b", "#x"])
def test_public_url_has_a_host_of_its_own(rest: str) -> None:
    assert "behind the host" in refusal(PUBLIC_URL=f"https://desk.example.com{rest}").problem


def test_mistyped_names_are_found() -> None:
    names = ["PUBLICURL", "PUBLIC_URL", "SECRET_KEY_FILE", "SECRETKEY_FILE", "DEMO_DATA_DIR"]
    env = {f"TRIAGEDESK_{name}": "" for name in names} | {"OTHER": ""}
    assert find_unknown(env) == ["TRIAGEDESK_PUBLICURL", "TRIAGEDESK_SECRETKEY_FILE"]


def test_every_documented_variable_is_known() -> None:
    documented = re.findall(r"^### .*`(TRIAGEDESK_[A-Z_]+)`$", DOCS.read_text(), re.MULTILINE)
    assert len(documented) > 10
    assert find_unknown(dict.fromkeys(documented, "")) == []


@pytest.mark.parametrize("url", ["desk.example.com", "ftp://desk.example.com", "//desk"])
def test_public_url_is_an_address(url: str) -> None:
    assert "https://desk.example.com" in refusal(PUBLIC_URL=url).hint


def test_short_secret_keys_are_refused() -> None:
    error = refusal(SECRET_KEY="hunter2")
    assert "32 characters" in error.problem
    assert "hunter2" not in str(error)


def test_keys_that_are_none_are_refused() -> None:
    error = refusal(ENCRYPTION_KEYS=f"{KEY},hunter2")
    assert "TRIAGEDESK_ENCRYPTION_KEYS" in error.problem
    assert "hunter2" not in str(error)


def test_several_encryption_keys_newest_first() -> None:
    assert load(ENCRYPTION_KEYS=f"{KEY}, {OTHER_KEY}").encryption_keys == (KEY, OTHER_KEY)


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "value", "field"),
        [
            ("SECRET_KEY", "f" * 40, "secret_key"),
            ("DATABASE_URL", "sqlite:////srv/x.db", "database_url"),
            ("REDIS_URL", "rediss://:pw@h/0", "redis_url"),
        ],
    )
    def test_a_secret_may_come_from_a_file(
        self, tmp_path: Path, name: str, value: str, field: str
    ) -> None:
        (tmp_path / "secret").write_text(f"{value}\n")
        env = GIVEN | {f"TRIAGEDESK_{name}": "", f"TRIAGEDESK_{name}_FILE": f"{tmp_path}/secret"}
        assert getattr(load_config(env), field) == value

    def test_encryption_keys_may_come_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "keys").write_text(f"{KEY}\n{OTHER_KEY}\n")
        env = {
            "TRIAGEDESK_SECRET_KEY": "s" * 32,
            "TRIAGEDESK_ENCRYPTION_KEYS_FILE": f"{tmp_path}/keys",
        }
        assert load_config(env).encryption_keys == (KEY, OTHER_KEY)

    def test_the_variable_wins_over_its_file(self, tmp_path: Path) -> None:
        assert load(SECRET_KEY_FILE=str(tmp_path / "none")).secret_key == "s" * 32

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "none"
        with pytest.raises(ConfigError) as caught:
            load_config({"TRIAGEDESK_SECRET_KEY_FILE": str(path)})
        assert str(path) in caught.value.problem
        assert "TRIAGEDESK_SECRET_KEY_FILE" in caught.value.problem

    def test_keys_come_from_the_data_directory(self, tmp_path: Path) -> None:
        (tmp_path / "secret.key").write_text("d" * 43 + "\n")
        (tmp_path / "encryption.keys").write_text(f"{KEY}\n")
        config = load_config({"TRIAGEDESK_DATA_DIR": str(tmp_path)})
        assert config.secret_key == "d" * 43
        assert config.encryption_keys == (KEY,)

    @pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS"])
    def test_missing_keys_are_refused_and_not_made_up(self, tmp_path: Path, name: str) -> None:
        env = GIVEN | {"TRIAGEDESK_DATA_DIR": str(tmp_path)}
        del env[f"TRIAGEDESK_{name}"]
        with pytest.raises(ConfigError, match=f"TRIAGEDESK_{name} is not set") as caught:
            load_config(env)
        assert "triagedesk up" in caught.value.hint
        assert list(tmp_path.iterdir()) == []

    def test_a_key_file_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "secret.key").mkdir()
        with pytest.raises(ConfigError, match=r"secret\.key cannot be read"):
            load_config({"TRIAGEDESK_DATA_DIR": str(tmp_path), "TRIAGEDESK_ENCRYPTION_KEYS": KEY})


def test_the_data_directory_is_absolute_and_may_begin_with_a_tilde(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert read_data_dir({"TRIAGEDESK_DATA_DIR": "~/desk"}) == tmp_path / "desk"
    assert read_data_dir({"TRIAGEDESK_DATA_DIR": "desk"}) == tmp_path / "desk"


def test_a_long_data_directory_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("d" * 120)
    url = embedded_redis_url(long)
    assert len(url.removeprefix("unix://")) <= 100
    assert url != embedded_redis_url(long / "other")
    assert embedded_redis_url(Path("/srv/desk")) == "unix:///srv/desk/valkey/valkey.sock"


def test_no_data_directory_is_needed_where_nothing_is_kept_in_it() -> None:
    given = {
        "TRIAGEDESK_DATABASE_URL": "postgresql://u:p@h/d",
        "TRIAGEDESK_REDIS_URL": "rediss://:pw@h/0",
        **GIVEN,
    }
    assert not needs_data_dir(given)
    for name in given:
        assert needs_data_dir({key: value for key, value in given.items() if key != name})


def test_is_set_sees_variables_and_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    assert is_set({"TRIAGEDESK_SECRET_KEY": "x"}, "SECRET_KEY")
    assert is_set({"TRIAGEDESK_SECRET_KEY_FILE": str(tmp_path / "key")}, "SECRET_KEY")
    assert not is_set({}, "SECRET_KEY")


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_documented(name: str) -> None:
    root = Path(__file__).parents[2]
    text = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert f'<a id="triagedesk_{name.lower()}"></a>' in text
    assert f"[`TRIAGEDESK_{name}`](#triagedesk_{name.lower()})" in text


@pytest.mark.parametrize(
    "hosts",
    [
        "https://api.huntress.io/v1,",
        "api.huntress.io/v1",
        "api.huntress.io:443",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://user@127.0.0.1:8081",
        "ftp://api.huntress.io",
        "http://",
        "api.huntress.io;api.example.com",
        "-",
    ],
)
def test_hosts_that_could_never_match_are_refused(hosts: str) -> None:
    error = refusal(HUNTRESS_HOSTS=hosts)
    assert "TRIAGEDESK_HUNTRESS_HOSTS" in error.problem


@pytest.mark.parametrize(
    ("hosts", "read"),
    [
        ("API.huntress.io", ("API.huntress.io",)),
        ("a.example,", ("a.example",)),
        (" , ", ("api.huntress.io",)),
        ("http://[::1]:8081/", ("http://[::1]:8081/",)),
    ],
)
def test_hosts_are_read(hosts: str, read: tuple[str, ...]) -> None:
    assert load(HUNTRESS_HOSTS=hosts).huntress_hosts == read


@pytest.mark.parametrize(
    "hosts",
    ["ntfy.lan:80", "http://127.0.0.1/path", "smtp://user@mail.lan", "ftp://mail.lan", "unix:///x"],
)
def test_hosts_for_notices_that_could_never_match_are_refused(hosts: str) -> None:
    error = refusal(OUTBOUND_HOSTS=hosts)
    assert "TRIAGEDESK_OUTBOUND_HOSTS" in error.problem
    assert "smtps" in error.hint


def test_hosts_for_notices_are_read() -> None:
    assert load().outbound_hosts == ()
    hosts = ("ntfy.lan", "::1", "http://127.0.0.1:9000", "smtp://mail.lan:2525", "smtps://[::1]")
    assert load(OUTBOUND_HOSTS=", ".join(hosts)).outbound_hosts == hosts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name in ("REDIS_URL", "PUBLIC_URL", "HUNTRESS_PORTAL_URL")
        for value in (
            "redis://[x",
            "https://[x/{incident_id}",
            "https://host:99999/{incident_id}",
            "https:///{incident_id}",
            "redis://host:port/0",
            "redis://",
        )
    ],
)
def test_addresses_that_cannot_be_read_are_refused(name: str, value: str) -> None:
    assert f"TRIAGEDESK_{name}" in refusal(**{name: value}).problem


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@host:pw@x/db",
        "postgresql://u:hunter2@ho st:99999x/db",
        "postgresql://u:hunter2@host:99999x/db",
        "postgresql://u:hunter2@host",
        "postgresql://u:hunter2@host/",
        "postgresql://",
    ],
)
def test_a_malformed_database_url_is_refused_without_its_password(url: str) -> None:
    error = refusal(DATABASE_URL=url)
    assert "TRIAGEDESK_DATABASE_URL" in error.problem
    assert "hunter2" not in str(error)
    assert error.__cause__ is None


def test_a_database_behind_a_unix_socket_is_fine() -> None:
    url = "postgresql:///desk?host=/run/postgresql"
    assert load(DATABASE_URL=url).database_url == url.replace("://", "+psycopg://", 1)


@pytest.mark.parametrize(
    "url", ["sqlite:///desk.db", "sqlite:///./d/desk.db", "sqlite:///:memory:"]
)
def test_a_relative_sqlite_file_is_refused(url: str) -> None:
    assert "whole path" in refusal(DATABASE_URL=url).problem


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    problem = refusal(OUTBOUND_CA_FILE=str(path)).problem
    assert problem.startswith("TRIAGEDESK_OUTBOUND_CA_FILE cannot be read")


class TestCredentials:
    """`$CREDENTIALS_DIRECTORY`, as systemd sets it for a service with LoadCredential=."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "credentials"
        folder.mkdir()
        (folder / "encryption_keys").write_text(f"{KEY}\n{OTHER_KEY}\n")
        (folder / "secret_key").write_text("c" * 40)
        (folder / "redis_url").write_text("rediss://:pw@queue.example:6379/0\n")
        (folder / "trusted_proxies").write_text("2")
        return folder

    def load(self, folder: Path, **variables: str) -> Config:
        named = {f"TRIAGEDESK_{name}": value for name, value in variables.items()}
        return load_config({"CREDENTIALS_DIRECTORY": str(folder)} | named)

    def test_any_variable_may_come_from_one(self, folder: Path) -> None:
        config = self.load(folder)
        assert config.encryption_keys == (KEY, OTHER_KEY)
        assert config.secret_key == "c" * 40
        assert config.redis_url == "rediss://:pw@queue.example:6379/0"
        assert config.trusted_proxies == 2
        where = ValueSource(SourceKind.CREDENTIAL, folder / "encryption_keys")
        assert config.encryption_source == where
        assert is_set({"CREDENTIALS_DIRECTORY": str(folder)}, "SECRET_KEY")
        assert not is_set({"CREDENTIALS_DIRECTORY": str(folder)}, "DATABASE_URL")

    def test_variable_before_file_before_credential_before_data_directory(
        self, folder: Path, tmp_path: Path
    ) -> None:
        own, named = tmp_path / "encryption.keys", tmp_path / "named"
        own.write_text(generate_key())
        named.write_text(OTHER_KEY)
        given = {"DATA_DIR": str(tmp_path), "ENCRYPTION_KEYS_FILE": str(named)}
        by_variable = self.load(folder, ENCRYPTION_KEYS=KEY, **given)
        assert by_variable.encryption_keys == (KEY,)
        assert by_variable.encryption_source == ValueSource(SourceKind.VARIABLE)
        by_file = self.load(folder, **given)
        assert by_file.encryption_keys == (OTHER_KEY,)
        assert by_file.encryption_source == ValueSource(SourceKind.NAMED_FILE, named)
        del given["ENCRYPTION_KEYS_FILE"]
        assert self.load(folder, **given).encryption_keys == (KEY, OTHER_KEY)
        (folder / "encryption_keys").unlink()
        last = self.load(folder, **given)
        assert last.encryption_keys == (own.read_text(),)
        assert last.encryption_source == ValueSource(SourceKind.DATA_DIR, own)

    def test_one_that_cannot_be_read_names_the_unit(self, folder: Path) -> None:
        (folder / "secret_key").unlink()
        (folder / "secret_key").mkdir()
        with pytest.raises(ConfigError, match=r"credential .*secret_key cannot be read") as caught:
            self.load(folder)
        assert "LoadCredential=" in caught.value.hint


class TestPartsWithFewerSecrets:
    def test_a_part_that_signs_nothing_needs_no_secret_key(self, tmp_path: Path) -> None:
        env = {"TRIAGEDESK_ENCRYPTION_KEYS": KEY, "TRIAGEDESK_DATA_DIR": str(tmp_path)}
        assert load_config(env, signs=False).secret_key == ""
        with pytest.raises(ConfigError):
            load_config(env)

    def test_variables_are_left_out_with_their_files(self) -> None:
        env = {**GIVEN, "TRIAGEDESK_SECRET_KEY_FILE": "x", "TRIAGEDESK_REDIS_URL": "y", "PATH": "z"}
        env |= {f"TRIAGEDESK_{name}": "secret" for name in SECRETS if name != "REDIS_URL"}
        assert without(env, NOT_FOR_THE_SCHEDULER) == {"TRIAGEDESK_REDIS_URL": "y", "PATH": "z"}

    def test_every_secret_is_a_variable(self) -> None:
        assert set(SECRETS) <= set(VARIABLES)
        assert set(NOT_WITHOUT_PAGES) <= set(NOT_FOR_THE_SCHEDULER) <= set(SECRETS)
