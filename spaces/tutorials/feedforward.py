"""The tutorials' network that does not read in order."""

from spaces.plan import Reference
from spaces.tutorials.shared import text, train

FEEDFORWARD = (
    Reference(
        name="feedforward-dropout",
        family="feedforward",
        params={
            **text(),
            **train(epochs=2, batch_size=128),
            "feedforward.embedding_dim": 32,
            "feedforward.embedding_dropout": 0.0,
            "feedforward.pooling": "flatten",
            "feedforward.layers": 1,
            "feedforward.units": 250,
            "feedforward.layer_dropout": 0.2,
        },
        published=0.88,
        source="a basic feed-forward network with dropout, named in a tutorial's comments",
        note="its configuration was not published; ours is the usual one of that time",
    ),
)
