"""A bundle: an exported model in a folder, with all that is needed to use it, and its manifest.

model.keras      raw text in, probabilities out; loaded in Keras' safe mode only
manifest.json    labels, where it came from, the SHA-256 of every file and of itself
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracking.cli import UserError

if TYPE_CHECKING:
    from tracking.records import StudyRecord, TrialRecord

MODEL, MANIFEST = "model.keras", "manifest.json"
_BATCH = 256


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        classes: label names; the columns of the model's probabilities.
        files: SHA-256 of each file but the manifest.
    """

    classes: tuple[str, ...]
    study: str
    trial: int
    params: dict[str, Any]
    val_accuracy: float
    interval: tuple[float, float]
    data: str
    data_digest: str
    official_test_set: bool
    files: dict[str, str]


def write(out: Path, model: Path, study: StudyRecord, trial: TrialRecord) -> Manifest:
    """Write a bundle whole or not at all.

    Raises:
        UserError: if `out` exists and is not an empty folder, or cannot be written.
    """
    assert trial.score is not None
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"a bundle needs a new or an empty folder, but {out} is not empty.")
    data = study.plan.data
    manifest = Manifest(
        classes=data.classes,
        study=study.plan.study,
        trial=trial.number,
        params=dict(trial.params),
        val_accuracy=trial.score.val_accuracy,
        interval=(trial.score.low, trial.score.high),
        data=data.name,
        data_digest=data.digest,
        official_test_set=data.official,
        files={MODEL: _hash(model)},
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".seqsearch-") as folder:
            building = Path(folder) / out.name
            building.mkdir()
            shutil.copyfile(model, building / MODEL)
            (building / MANIFEST).write_text(_dump(manifest), "utf-8")
            building.replace(out)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}.") from error
    return manifest


def read(folder: Path) -> Manifest:
    """Read a bundle's manifest and make sure that its files are those it names.

    Raises:
        UserError: if a file is missing, changed, or not named.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder} is not a bundle: it has no {MANIFEST}.")
    try:
        manifest = _load(path.read_text("utf-8"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {type(error).__name__} {error}.") from error
    found = {file.name for file in folder.iterdir()} - {MANIFEST}
    for name in sorted(found ^ set(manifest.files)):
        what = "has a file that its manifest does not name" if name in found else "lacks"
        raise UserError(f"{folder} {what}: {name}.")
    for name, digest in manifest.files.items():
        if not (folder / name).is_file() or _hash(folder / name) != digest:
            raise UserError(f"{folder / name} is not the file that was exported: it was changed.")
    return manifest


class Classifier:
    """A bundle in memory.

    >>> Classifier(Path("imdb-model")).probabilities(["A wonderful film."])  # doctest: +SKIP
    array([[0.02, 0.98]], dtype=float32)
    """

    def __init__(self, folder: Path) -> None:
        self.manifest = read(folder)  # before Keras loads: a damaged bundle is refused at once

        self._model = load(folder / MODEL)

    def probabilities(self, texts: list[str]) -> NDArray[np.float32]:
        """Score texts.

        Returns:
            float32 array of shape (n_texts, n_classes), columns as in `manifest.classes`.
        """
        return probabilities(self._model, texts)


def load(file: Path) -> Any:
    """Load a model that takes raw text, in Keras' safe mode.

    Raises:
        UserError: if the file is no such model.
    """
    from search.backend import keras, silenced

    try:
        with silenced():
            return keras.models.load_model(file, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{file} cannot be loaded: {reason}") from error


def probabilities(model: Any, texts: list[str]) -> NDArray[np.float32]:
    """Score texts with a loaded model.

    Returns:
        float32 array of shape (n_texts, n_classes).
    """
    from search.backend import tf
    from search.train import spread

    batches = [texts[i : i + _BATCH] for i in range(0, len(texts), _BATCH)]
    rows = [np.asarray(model(tf.constant(batch))) for batch in batches]
    return spread(np.concatenate(rows))


def _dump(manifest: Manifest) -> str:
    fields = asdict(manifest)
    return json.dumps({**fields, "sha256": _digest(fields)}, indent=2)


def _load(text: str) -> Manifest:
    fields = json.loads(text)
    digest = fields.pop("sha256")
    if digest != _digest(fields):
        raise ValueError("its own hash does not fit")
    return Manifest(
        **{
            **fields,
            "classes": tuple(fields["classes"]),
            "interval": tuple(fields["interval"]),
            "files": dict(fields["files"]),
        }
    )


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
