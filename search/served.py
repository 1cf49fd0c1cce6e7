"""How MLflow loads a kept model: `mlflow.pyfunc.load_model("models:/m-...")`, or its server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd


class Served:
    """A kept model in memory."""

    def __init__(self, folder: Path) -> None:
        from search import bundle
        from tracking import models

        self._classes: list[str] = json.loads((folder / models.CLASSES).read_text("utf-8"))
        self._model = bundle.load(folder / models.MODEL)

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Label texts.

        Args:
            table: texts in the column text.

        Returns:
            a table with the columns label, and p_CLASS for each class.
        """
        from search import bundle

        scores = bundle.probabilities(self._model, [str(text) for text in table["text"]])
        labels = [self._classes[number] for number in scores.argmax(axis=1)]
        columns = {f"p_{name}": scores[:, i].astype(float) for i, name in enumerate(self._classes)}
        return pd.DataFrame({"label": labels, **columns}, index=table.index)


def _load_pyfunc(path: str) -> Served:
    """MLflow calls this, by this name."""
    return Served(Path(path))
