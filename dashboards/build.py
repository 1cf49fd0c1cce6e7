"""Write one self-contained HTML page: `python -m dashboards.build --study lstm_dropout`.

It also puts the overfitting curves of each trial with the trial's MLflow run, and the page with
the study's.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.cli import Parser, UserError, run

if TYPE_CHECKING:
    from tracking.records import StudyRecord

CURVES = "curves.html"
PAGE = "page.html"


def main() -> int:
    """Read, draw, write; print the page's path."""
    parser = Parser("dashboards.build", __doc__)
    parser.add_argument(
        "--study", action="append", required=True, metavar="NAME", help="repeat it to compare"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: mlruns/dashboards/")
    arguments = parser.parse_args()

    from dashboards.page import page
    from tracking import store

    root = store.home()
    studies = [store.read_study(root, name) for name in arguments.study]
    html = page(studies)
    names = "+".join(study.plan.study for study in studies)
    out = arguments.out or root / "dashboards" / f"{names}.html"
    _write(out.absolute(), html)
    for study in studies:
        _add_curves(root, study)
    if len(studies) == 1:
        store.add_artifact(root, store.ids(root, names)[1], html, PAGE)
    print(out)
    return 0


def _write(out: Path, html: str) -> None:
    """Write the file whole or not at all."""
    half = out.parent / f".{out.name}.part"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(html, "utf-8")
        half.replace(out)
    except OSError as error:
        with suppress(OSError):
            half.unlink()
        raise UserError(f"{out} cannot be written: {error.strerror}.") from error


def _add_curves(root: Path, study: StudyRecord) -> None:
    from dashboards.figures import overfitting
    from dashboards.page import figure_page
    from tracking import store
    from tracking.verdict import NOT_OFFICIAL

    for trial in study.trials:
        ended = trial.epochs and trial.state != "running"
        if ended and not store.has_artifact(root, trial.run_id, CURVES):
            curve = overfitting.curve(trial)
            data = study.plan.data
            note = "" if data.official else f", {data.name}: {NOT_OFFICIAL}"
            html = figure_page(curve.title + note, overfitting.draw([curve]))
            store.add_artifact(root, trial.run_id, html, CURVES)


if __name__ == "__main__":
    run(main)
