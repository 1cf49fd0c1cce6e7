"""A figure is written as an image; what cannot be drawn is refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dashboards import build
from tests import browser
from tests.builders import build_study, build_trial, place_database, write_study
from tracking.commandline.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = place_database(tmp_path / "mlruns")
    write_study(root, build_study(build_trial(0), build_trial(1, 0.7)))
    write_study(root, build_study(build_trial(0), study="gru", plan="gru"))
    return root


def _build(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["dashboards.build", "--study", "lstm", *arguments])
    return build.main()


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_a_figure_is_written_and_its_path_is_printed(
    root: Path, monkeypatch, tmp_path: Path, capsys, suffix: str, start: bytes
) -> None:
    browser.require()
    out = tmp_path / f"figure.{suffix}"

    assert _build(monkeypatch, "--image", "accuracy", "--out", str(out)) == 0

    assert out.read_bytes().startswith(start)
    assert capsys.readouterr().out == f"{out}\n"
    assert not (root / "dashboards").exists()  # an image is no page


@pytest.mark.parametrize(
    ("arguments", "law"),
    [
        (("--image", "acuracy"), r"unknown figure 'acuracy'\. Did you mean accuracy\? Known: acc"),
        (("--image", "gap", "--out", "gap.pdf"), r"ends in \.png or \.svg, but got 'gap\.pdf'"),
        (("--image", "contour"), "there is no figure contour. It takes 10 candidates"),
        (("--image", "health", "--study", "gru"), "health shows one study, but got 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(root: Path, monkeypatch, arguments, law: str) -> None:
    with pytest.raises(UserError, match=law):
        _build(monkeypatch, *arguments)

    assert not (root / "dashboards").exists()


def test_where_there_is_no_chromium_it_is_said(root: Path, monkeypatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chromium")

    with pytest.raises(UserError, match="needs Chromium or Chrome, and none was found"):
        _build(monkeypatch, "--image", "accuracy")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "127.0.0.1:5000", "http://a b"])
def test_the_address_of_mlflow_is_a_web_address(monkeypatch, url: str) -> None:
    with pytest.raises(UserError, match="must begin with http:// or https://"):
        _build(monkeypatch, "--mlflow-url", url)
