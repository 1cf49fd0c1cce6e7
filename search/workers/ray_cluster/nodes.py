"""What every node of a cluster needs: the packages that we have, and the prepared data."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.datasets import cache

if TYPE_CHECKING:
    from ray import ObjectRef

    from search.datasets.cache import Dataset

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
        arrays: likewise, what was learned from the texts. Their names name their content.
    """

    folder: Path
    manifest: bytes
    files: Sequence[tuple[str, ObjectRef[Any]]] = ()
    arrays: Sequence[tuple[str, ObjectRef[Any]]] = ()

    def place(self) -> Path:
        """Return the folder where this node has the data; the first to ask brings them here.

        Raises:
            OSError: if they cannot be written.
        """
        target = cache.folder() / "prepared" / self.folder.name
        if self._lies_in(self.folder):  # the coordinator's machine, or a shared file system
            target = self.folder
        if self._lies_in(target) and not self._lacking(target):
            return target

        from filelock import FileLock

        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / ".lock"):
            if not self._lies_in(target):
                self._bring(target)
            self._bring_arrays(target)
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

    def _lacking(self, folder: Path) -> list[tuple[str, ObjectRef[Any]]]:
        return [one for one in self.arrays if not (folder / cache.ARRAYS / one[0]).is_file()]

    def _bring_arrays(self, folder: Path) -> None:
        import ray

        for name, content in self._lacking(folder):
            (folder / cache.ARRAYS).mkdir(exist_ok=True)
            part = folder / cache.ARRAYS / f"{name}.part"
            part.write_bytes(ray.get(content))
            part.replace(part.with_name(name))


def prepared(data: Dataset, *, is_shared: bool) -> Prepared:
    """Make a prepared data set ready for the nodes.

    Args:
        is_shared: all nodes see its folder.
    """
    folder = data.folder
    manifest = (folder / "manifest.json").read_bytes()
    if is_shared:
        return Prepared(folder, manifest)

    import ray

    def put(folder: Path, names: Iterable[str]) -> list[tuple[str, ObjectRef[Any]]]:
        return [(name, ray.put((folder / name).read_bytes())) for name in sorted(names)]

    files = put(folder, (file.name for file in folder.iterdir() if file.is_file()))
    arrays = put(folder / cache.ARRAYS, {array.file for array in data.arrays.values()})
    return Prepared(folder, manifest, files, arrays)
