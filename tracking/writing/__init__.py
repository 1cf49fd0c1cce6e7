"""A study and its trials, open for writing."""
