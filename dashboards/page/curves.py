"""The curves of one trial as a page of a few kB, for the trial's MLflow run.

Plotly would be 4.8 MB in each, because pages in MLflow cannot share a script.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.figures import style
from dashboards.page.document import table
from dashboards.page.ranges import number
from dashboards.page.text import html, plain
from tracking.commandline.formatting import percent
from tracking.records import TrialRecord
from tracking.reporting.drawing import Polyline, draw

_HEAD = ("epoch", "train accuracy", "validation accuracy", "train loss", "validation loss")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = (
    "body { font: 15px/1.5 system-ui, sans-serif; margin: 1rem; color: #1a1a1a; background: #fff }"
    " h1 { font-size: 1.2rem } caption { text-align: left }"
    " th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #d5d8dd }"
)


def curves_page(trial: TrialRecord, note: str = "") -> str:
    """Draw the accuracies of each epoch, and list them with the losses.

    Args:
        note: stands behind the trial's name.
    """
    title = html(f"Trial {trial.number}, {plain(trial.proposed_by)}{note}")
    rows = [
        (
            str(epoch.epoch),
            percent(epoch.train_accuracy),
            "" if epoch.val_accuracy is None else percent(epoch.val_accuracy),
            f"{epoch.train_loss:.4f}",
            "" if epoch.val_loss is None else f"{epoch.val_loss:.4f}",
        )
        for epoch in trial.epochs
    ]
    lines = list(_lines(trial))
    words = "Accuracy of training and validation, epoch by epoch"
    figure = draw(lines, title=words, across="epoch", up="accuracy, %") if lines else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
{figure}
{table("Each epoch", _HEAD, rows)}
</body>
</html>
"""


def _lines(trial: TrialRecord) -> Iterator[Polyline]:
    """Return the lines that have a point: a number that is none cannot be drawn."""
    kept = trial.score.best_epoch if trial.score else None
    train, validation, weights = [], [], []
    for epoch in trial.epochs:
        if (known := number(epoch.train_accuracy)) is not None:
            train.append((epoch.epoch, 100 * known))
        if (known := number(epoch.val_accuracy)) is not None:
            validation.append((epoch.epoch, 100 * known))
            weights += [(epoch.epoch, 100 * known)] if epoch.epoch == kept else []
    known_lines = (
        Polyline("train", train, style.TRAIN, "5 4"),
        Polyline("validation", validation, style.VALIDATION),
        Polyline("kept epoch", weights, "#1a1a1a"),
    )
    yield from (line for line in known_lines if line.points)
