"""What each engine offers, importable without the engine: `--help` needs it at once."""

SAMPLERS = ("tpe", "random")
PRUNERS = ("median", "hyperband", "none")
