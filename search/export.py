"""Write a trial's model so that it takes raw text, or a whole study for Optuna's own tools.

python -m search.export --study lstm_dropout --out DIR
python -m search.export --study lstm_dropout --out DIR --register imdb-sentiment --alias champion
python -m search.export --study architecture --out DIR --ensemble 10
python -m search.export --study lstm_dropout --optuna sqlite:///studies.db
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from search.bundles.formats import NAMES
from search.cli.arguments import add_trust
from spaces.families import FAMILIES
from tracking.commandline.console import shown
from tracking.commandline.errors import UserError, unknown
from tracking.commandline.formatting import percent
from tracking.commandline.parser import Once, Parser
from tracking.commandline.paths import home
from tracking.commandline.program import run

if TYPE_CHECKING:
    from search.bundles.bundle import Manifest
    from search.bundles.chosen import ModelSource
    from search.bundles.ensemble import Ensemble
    from search.bundles.proof import Proof
    from search.datasets.cache import Dataset
    from tracking.models.registry import Registration
    from tracking.records import ScoreRecord, SourceRecord, StudyRecord, TrialRecord


_ON_THE_BORDER = 2.5  # texts whose label may change with the last digit of a probability


def main() -> int:
    """Parse, then write the study, or a trial's bundle."""
    arguments = _parser().parse_args()
    _refuse_idle(arguments)
    _refuse_early(arguments)

    from tracking import store

    root = home()
    study = store.read_study(root, arguments.study)
    if arguments.optuna is None:
        return _export(arguments, root, study)

    from search.engines.optuna.storage_copy import write_to
    from tracking.commandline.redaction import redact

    write_to(arguments.optuna, study)
    _say(f"{redact(arguments.optuna)}: study {study.plan.study}, {len(study.trials)} trials")
    return 0


def _export(arguments: argparse.Namespace, root: Path, study: StudyRecord) -> int:
    """Choose the trial, write the bundle, register it."""
    from search.bundles.chosen import ModelSource
    from tracking.models import registry

    source = ModelSource(arguments.retrain, arguments.refit)
    formats, trusted = arguments.format or NAMES, arguments.trust_code
    export = choose_export(
        root,
        study,
        arguments.trial,
        source,
        formats,
        trust_code=trusted,
        n_picks=arguments.ensemble,
    )
    trial, wanted = export.trial, None
    if arguments.register:
        _refuse_selection(arguments, export)
        names = (arguments.register, arguments.alias or "", arguments.force)
        wanted = registry.Registration(
            *names, study, trial, export.commit, arguments.refit, export.what
        )
        registry.check(root, wanted)
    manifest = export.write(arguments.out)
    if wanted is not None:
        _register(root, wanted, arguments.out, manifest)
    trust = " --trust-code" if study.plan.source_of(trial.family) else ""
    _say(f'next: python -m search.predict {arguments.out} "{study.plan.data.example}"{trust}')
    return 0


def _refuse_selection(arguments: argparse.Namespace, export: Export) -> None:
    """Leave an alias where it is, if an ensemble is better by selection alone."""
    if export.blended is None or not arguments.alias or arguments.force:
        return
    gain = export.blended.ensemble.held_out_gain
    if gain is None or gain <= 0:
        raise UserError(
            "on texts where none was picked the ensemble gains nothing, so the alias "
            f"{arguments.alias} is not moved to it; --force does."
        )


class Blended(NamedTuple):
    """An ensemble and its model of raw text."""

    ensemble: Ensemble
    model: Any


def _blended(root: Path, study: StudyRecord, data: Dataset | None, n: int) -> Blended:
    """Put together what a study has kept, and say what that is worth.

    Raises:
        UserError: if that cannot be done.
    """
    from search.bundles.card.content import worth
    from search.bundles.ensemble import choose

    if data is None:
        raise UserError(
            "members are picked on the validation texts, which are not prepared on this machine: "
            f"python -m search.run --study {study.plan.plan} --dry-run, with the --data of then "
            f"({study.plan.data.name}), prepares them."
        )
    found = Blended(*choose(root, study, data, n, _say))
    for one in found.ensemble.members:
        assert one.score is not None
        share = found.ensemble.weights[one.number]
        _say(
            f"  {percent(share)} trial {one.number} ({one.family}), alone "
            f"{percent(one.score.val_accuracy)} on validation"
        )
    _say(f"  over the best member alone: {worth(found.ensemble)}")
    return found


def choose_export(
    root: Path,
    study: StudyRecord,
    number: int | None,
    source: ModelSource,
    formats: Sequence[str],
    *,
    trust_code: bool,
    n_picks: int | None = None,
) -> Export:
    """Choose what is exported: a trial by its number, the best, or an ensemble of `n_picks`.

    Raises:
        UserError: if it has no model, or code of a person's own that is not trusted.
    """
    if n_picks is not None and (number is not None or source.trains):
        raise UserError(
            "an ensemble is picked among models as they were kept, so trial, refit and retrain "
            "mean nothing beside it."
        )
    from search.bundles.chosen import choose
    from search.bundles.ensemble import as_trial
    from search.datasets import cache
    from search.system.own_code import refuse_untrusted
    from tracking import store

    data = cache.find(study.plan.data)
    blended = None if n_picks is None else _blended(root, study, data, n_picks)
    trial = choose(study, number, source) if blended is None else as_trial(blended.ensemble)
    refuse_untrusted(study.plan.source_of(trial.family), f"study {study.plan.study}", trust_code)
    commit = store.command_of(root, trial).commit
    return Export(root, study, trial, source, tuple(formats), commit, data, blended)


@dataclass(frozen=True)
class Export:
    """A bundle to be written.

    Attributes:
        trial: with an ensemble, what stands for one (search.bundles.ensemble.as_trial).
        data: the prepared data of the study; None if they are not on this machine.
    """

    root: Path
    study: StudyRecord
    trial: TrialRecord
    source: ModelSource
    formats: tuple[str, ...]
    commit: str
    data: Dataset | None
    blended: Blended | None = None

    def write(self, out: Path) -> Manifest:
        """Get the model, write it in each format, measure it, write card and manifest; say so."""
        from search.bundles import bundle, formats
        from search.models import keras_loading
        from search.system import own_code
        from search.system.temporary import temporary_folder
        from tracking.models import source_files

        with temporary_folder(), tempfile.TemporaryDirectory(prefix="seqsearch-") as temporary:
            file = Path(temporary) / "model.keras"
            if self.code is not None:
                own_code.load(self.code)
            written = self._possible()  # before anything is trained for it
            n_refitted = self._get(file) if self.blended is None else 0
            model = self.blended.model if self.blended else keras_loading.load(file, self.code)
            with bundle.building(out) as folder:
                for name in written:
                    formats.write(name, model, folder, self.study.plan.data.classes, self.to_onnx)
                if self.code is not None:
                    source_files.write(folder, self.code)
                vocabulary = "\n".join(model.get_layer("encode").vocabulary)
                (folder / "vocabulary.txt").write_bytes(vocabulary.encode("utf-8"))
                manifest = self._finish(folder, written, n_refitted, Path(temporary))
        _say(
            f"{out}: {self.what} of {manifest.study}, "
            f"{percent(manifest.val_accuracy)} on validation"
            + (" before it was refitted" if manifest.refitted else "")
            + f"; {', '.join(manifest.formats)}"
        )
        return manifest

    @property
    def what(self) -> str:
        """Name what is exported, within its study."""
        if self.blended is None:
            return f"trial {self.trial.number}"
        members = self.blended.ensemble.members
        return f"an ensemble of trials {', '.join(str(one.number) for one in members)}"

    @property
    def code(self) -> SourceRecord | None:
        """The Python file that defines the trial's family; None where it is one of ours."""
        return self.study.plan.source_of(self.trial.family)

    @property
    def to_onnx(self) -> Callable[..., Any] | None:
        """The converter that a family of its own hands over; its file is loaded."""
        family = FAMILIES.get(self.trial.family)
        return None if self.code is None or family is None else family.to_onnx

    def _possible(self) -> tuple[str, ...]:
        """Return the formats that can be written: ONNX of own layers needs a converter.

        Raises:
            UserError: if there is no other.
        """
        if self.code is None or self.to_onnx is not None or "onnx" not in self.formats:
            return self.formats
        how = f"Family({self.trial.family!r}, build, to_onnx, ...)"
        if self.trial.family not in FAMILIES:
            how = "which a function build_model(hp) cannot"
        why = (
            f"onnx is left out: family {self.trial.family} is of {self.code.name} and hands over "
            f"no converter, {how}"
        )
        rest = tuple(name for name in self.formats if name != "onnx")
        if not rest:
            raise UserError(f"{why}.")
        _say(why)
        return rest

    def _get(self, file: Path) -> int:
        """Put the model there, and give the number of texts that it was refitted on."""
        from search.arrays import attach_recorded
        from search.bundles import chosen
        from tracking import store

        if self.trial.model and not self.source.refit:
            chosen.copy_kept(store.model_file(self.root, self.trial), file, self.trial)
            return 0
        if self.data is None:
            raise UserError(
                f"to train trial {self.trial.number} its data must be prepared on this machine: "
                f"python -m search.run --study {self.study.plan.plan} --dry-run, with the --data "
                f"of then ({self.study.plan.data.name}), prepares them."
            )
        read = self.data.arrays_of(self.trial.params)
        keys = {f"{name}={self.trial.params[name]}": array for name, array in read.items()}
        data = attach_recorded(self.data, keys, _say)
        what = "on training and validation part" if self.source.refit else "as it was"
        _say(f"training trial {self.trial.number} once more, {what}")
        folder = self.root / f"{self.trial.run_id}.training"
        with chosen.alone(folder, self.trial):
            values = (self.trial, data, self.source, file, folder)
            return chosen.train(*values, _say, code=self.code)

    def _finish(
        self, folder: Path, written: tuple[str, ...], n_refitted: int, temporary: Path
    ) -> Manifest:
        """Measure what lies in a folder; write the card, and the manifest last."""
        from search.bundles import bundle
        from search.bundles.card.content import write
        from search.bundles.card.facts import Facts
        from search.bundles.proof import prove
        from tracking.schema import environment

        classes, trial, score = self.study.plan.data.classes, self.trial, self.trial.score
        assert score is not None
        proof = prove(folder, written, classes, trial.params, self.data, source=self.code)
        off = abs(proof.accuracy - score.val_accuracy) * proof.n_texts
        if off > _ON_THE_BORDER and not n_refitted:
            raise RuntimeError(f"the bundle has {proof.accuracy}, the record {score.val_accuracy}")
        # Of two equals the first stays first.
        ranked = sorted(written, key=lambda name: bool(proof.n_texts) and name != proof.fastest)
        facts = Facts(
            self.study,
            trial,
            formats=tuple(ranked),
            proof=proof,
            before=self._before(temporary) if n_refitted else proof,
            commit=self.commit,
            machine=environment.machine(),
            n_refitted=n_refitted,
            on_board=folder.name,
            ensemble=self.blended.ensemble if self.blended else None,
        )
        write(facts, folder)
        return bundle.seal(folder, self._manifest(tuple(ranked), score, bool(n_refitted)))

    def _manifest(self, ranked: tuple[str, ...], score: ScoreRecord, refitted: bool) -> Manifest:
        from search.bundles.bundle import Manifest

        data, trial = self.study.plan.data, self.trial
        return Manifest(
            classes=data.classes,
            study=self.study.plan.study,
            trial=trial.number,
            family=trial.family,
            params=dict(trial.params),
            val_accuracy=score.val_accuracy,
            interval=(score.low, score.high),
            data=data.name,
            data_digest=data.digest,
            split_digest=data.split_digest,
            official_test_set=data.official,
            commit=self.commit,
            refitted=refitted,
            formats=ranked,
        )

    def _before(self, temporary: Path) -> Proof:
        """Measure the trial's own model, which the validation numbers belong to, if it is kept."""
        from search.bundles import chosen
        from search.bundles.proof import Proof, prove
        from tracking import store

        if not self.trial.model:
            return Proof()
        kept = store.model_file(self.root, self.trial)
        chosen.copy_kept(kept, temporary / "model.keras", self.trial)
        classes = self.study.plan.data.classes
        values = (classes, self.trial.params, self.data)
        return prove(temporary, ("keras",), *values, sizes=(), source=self.code)


def _register(root: Path, wanted: Registration, out: Path, manifest: Manifest) -> None:
    from search import served
    from tracking.models import registry

    card = (out / "card.md").read_text("utf-8")
    packages = ["seqsearch", "numpy", "pandas"]
    packages += ["onnxruntime"] if manifest.formats[0] == "onnx" else ["tensorflow", "keras"]
    version = registry.register(root, wanted, out, card, served.__name__, packages)
    alias = f", {wanted.alias} now names it" if wanted.alias else ""
    _say(f"registered: version {version} of {wanted.model}{alias}")


def _parser() -> Parser:
    parser = Parser("search.export", __doc__)
    parser.add_argument("--study", action=Once, required=True, metavar="NAME")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="DIR", help="a new folder for the model")
    where.add_argument(
        "--optuna",
        metavar="URL",
        help="an Optuna storage that all trials are written to, without a model: sqlite:///FILE",
    )
    parser.add_argument("--trial", type=_number, metavar="N", help="default: the best")
    parser.add_argument(
        "--ensemble",
        type=_picks,
        metavar="K",
        help="one model of several: the mean of K picks among the kept models, made on validation",
    )
    parser.add_argument(
        "--format",
        type=_formats,
        metavar="F[,F]",
        help=f"default: {','.join(NAMES)}",
    )
    parser.add_argument("--register", metavar="MODEL", help="also make a version of it in MLflow")
    parser.add_argument(
        "--alias", metavar="ALIAS", help="have it name that version, if it is better on validation"
    )
    add_trust(parser)
    parser.add_argument("--force", action="store_true", help="even if it is not better")
    parser.add_argument(
        "--refit",
        action="store_true",
        help="train once more, on training and validation part, with the best number of epochs",
    )
    parser.add_argument(
        "--retrain",
        action="store_true",
        help="train the trial again from its values and seed if its model was not kept",
    )
    return parser


def _refuse_idle(arguments: argparse.Namespace) -> None:
    """Refuse an option that would do nothing."""
    for option, needs in (("alias", "register"), ("force", "alias")):
        if getattr(arguments, option) and not getattr(arguments, needs):
            raise UserError(f"--{option} needs --{needs}.")
    of_a_model = ("trial", "ensemble", "format", "register", "refit", "retrain")
    for option in of_a_model if arguments.optuna is not None else ():
        given = getattr(arguments, option)
        if given is not None and given is not False:
            raise UserError(f"--{option} is for --out; --optuna writes the whole study.")
    if arguments.refit and arguments.retrain:
        raise UserError("--refit trains in any case; --retrain beside it means nothing.")


def _refuse_early(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work whatever the records say, before MLflow and Keras are loaded."""
    from search.bundles import bundle
    from tracking.connection.disk import refuse_unwritable
    from tracking.models.model_names import check_names

    if arguments.register is not None:
        check_names(arguments.register, arguments.alias or "")
    if arguments.out is not None:
        refuse_unwritable(arguments.out, folder=True)
        bundle.refuse_place(arguments.out.absolute())


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(str(unknown("format", name, NAMES)))
    return names


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a trial is a whole number, but got {text!r}")
    return int(text)


def _picks(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"picks are a whole number, but got {text!r}")
    return int(text)


def _say(line: str) -> None:
    print(shown(line), flush=True)


if __name__ == "__main__":
    run(main)
