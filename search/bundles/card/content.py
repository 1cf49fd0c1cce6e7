"""What a card says: records, and what was measured at the export; nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from search.bundles.card.blocks import Block, Code, Heading, Paragraph, Table
from search.bundles.card.curves import calibration, curves
from search.bundles.card.facts import Facts
from search.bundles.ensemble import Ensemble
from search.bundles.proof import BATCHES
from tracking.commandline.formatting import brief, duration, percent
from tracking.records import ArrayRecord
from tracking.reporting.comparison import accuracy_of
from tracking.reporting.verdict import NOT_OFFICIAL, count_of_evaluations, unofficial, verdict

_CITATION = (
    "Maas, Daly, Pham, Huang, Ng, Potts (2011). Learning Word Vectors for Sentiment Analysis. "
    "ACL, pages 142-150."
)


def content(facts: Facts) -> list[Block]:
    """Return the card."""
    parts = (_task, _use, _numbers, calibration, curves, _data, _model, _cost, _formats, _limits)
    return [block for part in parts for block in part(facts)]


def _task(facts: Facts) -> Iterator[Block]:
    classes = facts.study.plan.data.classes
    yield Heading(facts.title, 1)
    yield Paragraph(
        f"It reads a text and says which of {len(classes)} labels it has: {', '.join(classes)}. "
        f"The study asked: {facts.study.plan.question}"
    )
    if facts.n_refitted:
        yield Paragraph(
            f"This model is refitted: trained once more, on the training and the validation part "
            f"together ({facts.n_refitted:,} texts), for the number of epochs that was best. The "
            "validation numbers below belong to the model before; nothing was held out to score "
            "this one on. It never saw test data."
        )


def _use(facts: Facts) -> Iterator[Block]:
    example = facts.study.plan.data.example
    yield Heading("How to use it")
    source = facts.study.plan.source_of(facts.trial.family)
    if source is not None:
        yield Paragraph(
            f"It holds code of its own, which whoever loads it runs: {source.name} of SHA-256 "
            f"{source.sha256}, here as source.py. Read it before you trust it; search.predict "
            "asks for --trust-code."
        )
    trust = "" if source is None else ", trust_code=True"
    yield Code(
        "from search.bundles.classifier import load\n\n"
        f'model = load("{facts.on_board}"{trust})\n'
        f'print(model.predict(["{example}"]))\n'
        f'print(model.explain("{example}").words[:5])'
    )


def _numbers(facts: Facts) -> Iterator[Block]:
    score, plan = facts.trial.score, facts.study.plan
    assert score is not None
    n = plan.data.n_texts["validation"]
    yield Heading("How good it is")
    rows = [
        ("validation accuracy", f"{percent(score.val_accuracy)} on {n:,} texts"),
        ("95 % interval (Wilson)", f"{percent(score.low)} to {percent(score.high)}"),
    ]
    if score.val_loss is not None:
        rows.append(("validation loss", f"{score.val_loss:.4f} nats"))
    if score.train_accuracy is not None:
        train = f"{percent(score.train_accuracy)} in epoch {score.best_epoch}"
        rows.append(("training accuracy", train))
    if facts.ensemble is not None:
        rows.append(("over the best member alone", worth(facts.ensemble)))
    if score.val_macro_f1 is not None and len(plan.data.classes) > 2:
        rows.insert(2, ("macro F1", percent(score.val_macro_f1)))
    if score.val_auc is not None:
        rows.insert(3, ("area under the ROC curve", f"{score.val_auc:.4f}"))
    yield Table(("on validation", ""), rows)
    yield Table(
        ("baseline", "accuracy", "from"),
        [(line.name, accuracy_of(line), line.source) for line in plan.baselines]
        + [
            (
                simple_baseline.name,
                f"{percent(simple_baseline.score.val_accuracy)} on validation",
                "this study",
            )
            for simple_baseline in facts.study.simple_baselines
        ],
    )
    yield from _test(facts)
    yield Paragraph(f"The study as a whole: {verdict(facts.study)}")
    classes = plan.data.classes
    if len(classes) > 2:
        found = [
            "none" if accuracy is None else percent(accuracy)
            for accuracy in score.class_accuracies
        ]
        yield Table(("class", "accuracy in it"), list(zip(classes, found, strict=False)))
    yield Table(
        ("label \\ given", *classes),
        [(name, *map(str, row)) for name, row in zip(classes, score.confusion, strict=True)],
    )


def worth(ensemble: Ensemble) -> str:
    """Say what an ensemble adds, and how much of that is selection."""
    gain = f"{100 * ensemble.gain:+.2f} points where its members were picked"
    if ensemble.held_out_gain is None:
        return f"{gain}; validation has one group, so none is left to measure it on"
    return f"{gain}, {100 * ensemble.held_out_gain:+.2f} on texts where none was"


def _test(facts: Facts) -> Iterator[Block]:
    """Say what was seen of this trial on test, if it was looked at."""
    if facts.ensemble is not None:
        yield Paragraph(
            "This ensemble has not been scored on test data "
            f"({count_of_evaluations(facts.study)} in its study)."
        )
        return
    own = [
        evaluation
        for evaluation in facts.study.sealed_evaluations
        if evaluation.of == facts.trial.number
    ]
    evaluations = count_of_evaluations(facts.study)
    if not own:
        yield Paragraph(
            f"This trial has not been scored on test data ({evaluations} in its study)."
        )
        return
    evaluation = own[-1]
    low, high = evaluation.interval
    mark = f" ({NOT_OFFICIAL})" if unofficial(facts.study) else ""
    yield Paragraph(
        f"Test accuracy of its configuration, trained on a fresh seed: "
        f"{percent(evaluation.result.accuracy)} on {evaluation.result.n_test:,} texts{mark}, "
        f"95 % interval {percent(low)} to {percent(high)}; {evaluations}. "
        "The file in this bundle is not the one that was scored."
    )


def _data(facts: Facts) -> Iterator[Block]:
    data = facts.study.plan.data
    yield Heading("Data")
    parts = ", ".join(f"{name} {n:,}" for name, n in data.n_texts.items())
    rows = [
        ("data set", f"{data.name} ({NOT_OFFICIAL})" if unofficial(facts.study) else data.name),
        ("texts", parts),
        ("digest of the texts", data.digest),
        ("digest of the validation part", data.split_digest),
        ("vocabulary", "fitted on the training part alone"),
        *((name, array.words) for name, array in _arrays(facts).items()),
    ]
    yield Table(("", ""), rows)
    if data.is_movie_reviews:
        yield Paragraph(f"Whoever publishes results on these data cites: {_CITATION}")


def _arrays(facts: Facts) -> dict[str, ArrayRecord]:
    trials = (facts.trial,) if facts.ensemble is None else facts.ensemble.members
    data = facts.study.plan.data
    return {name: a for one in trials for name, a in data.arrays_of(one.params).items()}


def _model(facts: Facts) -> Iterator[Block]:
    trial = facts.trial
    assert trial.score is not None
    yield Heading("Architecture and hyperparameters")
    if facts.ensemble is not None:
        yield from _members(facts.ensemble)
        return
    yield Paragraph(
        f"Family {trial.family}, {trial.score.n_parameters:,} trained numbers; proposed by "
        f"{trial.proposed_by}, seed {trial.seed}."
    )
    values = [(name, brief(value)) for name, value in sorted(trial.params.items())]
    yield Table(("hyperparameter", "value"), values)
    if trial.summary:
        yield Code(trial.summary.rstrip())


def _members(ensemble: Ensemble) -> Iterator[Block]:
    yield Paragraph(
        f"The weighted mean of the probabilities of {len(ensemble.members)} trials, "
        f"{ensemble.score.n_parameters:,} trained numbers together. They were picked one by one "
        f"on validation, {len(ensemble.picks)} picks in all; a trial that was picked twice counts "
        "twice (Caruana et al. 2004)."
    )
    yield Table(
        ("trial", "family", "share", "validation accuracy alone"),
        [
            (str(one.number), one.family, percent(share), percent(one.score.val_accuracy))
            for one, share in zip(ensemble.members, ensemble.weights.values(), strict=True)
            if one.score is not None
        ],
    )
    for one in ensemble.members:
        values = [(name, brief(value)) for name, value in sorted(one.params.items())]
        yield Heading(f"Trial {one.number}", 3)
        yield Table(("hyperparameter", "value"), values)


def _cost(facts: Facts) -> Iterator[Block]:
    trial = facts.trial
    yield Heading("Cost")
    seconds = sum(one.seconds for one in facts.study.trials)
    of = "whole trial" if facts.ensemble is None else "all members"
    rows = [(f"training, {of}", duration(trial.seconds))]
    if trial.seconds_per_epoch is not None:
        rows.append(("an epoch", duration(trial.seconds_per_epoch)))
    if trial.memory_mb is not None:
        rows.append(("peak memory", f"{trial.memory_mb:,.0f} MB"))
    n_trials = f"{len(facts.study.trials)} trials, {duration(seconds)}"
    yield Table(("", ""), [*rows, ("the study it was chosen from", n_trials)])
    yield Paragraph(f"Code: commit {facts.commit or 'unknown'}.")


def _formats(facts: Facts) -> Iterator[Block]:
    yield Heading("Formats")
    proof = facts.proof
    if not proof.per_second:
        yield Paragraph(f"In this bundle: {', '.join(facts.formats)}. Speed was not measured.")
        return
    machine = facts.machine
    yield Table(
        ("predictions a second in batches of", *(f"{size:,}" for size in BATCHES)),
        [(name, *(f"{v:,.0f}" for v in row.values())) for name, row in proof.per_second.items()],
    )
    yield Paragraph(
        f"Measured on {machine['n_cores']} cores ({machine['processor']}, {machine['platform']}) "
        f"when this was exported. Recommended, and what search.predict takes: {proof.fastest}, "
        f"the fastest in batches of 32. On the {proof.n_texts:,} validation texts the largest "
        f"difference between the probabilities of two formats is {proof.difference:.1e}."
    )


def _limits(facts: Facts) -> Iterator[Block]:
    params = facts.trial.params
    end = "end" if params.get("text.truncating") == "pre" else "beginning"
    yield Heading("Limitations")
    yield Paragraph(
        f"It reads the {params.get('text.maxlen')} tokens at the {end} of a text, and knows the "
        f"{params.get('text.vocab_size')} most frequent ids of its training part; any other word "
        "is unknown to it. It always gives a label, also for a text that has none, an empty one, "
        "or one in another language. It was chosen as the best of several on the same validation "
        "texts, so it looks a little better than it is."
    )


def write(facts: Facts, folder: Path) -> str:
    """Write card.md and card.html, and give the former."""
    from search.bundles.card import html, markdown

    blocks = content(facts)
    text = markdown.write(blocks)
    (folder / "card.md").write_text(text, "utf-8")
    (folder / "card.html").write_text(html.write(blocks, facts.title), "utf-8")
    return text
