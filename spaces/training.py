"""How a model is trained: ranges that every family shares."""

from spaces.ranges import Choice, Float, Int, Params, declare

TEACHER = "train.teacher"

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
    schedule=Choice(
        options=("cosine", "constant"),
        default="cosine",
        note="of the step size over all epochs; cosine: up in the first 5 % of steps, then to 0",
    ),
    global_clipnorm=Float(
        low=0.0,
        high=10.0,
        default=1.0,
        note="largest norm of a gradient, that of all weights together; 0 does not clip",
    ),
    weight_decay=Float(
        low=0.0,
        high=0.1,
        default=0.0,
        note="share of each weight taken off in a step, times the step size (AdamW)",
    ),
    ema_momentum=Float(
        low=0.0,
        high=0.999,
        default=0.0,
        note="what a running average keeps of the weights in a step; 0 does not average them",
    ),
    label_smoothing=Float(
        low=0.0, high=0.3, default=0.0, note="share of a label that is spread over all classes"
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

# A training as Keras has it unless told otherwise: that of each reference, and of trials that were
# recorded before 2026-11-29, which do not say.
PLAIN: Params = {
    "train.schedule": "constant",
    "train.global_clipnorm": 0.0,
    "train.weight_decay": 0.0,
    "train.ema_momentum": 0.0,
    "train.label_smoothing": 0.0,
}
