"""The ways a trial ends without a result. Any other exception is a bug."""


class TrialFailed(Exception):
    """These values cannot be trained; the study goes on."""


class Died(TrialFailed):
    """Its process died. That need not be the values' fault, so it is continued once."""


class OutOfTime(Exception):
    """The study's time was used up while the trial ran."""
