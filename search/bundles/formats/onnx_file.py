"""model.onnx: token ids in, probabilities out; encoder.py beside it makes ids of texts.

Strings are not portable in ONNX. The bundle's encoder.py is for programs without seqsearch; it is
never run here, where the module that it is a copy of does the work.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.bundles.formats import encoder, onnx_check
from search.bundles.formats.encoder import SETTINGS, VOCABULARY, Encoder
from search.system.reading import LARGEST_TEXT, LONGEST, loading, read

if TYPE_CHECKING:
    from search.bundles.formats import ToOnnx
    from search.system.reading import Score
    from tracking.records import SourceRecord

FILE = "model.onnx"
_LARGEST = 2**31 - 1  # bytes: protobuf knows no larger message


def write(
    model: Any, folder: Path, classes: tuple[str, ...], to_onnx: ToOnnx | None = None
) -> None:
    """Write a model of raw text, without its text preparation, and the encoder for that."""
    from search.bundles.formats import onnx_layers

    convert = to_onnx or onnx_layers.to_onnx
    text, of_ids = model.get_layer("encode"), model.layers[-1]
    (folder / FILE).write_bytes(convert(of_ids, len(classes)).SerializeToString())
    settings = {name: getattr(text, name) for name in ("maxlen", "truncating", "padding")}
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    shutil.copyfile(encoder.__file__, folder / "encoder.py")


def open_score(folder: Path, source: SourceRecord | None = None) -> Score:
    """Open the file in this folder, if it holds nothing but what our exports hold."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that wait in a loop take the cores from others, and halve the speed beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Any = None

    def score(texts: list[str]) -> Any:
        ids = np.array(encode(texts), np.int32)
        return session.run(["probabilities"], {"ids": ids})[0]

    with loading(folder / FILE):
        encode = _encoder(folder)
        content = read(folder / FILE, _LARGEST)
        if source is None:
            onnx_check.check(content)
        # From memory: from a path, it would know where other files are.
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        score([""])
    return score


def _encoder(folder: Path) -> Encoder:
    """Make the encoder of the settings and words in a folder.

    Raises:
        ValueError: if they are not what `write` writes.
    """
    settings = json.loads(read(folder / SETTINGS, LARGEST_TEXT))
    match settings:
        case {"maxlen": int(), "truncating": "pre" | "post", "padding": "bucket" | "full"} if (
            len(settings) == 3 and 1 <= settings["maxlen"] <= LONGEST
        ):
            words = read(folder / VOCABULARY, LARGEST_TEXT).decode("utf-8").split("\n")
            return Encoder(words, **settings)
    raise ValueError(f"{SETTINGS} must have maxlen, truncating and padding of an encoder")
