"""The error that this package raises."""


class WheelError(Exception):
    """No usable wheel; the message gives the cause and the fix."""
