"""The architecture families: the ranges of each, written out."""

from spaces.families.lstm import LSTM
from spaces.ranges import Space

FAMILIES: dict[str, Space] = {"lstm": LSTM}
