"""How a model is trained: ranges that every family shares."""

from spaces.ranges import Float, Int, declare

TRAIN = declare(
    __file__,
    "train",
    epochs=Int(
        low=1,
        high=15,
        default=5,
        note="passes over the training texts at most; early stopping may end sooner",
    ),
    batch_size=Int(low=16, high=512, default=128, log=True, note="texts in one gradient step"),
    learning_rate=Float(low=1e-4, high=1e-2, default=2e-3, log=True, note="step size of Adam"),
    patience=Int(
        low=1,
        high=15,
        default=2,
        note="epochs without a better validation accuracy before training stops",
    ),
)
