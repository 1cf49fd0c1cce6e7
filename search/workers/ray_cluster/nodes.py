"""What every node of a cluster needs: the packages that we have, and the prepared data."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.datasets import cache

if TYPE_CHECKING:
    from ray import ObjectRef

# The numbers of a trial depend on these. Ray compares Python and itself.
_PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Return the versions of the packages that a trial's numbers depend on."""
    return {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def differences(theirs: Mapping[str, str]) -> str:
    """Say which packages differ from ours; empty when none does."""
    ours = versions()
    return ", ".join(
        f"{name} {theirs[name]} where we have {ours[name]}"
        for name in ours
        if theirs[name] != ours[name]
    )


@dataclass(frozen=True)
class Prepared:
    """A prepared data set on its way to the nodes.

    Attributes:
        folder: where the coordinator has it.
        manifest: the bytes of its manifest, which hold the digest of the texts.
        files: in Ray's object store, each with its name; empty if all nodes see the folder.
    """

    folder: Path
    manifest: bytes
    files: Sequence[tuple[str, ObjectRef[Any]]] = ()

    def place(self) -> Path:
        """Return the folder where this node has the data; the first to ask brings them here.

        Raises:
            OSError: if they cannot be written.
        """
        if self._lies_in(self.folder):  # the coordinator's machine, or a shared file system
            return self.folder

        from filelock import FileLock

        target = cache.folder() / "prepared" / self.folder.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / ".lock"):
            if not self._lies_in(target):
                self._bring(target)
        return target

    def _lies_in(self, folder: Path) -> bool:
        try:
            return (folder / "manifest.json").read_bytes() == self.manifest
        except OSError:
            return False

    def _bring(self, target: Path) -> None:
        import ray

        with tempfile.TemporaryDirectory(dir=target.parent) as building:
            whole = Path(building) / target.name
            whole.mkdir()
            for name, content in self.files:
                (whole / name).write_bytes(ray.get(content))
            shutil.rmtree(target, ignore_errors=True)
            whole.rename(target)


def prepared(folder: Path, *, is_shared: bool) -> Prepared:
    """Make a prepared data set ready for the nodes.

    Args:
        is_shared: all nodes see the folder.
    """
    manifest = (folder / "manifest.json").read_bytes()
    if is_shared:
        return Prepared(folder, manifest)

    import ray

    files = [(file.name, ray.put(file.read_bytes())) for file in sorted(folder.iterdir())]
    return Prepared(folder, manifest, files)
