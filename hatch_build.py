"""What happens when Suivi is packed: the front end is bundled and the translations are compiled first."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))


class Assets(BuildHookInterface[Any]):
    """Puts the built assets and the compiled translations beside their sources before files are collected."""

    def dependencies(self) -> list[str]:
        """Ask for Node from the package index only on a machine that has none new enough."""
        from tools.node import NODE_PACKAGE, find_node

        return [] if _travels_built() or find_node() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        from tools.compile_translations import compile_translations

        compile_translations(ROOT)
        if not _travels_built():
            from tools.build_assets import build_assets

            build_assets(ROOT, need_all=True)


class Dependencies(MetadataHookInterface):
    """Reads the dependencies from requirements.in, so that they are written in one place only."""

    def update(self, metadata: dict[str, Any]) -> None:
        lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]


def _travels_built() -> bool:
    """Say whether this is an unpacked sdist, which carries its assets and must not need npm again."""
    return (ROOT / "PKG-INFO").exists() and (ROOT / "webapp/static/dist/manifest.json").exists()
