"""A Keras Tuner function, build_model(hp), as a family: read by dry builds, built by its values.

Keras Tuner learns of a hyperparameter when a build asks for it. A study of ours knows its space
beforehand, so the function is built once with its defaults, and once with each option of what it
asks for and both ends of each whole number, which shows what is asked for there only.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from search.system.keras_backend import keras, silenced, tf  # before Keras Tuner, which loads it

with silenced():
    import keras_tuner
    from keras_tuner.engine import hyperparameters as kinds

from search.system.own_code import defines, told, what
from spaces.families import OURS
from spaces.family import SHARED, Family
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Range, Value, When, is_fixed
from spaces.studies import STUDIES
from spaces.study import Study
from spaces.text import TEXT
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import LINE, plain
from tracking.records import SourceRecord

Function = Callable[[Any], Any]

# What a function decides by the optimizer that it compiles with.
_OF_THE_OPTIMIZER = frozenset(
    f"train.{name}"
    for name in ("learning_rate", "schedule", "global_clipnorm", "weight_decay", "ema_momentum")
)
_MOST_BUILDS = 150
_MOST_OPTIONS = 16  # of more, the first and the last are tried
_VOCAB_SIZE, _MAXLEN, _PADDING = "text.vocab_size", "text.maxlen", "text.padding"


@dataclass(frozen=True)
class ModelFunction:
    """Builds models from the values of a trial."""

    function: Function
    family: str

    def __call__(
        self, n_tokens: int, maxlen: int, n_classes: int, masked: bool, *, params: Any
    ) -> Any:
        """Build a model, which keeps the optimizer that it was compiled with.

        Raises:
            UserError: if the function asks for what no dry build has met.
        """
        hp = keras_tuner.HyperParameters()
        given = {name.removeprefix(f"{self.family}."): value for name, value in params.items()}
        hp.values = dict(given)
        model = self.function(hp)
        unknown = sorted(set(hp.values) - set(given))
        if unknown:
            raise UserError(
                f"{self.function.__name__} asks for {', '.join(map(plain, unknown))} with these "
                "values only, which no dry build has met: ask for it with the defaults, or with "
                "one other value, too."
            )
        return with_input(model, None if masked else maxlen)


class FunctionFamily(Family):
    """A family whose models come from a Keras Tuner function.

    Args:
        ranges: by the names that the function has for them; a process that trains needs none.
    """

    takes_params = True

    def __init__(
        self,
        name: str,
        function: Function,
        ranges: Mapping[str, Range] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(name, ModelFunction(function, name), **(ranges or {}))
        self.without = without


def with_input(model: Any, length: int | None) -> Any:
    """Put the input of token ids before a Sequential model that has none.

    Args:
        length: of every text; None where it differs.
    """
    if not isinstance(model, keras.Sequential) or model.built:
        return model
    ids = keras.Input((length,), dtype="int32", name="ids")
    outputs = ids
    for layer in model.layers:
        outputs = layer(outputs)
    found = keras.Model(ids, outputs, name=model.name)
    if model.compiled:
        found.compile(optimizer=model.optimizer)
    return found


@dataclass
class _Seen:
    """What dry builds have shown.

    Attributes:
        asked: by name, each with a range and what it depends on; a name may stand in two scopes.
        n_tokens: rows of the embedding, of each build.
        lengths: that the input has, of each build; None is any.
        compiled: whether the first build was.
    """

    asked: dict[str, list[tuple[Range, When]]] = field(default_factory=dict)
    n_tokens: set[int] = field(default_factory=set)
    lengths: set[int | None] = field(default_factory=set)
    compiled: bool = False


def read(function: Function, source: SourceRecord) -> StudyPlan:
    """Read a function as a study of everything that it asks for; its family is registered.

    Raises:
        UserError: if it does not build, or asks for what cannot be searched.
    """
    name = _name(source, function)
    try:
        seen = _dry_builds(function, source, name)
        plan = _plan(function, source, name, seen)
    except ValueError as error:
        raise UserError(f"{source.name}: {plain(str(error), LINE)}") from None
    defines(source, name)
    return plan


def _name(source: SourceRecord, function: Function) -> str:
    """Name study and family after the file, or the function where that name is taken."""
    stem = source.module.rpartition(".")[2] or Path(source.name).stem
    for name in (stem, function.__name__):
        found = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
        if re.match("[a-z]", found) and found not in {*SHARED, *OURS, *STUDIES}:
            return found
    raise UserError(
        f"a study is named after its file, or its function, but {stem} and "
        f"{function.__name__} are names of ours: rename one."
    )


def _plan(function: Function, source: SourceRecord, name: str, seen: _Seen) -> StudyPlan:
    ranges = {asked: _merged(asked, found) for asked, found in seen.asked.items()}
    own = {n: range_ for n, range_ in ranges.items() if not _is_shared(n)}
    shared = {n: range_ for n, range_ in ranges.items() if _is_shared(n)}
    for asked, range_ in shared.items():
        if range_.when:
            raise ValueError(f"{asked} is of every trial, so it cannot stand in a scope.")
    fixed = {n: range_.default for n, range_ in shared.items() if is_fixed(range_)}
    without = _OF_THE_OPTIMIZER - set(shared) if seen.compiled else frozenset()
    family = FunctionFamily(name, function, own, without)
    plan = Study(
        name,
        f"Which values of {function.__name__}(hp) in {source.name} are best?",
        families=[family],
        values={**_of_the_input(seen, shared), **fixed},
        defaults={} if _PADDING in shared else {_PADDING: "full"},
        ranges={n: range_ for n, range_ in shared.items() if n not in fixed},
    )
    searched = [n for n in family if not is_fixed(family[n])]
    plan = replace(plan, searched=(*plan.searched, *searched))
    if not plan.searched:
        raise ValueError(f"{function.__name__} asks hp for nothing that could be searched.")
    return plan


def _of_the_input(seen: _Seen, shared: Mapping[str, Range]) -> dict[str, Value]:
    """Return vocabulary and length of the texts that the function has written into its layers."""
    found: dict[str, Value] = {}
    lengths = {n for n in seen.lengths if n is not None}
    for name, sizes, what_has in (
        (_VOCAB_SIZE, seen.n_tokens, "Embedding"),
        (_MAXLEN, lengths, "Input"),
    ):
        if not sizes or name in shared:
            continue
        if len(sizes) > 1:
            raise ValueError(
                f"its {what_has} has a size of {' or '.join(map(str, sorted(sizes)))}: ask hp for "
                f'it as "{name}", so that the texts are prepared for it.'
            )
        most = getattr(TEXT[name], "most", None)
        found[name] = min(sizes) if most is None else min(*sizes, most)
    return found


def _dry_builds(function: Function, source: SourceRecord, family: str) -> _Seen:
    with suppress(RuntimeError):  # a GPU is for the trials; or it is in use here already
        tf.config.set_visible_devices([], "GPU")
    seen = _Seen()
    tried: set[frozenset[tuple[str, Any]]] = set()
    waiting: deque[dict[str, Any]] = deque([{}])
    while waiting and len(tried) < _MOST_BUILDS:
        values = waiting.popleft()
        key = frozenset(values.items())
        if key in tried:
            continue
        tried.add(key)
        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        try:
            model = function(hp)
        except Exception as error:
            if values:
                continue  # a trial with these values fails, and says so
            raise UserError(told(error, source) or f"{source.name}: {what(error)}") from None
        if not values:
            seen.compiled = isinstance(model, keras.Model) and bool(model.compiled)
        _note_input(seen, model)
        for one in hp.space:
            if _note(seen, one, family):
                waiting += [{**values, one.name: other} for other in _others(one)]
        for scope in hp.inactive_scopes:
            waiting.append({**values, **{one.name: one.values[0] for one in scope}})
    return seen


def _note(seen: _Seen, one: Any, family: str) -> bool:
    """Note what was asked for; return whether it is new."""
    when = tuple((_full(c.name, family), tuple(c.values)) for c in one.conditions)
    found = seen.asked.setdefault(one.name, [])
    entry = _range(one), when
    if entry in found:
        return False
    found.append(entry)
    return True


def _note_input(seen: _Seen, model: Any) -> None:
    if not isinstance(model, keras.Model):
        return  # it is refused before any trial, with the right words
    if model.built and len(shape := tuple(model.input_shape)) == 2:
        seen.lengths.add(shape[1])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding):
            seen.n_tokens.add(int(layer.input_dim))
            return


def _others(one: Any) -> Iterator[Any]:
    """Yield the values that may show more hyperparameters than the default does."""
    if isinstance(one, kinds.Int):
        ends = [one.min_value, one.max_value]
    elif isinstance(one, kinds.Choice | kinds.Boolean):
        options = list(one.values)
        ends = options if len(options) <= _MOST_OPTIONS else [options[0], options[-1]]
    else:
        return
    yield from (value for value in ends if value != one.default)


def _range(one: Any) -> Range:
    """Write one of Keras Tuner's hyperparameters as a range of ours.

    Raises:
        ValueError: if there is no such range.
    """
    if not re.fullmatch(r"[\w. /-]{1,100}", one.name):
        raise ValueError(
            f"a hyperparameter's name has up to 100 letters, digits, _, -, /, . and blanks, but "
            f"got {plain(one.name)!r}."
        )
    note = f"hp.{type(one).__name__} of the function"
    if isinstance(one, kinds.Fixed):
        if not isinstance(one.value, bool | int | float | str):
            raise ValueError(f"hp.Fixed({one.name!r}) must be a number, bool or text.")
        return Choice((one.value,), default=one.value, note=note)
    if isinstance(one, kinds.Boolean):
        return Choice((False, True), default=one.default, note=note)
    if isinstance(one, kinds.Choice):
        return Choice(tuple(one.values), default=one.default, note=note)
    if one.sampling == "reverse_log":
        raise ValueError(f"{one.name} must be spread linear or log, but got reverse_log.")
    whole = isinstance(one, kinds.Int)
    if one.step is None or (whole and one.step == 1 and one.sampling == "linear"):
        kind: type[Int | Float] = Int if whole else Float
        ends = one.min_value, one.max_value
        return kind(*ends, default=one.default, log=one.sampling == "log", note=note)
    values = {int(v) if whole else round(float(v), 12) for v in (*one.values, one.default)}
    return Choice(tuple(sorted(values)), default=one.default, note=note)


def _merged(name: str, found: list[tuple[Range, When]]) -> Range:
    """Make one range of a hyperparameter that may stand in several scopes."""
    first, when = found[0]
    for other, also in found[1:]:
        if other != first:
            raise ValueError(f"{name} must have one range, but has {first} and {other}.")
        if when and also and when[:-1] == also[:-1] and when[-1][0] == also[-1][0]:
            values = tuple(dict.fromkeys([*when[-1][1], *also[-1][1]]))
            when = (*when[:-1], (when[-1][0], values))
        else:  # no single condition says it: every trial has it
            when = ()
    return replace(first, when=when)


def _is_shared(name: str) -> bool:
    return name.partition(".")[0] in SHARED and "." in name


def _full(name: str, family: str) -> str:
    return name if _is_shared(name) else f"{family}.{name}"
