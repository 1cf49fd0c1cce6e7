"""The architecture families: the ranges of each, written out."""

from spaces.families.bilstm import BILSTM
from spaces.families.cnn import CNN
from spaces.families.cnn_lstm import CNN_LSTM
from spaces.families.feedforward import FEEDFORWARD
from spaces.families.gru import GRU
from spaces.families.lstm import LSTM
from spaces.families.nbsvm import NBSVM
from spaces.families.ngram import NGRAM
from spaces.ranges import Choice, Space, join
from spaces.text import TEXT
from spaces.training import TRAIN

FAMILIES: dict[str, Space] = {
    "bilstm": BILSTM,
    "cnn": CNN,
    "cnn_lstm": CNN_LSTM,
    "feedforward": FEEDFORWARD,
    "gru": GRU,
    "lstm": LSTM,
    "nbsvm": NBSVM,
    "ngram": NGRAM,
}

FAMILY = "model.family"  # the hyperparameter of a study over several families


def space_of(*families: str) -> Space:
    """Join what these families share with the ranges of each.

    With several, the family is a hyperparameter too, and the first is its default.
    """
    own = [FAMILIES[family] for family in families]
    if len(families) == 1:
        return join(TEXT, TRAIN, *own)
    choice = Choice(options=families, default=families[0], note="the architecture")
    return join({FAMILY: choice}, TEXT, TRAIN, *own)


for _family, _space in FAMILIES.items():
    for _name in _space:
        if not _name.startswith(f"{_family}."):
            raise ValueError(
                f"spaces/families/{_family}.py: {_name} must begin with {_family!r} and a dot."
            )
