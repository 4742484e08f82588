"""What the wheel takes from the manifests of the crates, what is in it, and which systems it is for."""
import os
import tomllib
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class Metadata(MetadataHookInterface):
    """Version, description and licence, as the crates have them."""

    def update(self, metadata):
        workspace, crate = (
            tomllib.loads((Path(self.root) / name).read_text("utf-8"))
            for name in ("workspace.toml", "crate.toml")
        )
        package = workspace["workspace"]["package"]
        metadata["version"] = package["version"]
        metadata["license"] = package["license"]
        metadata["description"] = crate["package"]["description"]


class Programs(BuildHookInterface):
    """`bin/` onto the PATH, and `share/` beside it; for any Python 3 on the systems that $SHEAF_WHEEL_PLATFORM names."""

    def initialize(self, version, build_data):
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + os.environ["SHEAF_WHEEL_PLATFORM"]
        build_data["shared_scripts"] = {f"bin/{name}": name for name in ("sheaf", "sheaf-worker")}
        # File by file: hatchling leaves folders out where there is no Python package.
        files = (path.relative_to(self.root) for path in sorted(Path(self.root, "share").rglob("*")) if path.is_file())
        build_data["shared_data"] = {str(path): str(path) for path in files}
