"""What is drawn live is drawn anew only as far as the study changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.figures import FIGURES
from dashboards.live.watch import Watch
from tests.builders import (
    build_data,
    build_epochs,
    build_plan,
    build_study,
    build_trial,
    place_database,
    write_study,
    write_trial,
)
from tracking import store
from tracking.commandline.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


def test_an_epoch_redraws_what_shows_all_trials_and_nothing_else(root: Path) -> None:
    study = write_study(root, build_study(build_trial(0), build_trial(1, 0.7)))
    watch = Watch(root, "http://127.0.0.1:5000")
    _, before, drawn = watch.evaluation("lstm")
    assert watch.evaluation("lstm")[1:] == (before, drawn)
    log = study.open_trial(2, "lstm", {}, seed=1, proposed_by="tpe", data=build_data())
    log.epoch(build_epochs(0.7)[0])

    _, after, redrawn = watch.evaluation("lstm")

    assert after[0] != before[0]
    assert after[1] == before[1]
    for name, panel in FIGURES.items():
        assert (redrawn[name] is not drawn[name]) == panel.all_trials, name


def test_a_new_candidate_redraws_everything(root: Path) -> None:
    study = write_study(root, build_study(build_trial(0), build_trial(1, 0.7)))
    watch = Watch(root, "http://127.0.0.1:5000")
    _, _, drawn = watch.evaluation("lstm")
    write_trial(study, build_trial(2, 0.9))

    record, _, redrawn = watch.evaluation("lstm")

    assert record.candidates[0].number == 2
    assert not any(redrawn[name] is drawn[name] for name in FIGURES)


def test_a_study_that_was_begun_anew_is_followed(root: Path) -> None:
    write_study(root, build_study(build_trial(0)))
    watch = Watch(root, "http://127.0.0.1:5000")
    watch.evaluation("lstm")
    before = watch.address("lstm")
    store.open_study(root, build_plan(), fresh=True)

    record, _, _ = watch.evaluation("lstm")

    assert record.trials == ()
    assert watch.address("lstm") != before
    assert watch.names()[0] == "lstm"  # what was put aside comes last
    assert len(watch.names()) == 2


def test_an_unknown_study_is_the_users_mistake(root: Path) -> None:
    write_study(root, build_study())

    with pytest.raises(UserError, match="unknown study 'gru'"):
        Watch(root, "http://127.0.0.1:5000").evaluation("gru")
