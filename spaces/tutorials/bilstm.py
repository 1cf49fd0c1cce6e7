"""The tutorials' bidirectional LSTMs."""

from spaces.plan import Reference
from spaces.ranges import Params
from spaces.tutorials.shared import FULL_LENGTH, NOTEBOOK, text, train

_BILSTM: Params = {
    "bilstm.embedding_dropout": 0.0,
    "bilstm.layers": 1,
    "bilstm.taper": 1.0,
    "bilstm.input_dropout": 0.0,
    "bilstm.layer_dropout": 0.0,
    "bilstm.output_dropout": 0.0,
    "bilstm.dropout": 0.0,
    "bilstm.recurrent_dropout": 0.0,
    "bilstm.pooling": "last",
}

BILSTM = (
    Reference(
        name="bilstm-stacked",
        family="bilstm",
        params={
            **_BILSTM,
            **text(),
            **train(batch_size=512),
            "bilstm.embedding_dim": 64,
            "bilstm.layers": 2,
            "bilstm.units": 32,
            "bilstm.taper": 0.5,
            "bilstm.input_dropout": 0.3,
            "bilstm.layer_dropout": 0.2,
        },
        published=0.8517,
        source=f"{NOTEBOOK}, two layers",
        note="its maxlen was not published; ours is 500",
    ),
    Reference(
        name="bilstm-keras-docs",
        family="bilstm",
        params={
            **_BILSTM,
            **text(vocab_size=20_000, maxlen=200),
            **train(epochs=2, batch_size=32),
            "bilstm.embedding_dim": 128,
            "bilstm.layers": 2,
            "bilstm.units": 64,
        },
        published=0.868,
        source="Bidirectional LSTM on IMDB, Keras code examples, 2020",
    ),
)

BILSTM_FULL_LENGTH = (
    Reference(
        name="bilstm16-full-length",
        family="bilstm",
        params={**_BILSTM, **FULL_LENGTH, "bilstm.embedding_dim": 16, "bilstm.units": 16},
        published=0.8526,
        source=NOTEBOOK,
        split="part-15000",
    ),
)
