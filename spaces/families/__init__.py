"""The architecture families: ours written out, others by name once they are registered."""

from spaces.families.bilstm import BILSTM
from spaces.families.cnn import CNN
from spaces.families.cnn_lstm import CNN_LSTM
from spaces.families.feedforward import FEEDFORWARD
from spaces.families.gru import GRU
from spaces.families.lstm import LSTM
from spaces.families.nbsvm import NBSVM
from spaces.families.ngram import NGRAM
from spaces.family import SHARED, Family
from spaces.layers import EMBEDDING
from spaces.ranges import Choice, Space, join, unknown
from spaces.text import TEXT, VECTORS
from spaces.training import TRAIN

# By name; a study that brings a family of its own adds it, in the process where it is loaded.
FAMILIES: dict[str, Family] = {
    family.name: family for family in (BILSTM, CNN, CNN_LSTM, FEEDFORWARD, GRU, LSTM, NBSVM, NGRAM)
}
OURS = frozenset(FAMILIES)
GROUP = "seqsearch.families"  # the entry point of a package that brings a family

FAMILY = "model.family"  # the hyperparameter of a study over several families

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
    if family in FAMILIES and name in FAMILIES[family].without:
        return False
    return prefix == family or prefix in SHARED


def register(family: Family) -> None:
    """Make a family known by its name.

    Raises:
        ValueError: if it is the name of one of ours.
    """
    if family.name in OURS and FAMILIES[family.name] is not family:
        raise ValueError(f"family {family.name} is one of ours; give yours another name.")
    FAMILIES[family.name] = family


def find(name: str) -> Family:
    """Return the family of a name: registered, or of an installed package.

    Raises:
        ValueError: if there is none.
    """
    from importlib.metadata import entry_points  # here, for it takes its time

    installed = entry_points(group=GROUP)
    if name not in FAMILIES and name in installed.names:
        family = installed[name].load()
        if not isinstance(family, Family) or family.name != name:
            raise ValueError(f"the entry point {name} of {GROUP} is no Family of this name.")
        register(family)
    if name not in FAMILIES:
        raise ValueError(unknown("family", name, {*FAMILIES, *installed.names}))
    return FAMILIES[name]


def space_of(*families: str) -> Space:
    """Join what these families share with the ranges of each.

    With several, the family is a hyperparameter too, and the first is its default.

    Raises:
        ValueError: if there is no such family, or none is named.
    """
    own = [find(family) for family in families]
    if not own:
        raise ValueError("a study needs a family, but got none.")
    spaces = [TEXT, TRAIN, *own]
    if len(families) > 1:
        choice = Choice(options=families, default=families[0], note="the architecture")
        spaces.insert(0, {FAMILY: choice})
    return {
        name: range_
        for name, range_ in join(*spaces).items()
        if any(applies(name, family) for family in families)
    }
