"""The next proposal, as a function of the history of trials."""
