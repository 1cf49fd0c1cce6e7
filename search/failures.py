"""The two ways a trial ends without a result. Any other exception is a bug."""


class TrialFailed(Exception):
    """These values cannot be trained; the study goes on."""


class OutOfTime(Exception):
    """The study's time was used up while the trial ran."""
