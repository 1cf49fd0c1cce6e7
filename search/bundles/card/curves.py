"""The two figures of a card: calibration and training."""

from __future__ import annotations

from collections.abc import Iterator

from search.bundles.card.blocks import Block, Figure, Heading, Paragraph, Table
from search.bundles.card.facts import Facts
from tracking.commandline.formatting import percent
from tracking.reporting.drawing import Polyline, draw


def calibration(facts: Facts) -> Iterator[Block]:
    """Hold its confidence against its accuracy."""
    yield Heading("How far its probabilities can be believed")
    measured = facts.before
    if not measured.bins:
        yield Paragraph(
            "Not measured: the prepared validation part, or the model that was scored on it, was "
            "not there when this was exported."
        )
        return
    yield Paragraph(
        f"Expected calibration error {percent(measured.calibration_error)} on "
        f"{measured.n_texts:,} validation texts, in 15 bins of equal width (Guo et al. 2017)."
    )
    points = [(one.confidence, one.accuracy) for one in measured.bins]
    ends = (min(points[0]), 1.0)
    yield Figure(
        draw(
            [
                Polyline("this model", points, "#0b62a4"),
                Polyline("perfect", [(end, end) for end in ends], "#777", "5 4"),
            ],
            title="Accuracy over confidence",
            across="confidence",
            up="accuracy",
        ),
        "Accuracy of texts whose label was given with like confidence. Below the dashed line the "
        "model is too sure of itself.",
    )
    yield Table(
        ("confidence", "accuracy", "texts"),
        [(percent(b.confidence), percent(b.accuracy), f"{b.n_texts:,}") for b in measured.bins],
    )


def curves(facts: Facts) -> Iterator[Block]:
    """Return the accuracy after each epoch of training."""
    epochs = facts.trial.epochs
    if not epochs:
        return
    yield Heading("How it was trained")
    known = [e for e in epochs if e.val_accuracy is not None]
    lines = [
        Polyline("training", [(e.epoch, 100 * e.train_accuracy) for e in epochs], "#777", "5 4")
    ]
    if known:
        held_out = [(e.epoch, 100 * (e.val_accuracy or 0.0)) for e in known]
        lines.append(Polyline("validation", held_out, "#0b62a4"))
    yield Figure(
        draw(lines, title="Accuracy over epochs", across="epoch", up="accuracy, %"),
        "Accuracy after each epoch; that of training is measured with dropout.",
    )
    yield Table(
        ("epoch", "train loss", "train accuracy", "validation loss", "validation accuracy"),
        [
            (
                str(e.epoch),
                f"{e.train_loss:.4f}",
                percent(e.train_accuracy),
                "" if e.val_loss is None else f"{e.val_loss:.4f}",
                "" if e.val_accuracy is None else percent(e.val_accuracy),
            )
            for e in epochs
        ],
    )
