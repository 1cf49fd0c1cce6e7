"""What a person finds of a study in MLflow, with nothing but MLflow's own client.

python -m tests.mlflow_only TRACKING_URI STUDY prints what is missing; exit code 1 if anything is.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

from mlflow import MlflowClient
from mlflow.entities import Run

_STATUS = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}
_EPOCH = {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "gap"}
_EPOCH |= {"learning_rate", "seconds", "memory_mb"}
_BEST = {"best_epoch", "best_val_accuracy", "best_val_loss", "best_val_auc", "best_gap"}
_BEST |= {"best_train_accuracy", "best_n_parameters"}
_COST = {"seconds_per_epoch", "trace_seconds", "memory_mb"}
_LINEAGE = {"mlflow.source.git.commit", "code.dirty", "code.command", "trial.seed"}
_LINEAGE |= {"data.name", "data.digest", "data.split_digest", "mlflow.user", "mlflow.source.name"}
_MONITORED_SECONDS = 60  # system metrics are means over 30 s: by then there is one


def missing(client: MlflowClient, study: str) -> list[str]:
    """Say what cannot be found; nothing, if all is well."""
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        return [f"no experiment {study}"]
    runs = list(client.search_runs([experiment.experiment_id], max_results=5_000))
    of_kind = {
        kind: [run for run in runs if run.data.tags["kind"] == kind]
        for kind in ("study", "trial", "simple baseline", "baseline", "reference")
    }
    if len(of_kind["study"]) != 1:
        return [f"{len(of_kind['study'])} parent runs"]
    (parent,) = of_kind["study"]
    found = list(_of_parent(client, parent, of_kind["trial"]))
    for run in of_kind["trial"]:
        found += [f"{run.info.run_name}: {line}" for line in _of_trial(client, parent, run)]
    found += list(_of_models(client, experiment.experiment_id, of_kind["trial"]))
    for run in of_kind["baseline"] + of_kind["reference"]:
        line = client.get_metric_history(run.info.run_id, "val_accuracy")
        if len({metric.value for metric in line}) != 1 or len(line) < 2:
            found.append(f"{run.info.run_name} is no line across epochs")
    return found


def _of_parent(client: MlflowClient, parent: Run, trials: list[Run]) -> Iterator[str]:
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    yield from (
        f"the parent lacks {name}"
        for name in sorted({"plan.json", "trials.csv", "page.html"} - files)
    )
    tags = {"plan.sampler", "plan.pruner", "best.trial", "best.run_id"} - set(parent.data.tags)
    yield from (f"the parent lacks the tag {name}" for name in sorted(tags))
    counts = {"complete": 0, "pruned": 0, "failed": 0}
    for run in trials:
        if run.data.tags["trial.state"] in counts:
            counts[run.data.tags["trial.state"]] += 1
    for state, count in counts.items():
        counted = parent.data.metrics.get(f"trials_{state}")
        if counted != count:
            yield f"the parent counts {counted} trials {state}, there are {count}"
    best = max(run.data.metrics.get("best_val_accuracy", 0.0) for run in trials)
    if parent.data.metrics.get("best_val_accuracy") != best or parent.data.metrics["seconds"] <= 0:
        yield "the parent does not name the best accuracy, or the time spent"


def _of_trial(client: MlflowClient, parent: Run, run: Run) -> Iterator[str]:
    tags, metrics = run.data.tags, run.data.metrics
    state = tags["trial.state"]
    if tags.get("mlflow.parentRunId") != parent.info.run_id:
        yield "not in the tree"
    if not re.fullmatch(r"trial-\d{4,}-\w+", run.info.run_name):
        yield "its name does not sort"
    if run.info.status != _STATUS[state]:
        yield f"{state}, but its status is {run.info.status}"
    if state != "complete" and not tags.get("trial.reason"):
        yield "no reason"
    yield from (f"no tag {name}" for name in sorted(_LINEAGE - set(tags)))
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    if "environment.json" not in files:
        yield "no machine and packages"
    if tags["code.dirty"] == "True" and "code.diff" not in files:
        yield "no uncommitted changes"
    if [used.dataset.digest for used in run.inputs.dataset_inputs] != [tags["data.digest"]]:
        yield "no data set"
    if "seconds" in metrics and state != "interrupted":  # it has finished an epoch, and ended
        yield from (f"no metric {name}" for name in sorted((_EPOCH | _COST) - set(metrics)))
        yield from (
            f"no {name}"
            for name in ("curves.csv", "curves.html", "summary.txt")
            if name not in files
        )
    lasted = (run.info.end_time - run.info.start_time) / 1000
    if lasted > _MONITORED_SECONDS and not any(name.startswith("system/") for name in metrics):
        yield f"no system metrics in {lasted:.0f} s"
    if state == "complete":
        yield from _of_complete(client, run, files)


def _of_complete(client: MlflowClient, run: Run, files: set[str]) -> Iterator[str]:
    metrics = run.data.metrics
    yield from (f"no metric {name}" for name in sorted(_BEST - set(metrics)))
    yield from (f"no {name}" for name in ("confusion.json", "mistakes.json") if name not in files)
    history = client.get_metric_history(run.info.run_id, "val_accuracy")
    by_epoch = {metric.step: metric.value for metric in history}
    if by_epoch.get(int(metrics["best_epoch"])) != max(by_epoch.values()):
        yield "the best epoch is not the best"
    if json.loads(run.data.tags["mlflow.loggedArtifacts"])[0]["type"] != "table":
        yield "no table of mistakes"


def _of_models(client: MlflowClient, experiment: str, trials: list[Run]) -> Iterator[str]:
    complete = [run for run in trials if run.data.tags["trial.state"] == "complete"]
    complete.sort(key=lambda run: (-run.data.metrics["best_val_accuracy"], run.info.start_time))
    models = {model.source_run_id: model for model in client.search_logged_models([experiment])}
    for run in complete:
        kept = run.data.tags.get("model.kept") == "True"
        if kept != (run.info.run_id in models):
            yield f"{run.info.run_name}: its model is {'not ' if kept else ''}there"
    kept_ones = [run for run in complete if run.info.run_id in models]
    if not kept_ones or kept_ones != complete[: len(kept_ones)]:
        yield "the models that are kept are not those of the best"
    yield from (
        f"{model.name} is not ready" for model in models.values() if str(model.status) != "READY"
    )


def main() -> int:
    address, study = sys.argv[1:]
    found = missing(MlflowClient(address), study)
    print("\n".join(found) or f"{study}: nothing is missing.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
