import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import make_config
from tests.support.valkey import ValkeyServer
from webapp.config import Config, ConfigError
from webapp.runtime import embedded_valkey


@pytest.fixture
def config() -> Iterator[Config]:
    folder = Path(tempfile.mkdtemp(prefix="td-"))
    yield make_config(folder, redis_url=f"unix://{folder}/valkey/valkey.sock")
    shutil.rmtree(folder)


def test_listens_on_a_private_unix_socket_only() -> None:
    server = ValkeyServer().start()
    try:
        redis = server.connect()
        settings = redis.config_get()
        assert settings["port"] == "0"
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "everysec"
        assert settings["save"] == ""
        path = embedded_valkey.socket_path(server.config)
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        server.close()


def test_keeps_what_it_was_told_over_a_kill() -> None:
    server = ValkeyServer().start()
    try:
        server.connect().set("key", "value")
        server.stop()
        assert not embedded_valkey.is_answering(server.config)
        server.start()
        assert server.connect().get("key") == b"value"
    finally:
        server.close()


def test_a_dead_server_s_socket_is_removed(config: Config) -> None:
    embedded_valkey.prepare(config)
    embedded_valkey.socket_path(config).touch()
    embedded_valkey.prepare(config)
    assert not embedded_valkey.socket_path(config).exists()


def test_waiting_for_nothing_ends(config: Config) -> None:
    assert not embedded_valkey.wait_until_answering(config, 0.1)


def test_a_folder_others_can_enter_is_refused(config: Config) -> None:
    folder = config.data_dir / "valkey"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(ConfigError, match="not a private directory"):
        embedded_valkey.prepare(config)


def test_a_folder_that_is_a_link_is_refused(config: Config, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (config.data_dir / "valkey").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="not a private directory"):
        embedded_valkey.prepare(config)


class TestFindServer:
    def test_prefers_the_installed_one(self) -> None:
        path = embedded_valkey.find_server()
        assert path.name == "valkey-server"
        assert os.access(path, os.X_OK)

    @pytest.fixture
    def not_installed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        monkeypatch.setattr(embedded_valkey, "find_spec", lambda _name: None)
        monkeypatch.setenv("PATH", str(tmp_path))
        return tmp_path

    @pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
    def test_takes_one_on_path_otherwise(self, not_installed: Path, name: str) -> None:
        (not_installed / name).touch(mode=0o755)
        assert embedded_valkey.find_server() == not_installed / name

    def test_says_what_to_install(self, not_installed: Path) -> None:
        with pytest.raises(ConfigError, match="no Valkey or Redis server") as caught:
            embedded_valkey.find_server()
        assert "TRIAGEDESK_REDIS_URL" in caught.value.hint
