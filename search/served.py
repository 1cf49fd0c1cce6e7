"""How MLflow loads a model: `mlflow.pyfunc.load_model("models:/m-...")`, or its server.

It is a trial's kept model, or a bundle that was registered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from tracking.commandline.errors import UserError


class Served:
    """A model in memory."""

    def __init__(self, folder: Path) -> None:
        from search.bundles.classifier import open_folder

        self._classifier = open_folder(folder)

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Label texts.

        Args:
            table: texts in the column text.

        Returns:
            a table with the columns label, and p_CLASS for each class.

        Raises:
            Exception: MLflow's, which its server passes on, if a text is not a string.
        """
        from tracking.models import kept_models

        classes = self._classifier.classes
        try:
            scores = self._classifier.probabilities(table["text"].tolist())
        except UserError as error:
            raise kept_models.bad_request(str(error)) from error
        labels = [classes[number] for number in scores.argmax(axis=1)]
        columns = {f"p_{name}": scores[:, i].astype(float) for i, name in enumerate(classes)}
        return pd.DataFrame({"label": labels, **columns}, index=table.index)


def _load_pyfunc(path: str) -> Served:
    """MLflow calls this, by this name."""
    return Served(Path(path))
