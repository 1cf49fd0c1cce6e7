"""How the parameters of a run lie in MLflow: as its parameters, the odd ones in params.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.entities import Param, Run

from tracking.connection.files import has, read_json
from tracking.records import Value

_PLAIN_NAME = re.compile(r"\w[\w. :-]{0,249}")  # MLflow takes more, but not quotes or "../"
_CUT = " ... (params.json)"  # the end of one that MLflow shows in part
_LONGEST, _SHOWN = 6_000, 500  # characters of a parameter: MLflow cuts without a word


def write_params(client: MlflowClient, run_id: str, params: Mapping[str, Value]) -> None:
    """Write parameters; what MLflow would refuse or cut is whole in params.json."""
    texts = {name: _dump(value) for name, value in params.items()}
    odd = {n: t for n, t in texts.items() if not _PLAIN_NAME.fullmatch(n) or len(t) > _LONGEST}
    if odd:
        client.log_dict(run_id, odd, "params.json")
    shown = {n: t if len(t) <= _LONGEST else t[:_SHOWN] + _CUT for n, t in texts.items()}
    values = [Param(n, t) for n, t in shown.items() if _PLAIN_NAME.fullmatch(n)]
    client.log_batch(run_id, params=values)


def read_params(client: MlflowClient, run: Run) -> dict[str, Value]:
    cut = any(text.endswith(_CUT) for text in run.data.params.values())
    odd = read_json(client, run, "params.json") if cut or has(client, run, "params.json") else {}
    return {name: _load(text) for name, text in {**run.data.params, **odd}.items()}


def _dump(value: Value) -> str:
    """Write a parameter so that `_load` gives it back: text as it is, unless it reads as JSON."""
    if isinstance(value, str) and _load(value) == value:
        return value
    return json.dumps(value)


def _load(text: str) -> Value:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (bool, int, float, str)) else text
