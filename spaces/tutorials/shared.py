"""Where the tutorials come from, and what several of them share."""

from spaces.ranges import Params
from spaces.training import PLAIN

TUTORIAL = (
    "Sequence Classification with LSTM Recurrent Neural Networks in Python with Keras, "
    "machinelearningmastery.com"
)
LAB = "a course's lab sheet on the same tutorial"
NOTEBOOK = "a public notebook on full-length reviews"


def text(vocab_size: int = 5_000, maxlen: int = 500) -> Params:
    """The end of the review, padded in front, without a mask: as in each of the tutorials."""
    return {
        "text.vocab_size": vocab_size,
        "text.maxlen": maxlen,
        "text.truncating": "pre",
        "text.padding": "full",
        "text.vectors": "random",
    }


def train(epochs: int = 3, batch_size: int = 64) -> Params:
    """Adam at its defaults; a patience as long as the training, for no tutorial stops early."""
    return {
        **PLAIN,
        "train.epochs": epochs,
        "train.patience": epochs,
        "train.batch_size": batch_size,
        "train.learning_rate": 1e-3,
        "train.teacher": "none",
        "train.teacher_strength": 1.0,  # of none
    }


FULL_LENGTH: Params = {**text(maxlen=2_500), **train(epochs=12, batch_size=512)}
