"""Each figure draws what its table holds, whatever the study, or says why it is absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from dashboards.figures import FIGURES
from dashboards.figures.absent import Absent
from dashboards.figures.hyperparameters import contour, importance, parallel, slices
from dashboards.figures.results import cost, progress
from dashboards.figures.training import gap, health, overlay
from dashboards.page.forest import fits, ranked
from dashboards.page.panels import draw
from tests.builders import build_epochs, build_score, build_search, build_study, build_trial
from tests.dashboards.odd import HOSTILE, ODD
from tracking.records import StudyRecord, TrialRecord


@pytest.fixture(scope="module")
def search() -> StudyRecord:
    return build_search(150, 6)


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from _texts(value)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_face_for_every_study_or_says_why_it_is_absent(name, odd) -> None:
    for drawn in draw(name, [ODD[odd]]):
        assert drawn.sentence.endswith(".")
        assert "nan" not in drawn.sentence.split()
        if drawn.figure is not None:
            assert len(drawn.figure.data) > 0
            assert drawn.figure.to_json()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_two_studies_in_one_or_each_for_itself(name, search) -> None:
    other = replace(search, plan=replace(search.plan, study="other"))

    drawn = list(draw(name, [search, other]))

    assert len(drawn) == (1 if FIGURES[name].joint else 2)
    assert len({one.key for one in drawn}) == len(drawn)
    if FIGURES[name].joint and name not in ("overfitting", "overlay", "race"):
        assert {"search", "other"} <= {trace.name for trace in drawn[0].figure.data}


@pytest.mark.parametrize("name", FIGURES)
def test_no_name_is_markup_to_plotly(name: str) -> None:
    for drawn in draw(name, [ODD["hostile"]]):
        if drawn.figure is None:
            continue
        content = drawn.figure.to_plotly_json()
        content["layout"].pop("template")
        for trace in content["data"]:
            trace.pop("customdata", None)  # addresses: they are never shown
        for text in _texts(content):
            for mark in ("<script", "<img", "<a ", "\u202e", "\u2066", "\ud800"):
                assert mark not in text
            assert len(text) < 1_000


def test_progress_lists_each_candidate_that_was_better_than_all_before_it() -> None:
    study = build_study(
        build_trial(0, 0.80, seconds=60),
        build_trial(1, 0.99, state="pruned", seconds=30),
        build_trial(2, 0.79, seconds=60),
        build_trial(3, 0.85, seconds=60),
        build_trial(4, 0.84, seconds=60),
    )

    (path,) = progress.table(study).paths

    assert [(s.number, s.n_trials, s.minutes, s.accuracy) for s in path.steps] == [
        (0, 1, 1.0, 0.80),
        (3, 4, 3.5, 0.85),
    ]
    assert (path.n_trials, path.minutes) == (5, 4.5)
    said = progress.sentence(progress.table(study))
    assert said == (
        "The best, 85.00 %, came with trial 3, after 3 min 30 s of 4 min 30 s; "
        "1 more brought nothing better."
    )


def test_progress_does_not_count_a_trial_that_is_under_way_as_one_that_found_nothing() -> None:
    ended = (build_trial(0, 0.85), build_trial(1, 0.80))
    running = tuple(build_trial(n, 0.5, state="running", seconds=600) for n in (2, 3))

    def said(*trials: TrialRecord) -> str:
        return progress.sentence(progress.table(build_study(*trials)))

    assert said(ended[0], *running).endswith("of 61 s; it is the latest; 2 under way.")
    assert said(*ended, running[0]).endswith("1 more brought nothing better; 1 under way.")
    assert said(*ended).endswith("1 more brought nothing better.")


def test_the_calmest_candidate_is_sought_within_the_interval_of_the_best() -> None:
    def trial(number: int, accuracy: float, train: float):
        score = build_score(build_epochs(accuracy), train_accuracy=train)
        return build_trial(number, accuracy, score=score)

    study = build_study(trial(0, 0.850, 0.95), trial(1, 0.845, 0.86), trial(2, 0.80, 0.79))

    rows = gap.table(study)

    assert (rows.best.number, rows.calmest.number) == (0, 1)
    assert "trial 1 has the smallest, +1.5, at 84.50 %" in gap.sentence(rows)


def test_the_front_holds_those_that_no_other_beats_at_no_more_cost() -> None:
    study = build_study(
        build_trial(0, 0.85, seconds=600),
        build_trial(1, 0.80, seconds=60),
        build_trial(2, 0.79, seconds=120),
        build_trial(3, 0.845, seconds=300),
    )

    rows = cost.table(study)

    assert [row.number for row in rows.fronts[0]] == [1, 3, 0]
    assert rows.cheapest.number == 3
    assert "trial 3 reaches 84.50 %, within its interval, in 5 min" in cost.sentence(rows)


def test_the_overlay_tells_pruned_from_finished_and_from_what_is_under_way() -> None:
    study = build_study(
        build_trial(0, 0.8, 0.85),
        build_trial(1, 0.6, state="pruned"),
        build_trial(2, 0.7, state="running"),
        build_trial(3, 0.7, state="failed"),
        build_trial(4, 0.7, state="interrupted"),
    )

    rows = overlay.table(study)

    assert [line.number for line in rows.candidates] == [0]
    assert [line.number for line in rows.pruned] == [1]
    assert [line.number for line in rows.running] == [2]
    pruned = [trace for trace in overlay.draw(rows).data if trace.name == "pruned"]
    assert {trace.opacity for trace in pruned} == {0.35}
    assert rows.bands == ()


def test_with_many_trials_the_overlay_has_a_band_and_the_best_half_of_a_sample() -> None:
    rows = overlay.table(ODD["many"])

    assert len(rows.candidates) == 150
    assert rows.n_candidates > 500
    assert len(rows.bands) == 3
    assert all(band.low <= band.middle <= band.high for band in rows.bands)
    best = ODD["many"].candidates[:75]
    assert [line.number for line in rows.candidates[:75]] == [trial.number for trial in best]


def test_what_moves_accuracy_is_important_and_what_does_not_is_not(search) -> None:
    rows = importance.table(search)

    drops = {bar.name: bar.drop for bar in rows.bars}
    assert rows.bars[0].name in ("train.learning_rate", "text.vocab_size")
    assert all(drops[name] < 0.05 for name in drops if name.startswith("text.number_"))
    assert min(drops.values()) >= 0
    assert rows.fits[0].explained > 0.3
    families = {bar.name: bar.family for bar in rows.bars}
    assert families["lstm.units"] == "lstm"
    assert families["train.learning_rate"] == ""
    assert "train.learning_rate" in importance.sentence(rows)


def test_hyperparameters_of_a_family_are_judged_within_its_candidates(search) -> None:
    by_family = {fit.family: fit for fit in fits(search)}

    assert by_family["lstm"].n_trials == sum(t.family == "lstm" for t in search.candidates)
    assert [i.name for i in by_family["lstm"].importances] == ["lstm.units"]


def test_of_noise_the_importance_says_that_it_knows_nothing() -> None:
    trials = [
        build_trial(n, 0.8 + (n * 7919 % 31) / 1_000, params={"lstm.units": n * 13 % 17})
        for n in range(15)
    ]

    said = importance.sentence(importance.table(build_study(*trials)))

    assert "no word on what matters can be trusted (grey)" in said


def test_ten_candidates_are_needed_to_say_what_matters() -> None:
    study = build_study(*(build_trial(n, 0.8 + n / 100) for n in range(9)))

    with pytest.raises(Absent, match="It takes 10 candidates to say anything; there are 9"):
        importance.table(study)
    with pytest.raises(Absent, match="there are 9"):
        contour.table(study)


@pytest.mark.parametrize(
    ("range_", "value", "side"),
    [
        ("32 to 256", 256, "upper"),
        ("32 to 256", 32, "lower"),
        ("32 to 256", 128, None),
        ("8 to 256 (log)", 250, "upper"),
        ("8 to 256 (log)", 200, None),
        ("0 to 0.6", 0.0, None),  # nothing lies below
        ("1 to 3", 2, None),
        ("1 to 3", 3, "upper"),
        ("mean | max", "max", None),
    ],
)
def test_the_slices_warn_where_the_best_lies_at_the_edge_of_a_range(range_, value, side) -> None:
    other = build_trial(1, 0.7, params={"lstm.x": "min" if isinstance(value, str) else 1})
    study = build_study(build_trial(0, params={"lstm.x": value}), other, space={"lstm.x": range_})

    rows = slices.table(study)

    assert [edge.side for edge in rows.edges] == ([side] if side else [])
    assert ("Warning" in slices.sentence(rows)) == bool(side)


def test_a_limit_of_epochs_that_was_not_met_is_no_edge() -> None:
    space = {"train.epochs": "1 to 15"}
    stopped = build_trial(0, 0.8, 0.79, params={"train.epochs": 15})
    not_stopped = build_trial(0, *(0.7 + n / 100 for n in range(15)), params={"train.epochs": 15})

    assert slices.edges(build_study(stopped, space=space)) == ()
    assert [edge.name for edge in slices.edges(build_study(not_stopped, space=space))] == [
        "train.epochs"
    ]


def test_the_contour_expects_most_where_the_best_are(search) -> None:
    rows = contour.table(search)

    assert set(rows.names) == {"train.learning_rate", "text.vocab_size"}
    peak = dict(zip(rows.names, rows.peak, strict=False))
    assert 3e-4 < peak["train.learning_rate"] < 3e-3
    assert peak["text.vocab_size"] > 5_000
    assert len(rows.points) == len(search.candidates)


def _pooled(pooling: str, units: int, rate: float, number: int) -> TrialRecord:
    """A trial whose accuracy depends on pooling most, on units less, on the rate least."""
    accuracy = 0.70 + 0.1 * (pooling == "max") + 0.002 * units + rate
    params = {"lstm.pooling": pooling, "lstm.units": units, "train.learning_rate": rate}
    return build_trial(number, accuracy, params=params)


def test_the_contour_draws_the_numbers_that_are_named_and_says_what_it_passes_over() -> None:
    values = [(p, u, r) for p in ("max", "mean") for u in (8, 16, 24) for r in (0.001, 0.01, 0.02)]
    trials = [_pooled(*some, number) for number, some in enumerate(values * 2)]
    space = {
        "lstm.pooling": "max | mean",
        "train.learning_rate": "0.001 to 0.02",
        "lstm.units": "8 to 24",
    }
    study = build_study(*trials, space=space)

    rows = contour.table(study)

    assert ranked(study)[0] == "lstm.pooling"
    assert list(rows.names) == ranked(study)[1:3] == ["lstm.units", "train.learning_rate"]
    assert "depends on lstm.pooling and lstm.units;" in importance.sentence(
        importance.table(study)
    )
    assert contour.sentence(rows).endswith("lstm.pooling matters more, but is not a number.")
    assert "most" not in FIGURES["contour"].title


def test_what_all_candidates_have_comes_before_what_is_one_familys_own(search) -> None:
    named = importance.sentence(importance.table(search)).split("; ")[0]

    assert list(contour.table(search).names) == ranked(search)[:2]
    for name in ranked(search)[:2]:
        assert name in named
    assert contour.table(search).passed_over == ()


def test_parallel_coordinates_have_an_axis_for_what_all_candidates_have(search) -> None:
    rows = parallel.table(search)

    names = [axis.name for axis in rows.axes]
    assert "model.family" in names
    assert "lstm.units" not in names
    assert all(len(axis.values) == len(rows.accuracies) for axis in rows.axes)
    (family,) = [axis for axis in rows.axes if axis.name == "model.family"]
    assert [text for _, text in family.ticks] == ["cnn", "lstm"]


def test_health_adds_up_minutes_and_gathers_reasons() -> None:
    study = build_study(
        build_trial(0, seconds=60),
        build_trial(1, seconds=30, state="failed", reason="out of memory"),
        build_trial(2, seconds=30, state="failed", reason="out of memory"),
        build_trial(3, seconds=60, state="interrupted", reason="stopped"),
        build_trial(4, seconds=30, state="pruned", reason="after epoch 1: 50.00 %, below"),
        build_trial(5, seconds=30, state="pruned", reason="after epoch 2: 60.00 %, below"),
        build_trial(6, seconds=0, state="pruned", reason="after epoch 2: 60.00 %, below"),
    )

    rows = health.table(study)

    assert rows.counts == {"complete": 1, "failed": 2, "interrupted": 1, "pruned": 3}
    assert rows.costs[0].minutes == {"complete": 1, "failed": 1, "interrupted": 1, "pruned": 1}
    assert rows.reasons == (
        ("failed", "out of memory", (1, 2)),
        ("interrupted", "stopped", (3,)),
        ("pruned", "after epoch 2: 60.00 %, below", (5, 6)),
        ("pruned", "after epoch 1: 50.00 %, below", (4,)),
    )
    assert "75 % of it on trials that gave no candidate" in health.sentence(rows)
    assert "1,235 MB" in health.sentence(rows)


@pytest.mark.parametrize("name", ["accuracy", "gap", "cost", "slices", "overlay", "progress"])
def test_a_point_knows_its_trial(name: str, search) -> None:
    (drawn,) = draw(name, [search])

    addresses = [
        address
        for trace in drawn.figure.data
        for address in (trace.customdata if trace.customdata is not None else ())
        if address is not None
    ]
    numbers = {trial.number for trial in search.trials}
    assert addresses
    assert all(study == "search" and number in numbers for study, number in addresses)


def test_every_text_that_is_hostile_is_in_the_hostile_study() -> None:
    proposers = {trial.proposed_by for trial in ODD["hostile"].trials}

    assert proposers == set(HOSTILE)
    assert isinstance(FIGURES["health"].draw(health.table(ODD["hostile"])), go.Figure)
