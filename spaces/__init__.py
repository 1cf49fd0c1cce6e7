"""What may vary: ranges, families, studies and published references, as plain data."""

from spaces.family import Family
from spaces.ranges import Choice, Float, Int
from spaces.study import Study

__all__ = ["Choice", "Family", "Float", "Int", "Study"]
