"""Write one self-contained HTML page: `python -m dashboards.build --study lstm_dropout`.

It also puts the overfitting curves of each trial with the trial's MLflow run, and the page with
the study's. With --image it writes one figure as PNG or SVG instead.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.commandline.errors import UserError, unknown
from tracking.commandline.formatting import printable
from tracking.commandline.parser import Parser
from tracking.commandline.program import run
from tracking.commandline.redaction import without_login

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.page.compose import PageSource
    from tracking.records import StudyRecord

CURVES = "curves.html"
PAGE = "page.html"


def main() -> int:
    """Read, draw, write; print the path of the page or of the image."""
    arguments = _parse()
    _refuse_early(arguments)

    from tracking import store

    root = store.home()
    if arguments.image is not None:
        out = _image(root, arguments.study, arguments.image, arguments.out)
        print(printable(str(out)))
        return 0
    studies = _read(root, arguments.study)
    names = "+".join(study.plan.study for study in studies)
    out = arguments.out or root / "dashboards" / f"{names}.html"

    from dashboards.page.compose import page

    sources = {s.plan.study: _source(root, s, arguments.mlflow_url) for s in studies}
    html = page(studies, sources)
    _write(out.absolute(), html.encode())
    for study in studies:
        _add_curves(root, study)
    if len(studies) == 1:
        store.add_artifact(root, store.ids(root, names)[1], html, PAGE)
    print(printable(str(out)))
    return 0


def _parse() -> argparse.Namespace:
    parser = Parser("dashboards.build", __doc__)
    parser.add_argument(
        "--study", action="append", required=True, metavar="NAME", help="repeat it to compare"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: mlruns/dashboards/")
    parser.add_argument(
        "--image", metavar="FIGURE", help="write this figure instead, as PNG or SVG (--out *.svg)"
    )
    add_mlflow_url(parser)
    return parser.parse_args()


def _refuse_early(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work whatever the records say, before MLflow is loaded."""
    from tracking.connection.disk import refuse_unwritable

    names, out = arguments.study, arguments.out
    for name in names:
        if names.count(name) > 1:
            raise _named_twice(name)
    if arguments.image is not None:
        from dashboards.figures import FIGURES
        from dashboards.page import image

        if arguments.image not in FIGURES:
            raise unknown("figure", arguments.image, FIGURES)
        if out is not None:
            image.kind_of(out)
    if out is not None:
        refuse_unwritable(out)


def _named_twice(study: str) -> UserError:
    return UserError(f"a study is compared with others, but {study} was named twice.")


def add_mlflow_url(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the MLflow UI is."""
    parser.add_argument(
        "--mlflow-url",
        type=_url,
        default="http://127.0.0.1:5000",
        metavar="URL",
        help="where python -m tracking.ui answers, for the links; default: %(default)s",
    )


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or any(c.isspace() for c in text):
        raise argparse.ArgumentTypeError(f"must begin with http:// or https://, but got {text!r}")
    return without_login(text).rstrip("/")


def _read(root: Path, names: Sequence[str]) -> list[StudyRecord]:
    from tracking import store

    studies = [store.read_study(root, name) for name in names]
    first = studies[0].plan
    for plan in (study.plan for study in studies[1:]):
        if plan.study == first.study:
            raise _named_twice(plan.study)
        if plan.data.digest != first.data.digest:
            raise UserError(
                f"studies are compared on the same data, but {first.study} has {first.data.name} "
                f"({first.data.digest}) and {plan.study} has {plan.data.name} "
                f"({plan.data.digest})."
            )
    return studies


def _source(root: Path, study: StudyRecord, mlflow_url: str) -> PageSource:
    from dashboards.page.compose import PageSource
    from tracking import store

    experiment, _ = store.ids(root, study.plan.study)
    trials = [*study.candidates[:1], *study.trials[:1]]
    return PageSource(
        runs=f"{mlflow_url}/#/experiments/{experiment}/runs/",
        command=store.command_of(root, trials[0]) if trials else None,
    )


def _image(root: Path, names: Sequence[str], figure: str, out: Path | None) -> Path:
    from dashboards.page import image
    from dashboards.page.panels import draw_single

    studies = _read(root, names)
    if out is None:
        title = "+".join(study.plan.study for study in studies)
        out = root / "dashboards" / f"{title}-{figure}.png"
    kind = image.kind_of(out)
    _write(out.absolute(), image.render(draw_single(figure, studies), kind))
    return out


def _write(out: Path, content: bytes) -> None:
    """Write the file whole or not at all."""
    half = out.parent / f".{out.name}.part"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(content)
        half.replace(out)
    except OSError as error:
        with suppress(OSError):
            half.unlink()
        raise UserError(f"{out} cannot be written: {error.strerror}.") from error


def _add_curves(root: Path, study: StudyRecord) -> None:
    from dashboards.page.curves import curves_page
    from tracking import store
    from tracking.reporting.verdict import unofficial

    note = f", {unofficial(study)}" if unofficial(study) else ""
    for trial in study.trials:
        ended = trial.epochs and trial.state != "running"
        if ended and not store.has_artifact(root, trial.run_id, CURVES):
            store.add_artifact(root, trial.run_id, curves_page(trial, note), CURVES)


if __name__ == "__main__":
    run(main)
