"""Keywords are the options of the command line, and are refused as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from search import load_study, run
from search.cli import session
from search.cli.options import Options
from spaces import Family, Int, Study
from tests.programs import ROOT
from tracking.commandline.errors import UserError

PAIRS = [("a fine film", "pos"), ("a dull film", "neg")] * 20


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """What the calls of a test came to; nothing is prepared or recorded."""
    found: list[Options] = []

    def keep(console: object, options: Options) -> str:
        found.append(options)
        return options.study

    monkeypatch.setattr(session, "make_records", keep)
    return found


def test_keywords_are_the_options_of_the_command(chosen: list[Options]) -> None:
    study = run(
        "lstm",
        data=PAIRS,
        data_name="mine",
        trials=0,
        timeout="10m",
        seed=3,
        smoke=False,
        deterministic=True,
        families=["lstm", "cnn"],
        set={"train.batch_size": 64, "text.padding": "full"},
        range={"lstm.units": (16, 64), "lstm.layers": [1, 2], "lstm.dropout": "0..0.3"},
        text_column="text",
    )
    assert study.name == "lstm-mine"
    (options,) = chosen
    assert Path(options.data).name == "mine.parquet"
    plan = options.plan
    assert (options.seed, options.deterministic, options.table.text) == (3, True, "text")
    assert (plan.n_trials, plan.timeout, plan.families) == (None, 600, ("lstm", "cnn"))
    assert (plan.fixed["train.batch_size"], plan.fixed["text.padding"]) == (64, "full")
    assert [str(plan.space[f"lstm.{name}"]) for name in ("units", "layers", "dropout")] == [
        "16 to 64",
        "1 | 2",
        "0 to 0.3",
    ]


def test_a_study_can_be_given_itself(chosen: list[Options]) -> None:
    plan = Study("mine", "Is it so?", families=["cnn"], search=["cnn.*"], trials=4)
    run(plan, data=PAIRS, trials=0)
    assert (chosen[0].study, chosen[0].plan.searched) == ("mine-pairs", plan.searched)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"trails": 3}, r"unknown option 'trails'\. Did you mean trials\?"),
        ({"json": True}, "unknown option 'json'"),
        ({"tracking_uri": "http://h:1"}, "unknown option 'tracking_uri'"),
        ({"trials": -1}, "argument --trials: must be a whole number from 1, but got '-1'$"),
        ({"timeout": 10}, "a time is a positive number with s, m or h, .* but got '10'$"),
        ({"trials": True}, "argument --trials: expected one argument$"),
        ({"smoke": "yes"}, "argument --smoke: ignored explicit argument 'yes'$"),
        ({"range": {"lstm.units": 3}}, "a range is .low, high., a list .* but got 3"),
        ({"range": {"lstm.unit": (1, 2)}}, "unknown hyperparameter 'lstm.unit'"),
        ({"families": "lstn"}, "unknown family 'lstn'. Did you mean lstm?"),
        ({"workers": 100_000}, "--workers must be at most"),
        ({"sampler": "grid"}, "a sampler of engine optuna must be one of tpe"),
    ],
)
def test_a_wrong_keyword_is_an_error_of_one_line(keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as refusal:
        run("lstm", data=PAIRS, **keywords)
    assert "\n" not in str(refusal.value)


def test_unknown_studies_and_data_are_errors_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown study 'lstn'\. Did you mean lstm\?"):
        run("lstn", data=PAIRS)
    with pytest.raises(UserError, match=r"there is no file 'none\.csv'"):
        run("lstm", data="none.csv")
    with pytest.raises(UserError, match=r"unknown study 'lstm'\. Known: none"):
        load_study("lstm")
    assert not (tmp_path / "mlruns").exists()


def test_a_family_of_a_script_or_a_notebook_is_refused() -> None:
    def build(n_tokens, maxlen, n_classes, masked, *, units):
        raise NotImplementedError

    build.__module__ = "__main__"
    family = Family("of_a_cell", build, units=Int(1, 2, default=1))
    plan = Study("mine", "?", families=[family], search=["of_a_cell.*"])
    with pytest.raises(UserError, match=r"build of this script or notebook.*my_study\.py"):
        run(plan, data=PAIRS)


@pytest.mark.parametrize(
    "code",
    [
        "from search import run; assert callable(run)",
        "import search.run; from search import run; run.main; assert callable(search.run)",
        "from search.run import main; import search; assert callable(search.run)",
        "import search; search.run.main; assert callable(search.run)",
        "from search import UserError, load_study; import search.api, search.run",
        "import search; assert not hasattr(search, 'ran')",
    ],
)
def test_run_can_be_called_whoever_imported_it_before(code: str) -> None:
    check = "; import sys; sys.exit({'mlflow', 'keras', 'pandas'} & set(sys.modules) or None)"
    done = subprocess.run([sys.executable, "-c", code + check], cwd=ROOT, check=False)
    assert done.returncode == 0
