"""The program writes the page whole, says where, and puts the figures with the MLflow runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dashboards import build
from tests.builders import (
    build_data,
    build_study,
    build_trial,
    place_database,
    write_study,
    write_trial,
)
from tracking import store
from tracking.commandline.errors import UserError
from tracking.commandline.program import run

_TRIALS = (
    build_trial(0, 0.80, 0.85),
    build_trial(1, 0.6, state="pruned"),
    build_trial(2, 0.5, state="failed"),
    build_trial(3, 0.5, state="interrupted"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


def _build(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["dashboards.build", *arguments])
    return build.main()


def test_the_page_is_written_and_its_path_is_printed(root: Path, monkeypatch, capsys) -> None:
    write_study(root, build_study(*_TRIALS))

    assert _build(monkeypatch, "--study", "lstm") == 0

    page = root / "dashboards" / "lstm.html"
    assert capsys.readouterr() == (f"{page}\n", "")
    html = page.read_text("utf-8")
    assert html.endswith("</html>\n")
    assert "trial 0 (defaults)" in html
    assert [file.name for file in page.parent.iterdir()] == ["lstm.html"]


def test_the_figures_are_put_with_the_mlflow_runs(root: Path, monkeypatch) -> None:
    study = write_study(root, build_study(*_TRIALS))
    running = write_trial(study, build_trial(4, 0.5, state="running"))
    silent = write_trial(study, build_trial(5, 0.5, state="failed", epochs=()))

    _build(monkeypatch, "--study", "lstm")

    for trial in store.read_study(root, "lstm").trials:
        drawn = store.has_artifact(root, trial.run_id, build.CURVES)
        assert drawn == (trial.run_id not in (running, silent)), trial.number
    _, parent = store.ids(root, "lstm")
    assert store.has_artifact(root, parent, build.PAGE)


def test_the_page_is_drawn_anew_when_the_study_went_on(root: Path, monkeypatch) -> None:
    study = write_study(root, build_study(_TRIALS[0]))
    _build(monkeypatch, "--study", "lstm")
    write_trial(study, build_trial(1, 0.88, 0.89))

    _build(monkeypatch, "--study", "lstm")

    assert "trial 1 (tpe)" in (root / "dashboards" / "lstm.html").read_text("utf-8")


def test_a_study_that_nothing_came_of_has_a_page(root: Path, monkeypatch) -> None:
    write_study(root, build_study(*_TRIALS[1:]))

    assert _build(monkeypatch, "--study", "lstm") == 0

    assert "No trial has finished yet" in (root / "dashboards" / "lstm.html").read_text("utf-8")


def test_an_empty_study_has_a_page(root: Path, monkeypatch) -> None:
    write_study(root, build_study())

    assert _build(monkeypatch, "--study", "lstm") == 0


def test_several_studies_share_a_page(root: Path, monkeypatch, tmp_path: Path, capsys) -> None:
    write_study(root, build_study(_TRIALS[0]))
    write_study(root, build_study(_TRIALS[0], study="lstm_dropout", plan="lstm_dropout"))

    _build(monkeypatch, "--study", "lstm", "--study", "lstm_dropout")

    page = root / "dashboards" / "lstm+lstm_dropout.html"
    assert capsys.readouterr().out == f"{page}\n"
    assert page.is_file()


def test_studies_of_different_data_do_not_share_a_chart(root: Path, monkeypatch) -> None:
    write_study(root, build_study(_TRIALS[0]))
    other = build_data(name="imdb-train", digest="ffff", official=False)
    write_study(root, build_study(_TRIALS[0], study="gru", plan="gru", data=other))

    with pytest.raises(
        UserError, match=r"the same data, but lstm has imdb .* and gru has imdb-tr"
    ):
        _build(monkeypatch, "--study", "lstm", "--study", "gru")
    with pytest.raises(UserError, match="lstm was named twice"):
        _build(monkeypatch, "--study", "lstm", "--study", "lstm", "--image", "gap")

    assert not (root / "dashboards").exists()


def test_out_names_the_file_and_its_folder_is_made(root: Path, monkeypatch, tmp_path) -> None:
    write_study(root, build_study(_TRIALS[0]))
    out = tmp_path / "new" / "folder" / "page.html"

    _build(monkeypatch, "--study", "lstm", "--out", str(out))

    assert out.read_text("utf-8").endswith("</html>\n")


@pytest.mark.parametrize("place", ["a-file/page.html", "a-folder", ".", ""])
def test_a_place_that_cannot_be_written_is_the_users_mistake(
    root: Path, monkeypatch, tmp_path: Path, capsys, place: str
) -> None:
    write_study(root, build_study(_TRIALS[0]))
    (tmp_path / "a-file").touch()
    (tmp_path / "a-folder").mkdir()
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(SystemExit) as exit_:
        run(lambda: _build(monkeypatch, "--study", "lstm", "--out", place))

    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "cannot be written" in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before  # nor is half a page left


def test_a_disk_that_is_full_leaves_the_old_page(root: Path, monkeypatch) -> None:
    write_study(root, build_study(_TRIALS[0]))
    _build(monkeypatch, "--study", "lstm")
    folder = root / "dashboards"
    before = (folder / "lstm.html").read_bytes()

    write = Path.write_bytes

    def write_bytes(path: Path, content: bytes) -> None:
        write(path, content[:1_000])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(UserError, match="No space left on device"):
            _build(full, "--study", "lstm")

    assert (folder / "lstm.html").read_bytes() == before
    assert [file.name for file in folder.iterdir()] == ["lstm.html"]


def test_an_unknown_study_is_refused(root: Path, monkeypatch) -> None:
    write_study(root, build_study())

    with pytest.raises(UserError, match=r"unknown study 'lstn'\. Did you mean lstm"):
        _build(monkeypatch, "--study", "lstn")


def test_a_study_must_be_named(monkeypatch) -> None:
    with pytest.raises(UserError, match="--study"):
        _build(monkeypatch)
