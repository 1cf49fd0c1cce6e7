"""How a model is trained: ranges that every family shares."""

from spaces.ranges import Choice, Float, Int, declare

TEACHER = "train.teacher"

TRAIN = declare(
    __file__,
    "train",
    epochs=Int(
        low=1,
        high=15,
        default=5,
        note="passes over the training reviews at most; early stopping may end sooner",
    ),
    batch_size=Int(low=16, high=512, default=128, log=True, note="reviews in one gradient step"),
    learning_rate=Float(low=1e-4, high=1e-2, default=2e-3, log=True, note="step size of Adam"),
    patience=Int(
        low=1,
        high=15,
        default=2,
        note="epochs without a better validation accuracy before training stops",
    ),
    teacher=Choice(
        options=("none", "nbsvm"),
        default="none",
        note="a model fitted on the training part, from whose labels of the unlabelled texts we "
        "learn too",
    ),
    teacher_strength=Float(
        low=0.25,
        high=4.0,
        default=2.5,
        log=True,
        note="with a teacher: unlabelled texts in an epoch for each labelled one, at most all",
    ),
)
