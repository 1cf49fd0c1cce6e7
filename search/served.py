"""How MLflow loads a model: `mlflow.pyfunc.load_model("models:/m-...")`, or its server.

It is a trial's kept model, or a bundle that was registered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd


class Served:
    """A model in memory."""

    def __init__(self, folder: Path) -> None:
        from search.classifier import open_folder

        self._classifier = open_folder(folder)

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Label texts.

        Args:
            table: texts in the column text.

        Returns:
            a table with the columns label, and p_CLASS for each class.
        """
        classes = self._classifier.classes
        scores = self._classifier.probabilities(table["text"].tolist())
        labels = [classes[number] for number in scores.argmax(axis=1)]
        columns = {f"p_{name}": scores[:, i].astype(float) for i, name in enumerate(classes)}
        return pd.DataFrame({"label": labels, **columns}, index=table.index)


def _load_pyfunc(path: str) -> Served:
    """MLflow calls this, by this name."""
    return Served(Path(path))
