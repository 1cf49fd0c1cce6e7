"""A family: an architecture's ranges, and the function that builds its models."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spaces.ranges import Range, check, defaults

SHARED = ("model", "text", "train")  # prefixes that are no family's
ENSEMBLE = "ensemble"  # in place of a family, where an exported model is several
_TAKEN = (*SHARED, ENSEMBLE)


class Family(Mapping[str, Range]):
    """An architecture. It is the mapping of its ranges by their full names, "lstm.units".

    Args:
        name: lower-case letters, digits and "_"; the prefix of its hyperparameters.
        build: build(n_tokens, maxlen, n_classes, masked, *, <its ranges>) -> keras.Model of int32
            ids (batch, length) to probabilities, (batch, 1) for two classes and (batch, n_classes)
            for more. A range that depends on others (`when`) is left out of a call where it is not
            there. `masked`: padding is behind and to be ignored. Text such as
            "package.module:build" is loaded when a model is built, so that who only reads the
            ranges needs no Keras.
        to_onnx: to_onnx(model, n_classes) -> onnx.ModelProto with the input ids and the output
            probabilities, (batch, n_classes); without it there is no ONNX of a family's own.

    Raises:
        ValueError: if a default lies outside its range, a range depends on what is not before it,
            or `build` does not take the ranges.

    Attributes:
        without: names of shared hyperparameters, such as train.learning_rate, that its trials do
            not have.
        takes_params: whether `build` takes all values of a trial, as params, and not its ranges.
    """

    without: frozenset[str] = frozenset()
    takes_params = False

    def __init__(
        self,
        name: str,
        build: Callable[..., Any] | str,
        to_onnx: Callable[..., Any] | None = None,
        /,
        **ranges: Range,
    ) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or name in _TAKEN:
            raise ValueError(
                f"a family's name has up to 40 lower-case letters, digits and _, and is none of "
                f"{', '.join(_TAKEN)}, but got {name!r}."
            )
        self.name = name
        self.build = build
        self.to_onnx = to_onnx
        self._space = {f"{name}.{bare}": range_ for bare, range_ in ranges.items()}
        for bare, range_ in ranges.items():
            if not isinstance(range_, Range):
                raise ValueError(
                    f"family {name}: {bare} must be an Int, Float or Choice, but got {range_!r}."
                )
        for place, (full, range_) in enumerate(self._space.items()):
            before = list(self._space)[:place]
            for other, _ in range_.when:
                if other not in before and other.partition(".")[0] not in SHARED:
                    raise ValueError(
                        f"family {name}: {full} may depend on a range before it, of "
                        f"{', '.join(before) or 'none'}, but got {other!r}."
                    )
        check(self._space, defaults(self._space), of=f"family {name}, default")
        if not isinstance(build, str) and not self.takes_params:
            try:
                inspect.signature(build).bind(0, 0, 2, True, **ranges)
            except TypeError as error:
                raise ValueError(
                    f"family {name}: {build.__name__}(n_tokens, maxlen, n_classes, masked, *, "
                    f"{', '.join(ranges)}) is called, but {error}."
                ) from None

    def __getitem__(self, name: str) -> Range:
        return self._space[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._space)

    def __len__(self) -> int:
        return len(self._space)

    def __repr__(self) -> str:
        return f"Family({self.name!r})"
