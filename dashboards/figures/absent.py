"""A figure that cannot be drawn says why."""


class Absent(Exception):
    """Raised by a figure's `table`: there is nothing to draw; its text is the reason."""
