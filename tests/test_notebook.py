"""The notebook of the docs runs top to bottom, and is kept as it was executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.programs import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial" / "notebook.ipynb"
_SECONDS = 400  # for a cell
FIGURE = "application/vnd.plotly.v1+json"


def outputs(notebook: Any, kind: str) -> list[Any]:
    """Return what the cells of a notebook show in a form, in their order."""
    every = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    if kind == "stream":
        return [one.text for one in every if one.output_type == "stream"]
    return [one.data[kind] for one in every if kind in one.get("data", {})]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook, run in a folder of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQSEARCH_CACHE", str(folder / "cache"))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.delenv("SEQSEARCH_MLRUNS", raising=False)
        client = NotebookClient(
            notebook,
            timeout=_SECONDS,
            kernel_name="python3",
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    return notebook


def test_its_reader_finds_the_best_values_a_figure_and_a_prediction(executed: Any) -> None:
    shown = outputs(executed, "text/plain")
    assert any("nbsvm.smoothing" in one for one in shown)
    (figure,) = outputs(executed, FIGURE)
    assert figure["data"][0]["name"] == "nbsvm-snippets"
    (prediction,) = [one for one in shown if "A warm and funny film" in one]
    assert "good" in prediction
    assert any("4 complete" in one for one in outputs(executed, "text/html"))


def test_its_progress_is_lines_and_one_that_is_replaced(executed: Any) -> None:
    said = "".join(outputs(executed, "stream"))
    assert "trial 3 complete: " in said
    assert "epoch 1/" not in said  # it was shown in the line that is replaced
    assert "\x1b" not in said
    assert "Warning" not in said
    assert "" in outputs(executed, "text/plain")  # that line, at the end


def test_it_is_kept_executed_and_small() -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(o.output_type == "error" for cell in code for o in cell.outputs)
    assert len(outputs(kept, FIGURE)) == 1
    assert Path(NOTEBOOK).stat().st_size < 100_000
