"""The reproducibility checklist of a study, filled in from its records alone.

Its questions are those on experimental results of the Machine Learning Reproducibility Checklist
(Pineau et al. 2021, Improving Reproducibility in Machine Learning Research), and those that Dodge
et al. 2019 (Show Your Work) add for a search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from search.evaluation.evaluation_text import HEAD, rows
from tracking.commandline.formatting import brief, duration, percent
from tracking.records import StudyRecord, TrialRecord
from tracking.reporting import plan_history
from tracking.reporting.data_summary import remarks
from tracking.reporting.verdict import (
    NOT_OFFICIAL,
    count_of_evaluations,
    named,
    ranking,
    reruns_of,
    unofficial,
    verdict,
)

Environments = Mapping[str, Mapping[str, Any]]  # by the id of a run: the machine, commit, dirty
Section = tuple[str, list[str], Sequence[Sequence[str]]]  # title, sentences, a table

_PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem;
       color: #1a1a1a; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #ddd; }
"""


def write(study: StudyRecord, environments: Environments, *, html: bool) -> str:
    """Write the checklist, in HTML or in Markdown."""
    title = f"Reproducibility checklist: study {study.plan.study}"
    parts = sections(study, environments)
    return _html(title, parts) if html else _markdown(title, parts)


def sections(study: StudyRecord, environments: Environments) -> list[Section]:
    """Answer each question."""
    return [
        ("What was asked, and what came out", [study.plan.question, verdict(study)], ()),
        _data(study),
        _ranges(study),
        _budget(study),
        _seeds(study),
        _selection(study),
        _results(study),
        _differences(study),
        _expected(study),
        _evaluations(study),
        _machine(study, environments),
    ]


def _data(study: StudyRecord) -> Section:
    data = study.plan.data
    texts = ", ".join(f"{n:,} {part}" for part, n in data.n_texts.items())
    group = "group (movie)" if data.is_movie_reviews else "group"
    said = [
        f"Data {data.name}: {texts} texts; classes {', '.join(data.classes)}.",
        f"Digest of the labelled texts {data.digest}, of the validation part {data.split_digest}.",
        "Validation was split off the training texts with a fixed seed, texts of one "
        f"{group} and equal texts on one side; a table's own split is kept. Words are counted on "
        "the training part alone.",
        *(f"{remark[0].upper()}{remark[1:]}." for remark in remarks(data)),
        *(f"Read beside the texts, {key}: {array.words}." for key, array in data.arrays.items()),
    ]
    if unofficial(study):
        said.append(f"The test part of {data.name} is {NOT_OFFICIAL} of the Large Movie Reviews.")
    return "Data and splits", said, ()


def _ranges(study: StudyRecord) -> Section:
    plan = study.plan
    best = study.candidates[0].params if study.candidates else {}
    table = [("hyperparameter", "range", "of the best trial")]
    for name, said in plan.space.items():
        table.append((name, said, brief(best[name]) if name in best else ""))
    sentences = [f"Families: {', '.join(plan.families)}.", *plan_history.sentences(plan)]
    return "Ranges searched", sentences, table


def _budget(study: StudyRecord) -> Section:
    plan = study.plan
    counted = study.trials
    proposers = Counter(trial.proposed_by for trial in counted)
    said = [
        f"Sampler {plan.sampler or 'not recorded'}, pruner {plan.pruner or 'not recorded'}; at "
        f"most {plan.max_epochs} epochs a trial.",
        f"{len(counted)} trials, {study.count('complete')} complete, {study.count('pruned')} "
        f"pruned, {study.count('failed')} failed; proposed by: "
        f"{', '.join(f'{name} {n}' for name, n in proposers.items())}.",
        f"The trials took {duration(sum(trial.seconds for trial in counted))}, the final "
        f"evaluation {duration(sum(rerun.seconds for rerun in study.reruns))} of training.",
    ]
    return "Budget", said, ()


def _seeds(study: StudyRecord) -> Section:
    table = [("finalist", "seeds")]
    for of in ranking(study):
        table.append((named(study, of), ", ".join(str(r.seed) for r in reruns_of(study, of))))
    said = f"Study seed {study.plan.seed}; every other seed is derived from it."
    return "Seeds", [said], table if len(table) > 1 else ()


def _selection(study: StudyRecord) -> Section:
    final_ranking = study.final_ranking
    if final_ranking is None:
        return (
            "Selection",
            ["Trials are compared by validation accuracy. No final evaluation yet."],
            (),
        )
    said = [f"Finalists are {final_ranking.rule}."]
    if final_ranking.optimism is not None:
        said.append(
            f"The best of {len(study.candidates)} equally good trials is expected to look "
            f"{100 * final_ranking.optimism:.2f} points better than it is on validation; the "
            f"finalists' hits correlate by {final_ranking.correlation:.2f}."
        )
    return "Selection", said, ()


def _results(study: StudyRecord) -> Section:
    table = rows(study)
    return (
        "Results on fresh seeds",
        ["Mean ± standard deviation over the seeds; test of the seed that is best on validation."],
        [HEAD, *table] if table else (),
    )


def _differences(study: StudyRecord) -> Section:
    found = [*(study.final_ranking.differences if study.final_ranking else ())]
    found += [
        difference
        for evaluation in study.sealed_evaluations
        for difference in evaluation.differences
    ]
    table = [("first", "second", "part", "points", "95 % interval", "McNemar, after Holm")]
    for one in found:
        table.append(
            (
                named(study, one.first),
                named(study, one.second),
                one.part,
                f"{100 * one.difference:+.2f}",
                f"{100 * one.low:+.2f} to {100 * one.high:+.2f}",
                f"{one.p_holm:.2g}",
            )
        )
    said = "Paired bootstrap over groups of texts and seeds; exact McNemar between one model each."
    return "Differences", [said], table if found else ()


def _expected(study: StudyRecord) -> Section:
    points = study.final_ranking.expected if study.final_ranking else ()
    if not points:
        said = "No trial was drawn at random, so expected validation performance has no estimate."
        return "Expected validation performance", [said], ()
    table = [("random trials", "time", "expected best on validation")]
    table += [(str(p.n_trials), duration(p.seconds), percent(p.val_accuracy)) for p in points]
    return "Expected validation performance", ["Of random trials alone."], table


def _evaluations(study: StudyRecord) -> Section:
    table = [
        ("test evaluation", "of", "test accuracy", "interval", "who", "when", "commit", "model")
    ]
    for evaluation in study.sealed_evaluations:
        table.append(
            (
                str(evaluation.n),
                named(study, evaluation.of),
                percent(evaluation.result.accuracy),
                "{:.2f} to {:.2f}".format(*(100 * end for end in evaluation.interval)),
                evaluation.who,
                evaluation.result.evaluated_at,
                evaluation.commit[:12],
                evaluation.model_sha256[:12],
            )
        )
    official = f" ({unofficial(study)})" if unofficial(study) else ""
    return (
        "Looks at the test set",
        [f"{count_of_evaluations(study).capitalize()}{official}."],
        table if len(table) > 1 else (),
    )


def _machine(study: StudyRecord, environments: Environments) -> Section:
    """Say on what it ran: each different machine and commit once."""
    said: dict[str, int] = {}
    for environment in environments.values():
        packages = environment.get("packages", {})
        versions = ", ".join(f"{n} {packages[n]}" for n in _PACKAGES if n in packages)
        line = (
            f"{environment.get('platform', 'unknown')}, {environment.get('n_cores')} cores, "
            f"{environment.get('memory_gb')} GB, Python {environment.get('python')}, {versions}; "
            f"oneDNN {environment.get('onednn')}; commit {environment.get('commit') or 'unknown'}"
            f"{', with uncommitted changes' if environment.get('dirty') else ''}"
        )
        said[line] = said.get(line, 0) + 1
    lines = [f"{n} {'training' if n == 1 else 'trainings'}: {line}." for line, n in said.items()]
    memory = [trial.memory_mb for trial in _counted(study) if trial.memory_mb]
    if memory:
        lines.append(f"At most {max(memory):,.0f} MB of memory in a trial.")
    return "Machine and code", lines or ["Not recorded."], ()


def _counted(study: StudyRecord) -> list[TrialRecord]:
    return [trial for trial in study.trials]


def _markdown(title: str, parts: Sequence[Section]) -> str:
    lines = [f"# {title}", ""]
    for name, said, table in parts:
        lines += [f"## {name}", ""]
        for sentence in said:
            lines += [sentence, ""]
        for number, row in enumerate(table):
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |")
            if number == 0:
                lines.append("|" + "---|" * len(row))
        lines += [""] if table else []
    return "\n".join(lines)


def _html(title: str, parts: Sequence[Section]) -> str:
    body = [f"<h1>{escape(title)}</h1>"]
    for name, said, table in parts:
        body.append(f"<h2>{escape(name)}</h2>")
        body += [f"<p>{escape(sentence)}</p>" for sentence in said]
        if table:
            head, *rest = (
                "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
                for tag, row in zip(("th", *("td" for _ in table)), table, strict=False)
            )
            rest_rows = "\n".join(f"<tr>{row}</tr>" for row in rest)
            body.append(f'<div class="scroll"><table><tr>{head}</tr>\n{rest_rows}</table></div>')
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )
