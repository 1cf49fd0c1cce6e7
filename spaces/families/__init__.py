"""The architecture families: the ranges of each, written out."""

from spaces.families.bilstm import BILSTM
from spaces.families.cnn import CNN
from spaces.families.cnn_lstm import CNN_LSTM
from spaces.families.feedforward import FEEDFORWARD
from spaces.families.gru import GRU
from spaces.families.lstm import LSTM
from spaces.families.nbsvm import NBSVM
from spaces.families.ngram import NGRAM
from spaces.layers import EMBEDDING
from spaces.ranges import Choice, Space, join, unknown
from spaces.text import TEXT, VECTORS
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
SHARED = ("model", "text", "train")  # prefixes that are no family's

# The families that turn each word into a vector.
EMBEDS_WORDS = tuple(
    family
    for family, space in FAMILIES.items()
    if {f"{family}.{name}" for name in EMBEDDING} <= set(space)
)


def applies(name: str, family: str) -> bool:
    """Return whether the trials of a family have this hyperparameter."""
    prefix = name.partition(".")[0]
    if name == VECTORS:
        return family in EMBEDS_WORDS
    return prefix == family or prefix in SHARED


def space_of(*families: str) -> Space:
    """Join what these families share with the ranges of each.

    With several, the family is a hyperparameter too, and the first is its default.

    Raises:
        ValueError: if there is no such family, or none is named.
    """
    for family in families:
        if family not in FAMILIES:
            raise ValueError(unknown("family", family, FAMILIES))
    if not families:
        raise ValueError("a study needs a family, but got none.")
    spaces = [TEXT, TRAIN, *(FAMILIES[family] for family in families)]
    if len(families) > 1:
        choice = Choice(options=families, default=families[0], note="the architecture")
        spaces.insert(0, {FAMILY: choice})
    return {
        name: range_
        for name, range_ in join(*spaces).items()
        if any(applies(name, family) for family in families)
    }


for _family, _space in FAMILIES.items():
    for _name in _space:
        if not _name.startswith(f"{_family}."):
            raise ValueError(
                f"spaces/families/{_family}.py: {_name} must begin with {_family!r} and a dot."
            )
