"""Gives the built package an extra `dev` with the words of the dependency group `dev`.

pip installs extras everywhere and groups since 25.1; the list itself stands once.
"""

import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class DevExtra(MetadataHookInterface):
    """The extra `dev`, read from `[dependency-groups]`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the extra to the metadata."""
        pyproject = tomllib.loads(Path(self.root, "pyproject.toml").read_text(encoding="utf-8"))
        metadata["optional-dependencies"] = {"dev": pyproject["dependency-groups"]["dev"]}
