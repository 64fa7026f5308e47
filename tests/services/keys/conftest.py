"""An app whose keys stand in the data directory's file, as in an installation."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from webapp.config import Config, SourceKind, ValueSource
from webapp.crypto import cipher, read_keys_in, write_key_file


class KeyFile:
    """The key file of the test's app."""

    def __init__(self, path: Path, app: Flask) -> None:
        self.path = path
        self._app = app

    @property
    def keys(self) -> tuple[str, ...]:
        return read_keys_in(self.path)

    def write(self, *keys: str) -> None:
        write_key_file(self.path, "".join(f"{key}\n" for key in keys))

    def come_from(self, kind: SourceKind) -> None:
        """The same keys, given in another way."""
        config: Config = self._app.extensions["triagedesk_config"]
        path = None if kind is SourceKind.VARIABLE else self.path
        changed = replace(config, encryption_source=ValueSource(kind, path))
        self._app.extensions["triagedesk_config"] = changed
        cipher.configure(self.keys, path)


@pytest.fixture
def key_file(app: Flask, config: Config) -> KeyFile:
    file = KeyFile(config.data_dir / "encryption.keys", app)
    file.write(*config.encryption_keys)
    file.come_from(SourceKind.DATA_DIR)
    return file
