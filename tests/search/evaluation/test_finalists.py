"""Whom final evaluations train again."""

from __future__ import annotations

import pytest

from search.evaluation.finalists import finalists
from tests.builders import build_data, build_reference, build_study, build_trial


def test_the_same_values_on_another_seed_or_for_more_epochs_are_no_second_finalist() -> None:
    values = {"lstm.units": 64, "train.epochs": 3}
    study = build_study(
        build_trial(0, 0.80, params=values, proposed_by="hyperband"),
        build_trial(1, 0.84, params={**values, "train.epochs": 9}, proposed_by="promoted-from-0"),
        build_trial(2, 0.83, params=values, proposed_by="rerun-of-0"),
        build_trial(3, 0.82, params={**values, "lstm.units": 32}, proposed_by="hyperband"),
    )
    best = [one.of for one in finalists(study, 3) if one.role == "finalist"]
    assert best == [1, 3]


def test_final_evaluations_on_own_data_have_no_reference_that_was_published_on_movie_reviews() -> (
    None
):
    """Records made before own data were searched without them still name them."""
    for name, expected in (("imdb", 1), ("mine.csv", 0)):
        trials = build_trial(0, 0.8), build_trial(1, 0.7, proposed_by="lstm-2016")
        study = build_study(*trials, data=build_data(name=name))
        assert sum(one.role == "reference" for one in finalists(study, 1)) == expected


@pytest.mark.parametrize(
    ("families", "values"),
    [(("lstm",), {}), (("lstm", "cnn"), {"model.family": "cnn"})],
)
def test_a_reference_is_trained_though_its_study_is_no_longer_known(
    families: tuple[str, ...], values: dict[str, str]
) -> None:
    family = families[-1]
    params = {"text.vocab_size": 5_000}
    reference = build_reference("paper", 0.9, family=family, params=params)
    study = build_study(
        build_trial(0), plan="removed", families=families, references=(reference,), max_epochs=2
    )
    (found,) = (one for one in finalists(study, 1) if one.role == "reference")
    assert found.family == family
    expected = {"text.vocab_size": 5_000, "train.epochs": 2, **values}
    assert found.params.items() >= expected.items()
    assert any(name.startswith(f"{family}.") for name in found.params)


def test_a_reference_that_had_no_trial_has_the_fixed_values_of_its_study() -> None:
    reference = build_reference("paper", 0.9, family="lstm", params={"text.vocab_size": 5_000})
    fixed = {"train.batch_size": 64, "text.vocab_size": 9_000, "lstm.gone": 3}
    study = build_study(build_trial(0), references=(reference,), fixed=fixed)
    (found,) = (one for one in finalists(study, 1) if one.role == "reference")
    assert found.params["train.batch_size"] == 64
    assert found.params["text.vocab_size"] == 5_000  # what it was published with
    assert "lstm.gone" not in found.params


def test_a_reference_whose_family_is_not_on_record_is_left_out() -> None:
    study = build_study(build_trial(0), plan="removed")
    assert [one.role for one in finalists(study, 1)] == ["finalist", "simple baseline"]
