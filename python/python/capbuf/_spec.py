"""The shape of a buffer."""

from typing import TypedDict


class Spec(TypedDict):
    """The shape of a buffer, as the keyword arguments of `Registry.allocate`.

    Examples
    --------
    >>> import capbuf
    >>> registry = capbuf.Registry.private()
    >>> left = registry.allocate("left", seconds=10, sample_rate_hz=44100, sample_format="f32")
    >>> right = registry.allocate("right", **left.spec)
    >>> right.spec
    {'seconds': 10.0, 'sample_rate_hz': 44100, 'channels': 1, 'sample_format': 'f32'}
    """

    seconds: float
    """The length of the buffer."""
    sample_rate_hz: int
    """Frames a second."""
    channels: int
    """Samples a frame."""
    sample_format: str
    """The format of a sample: "s16", "s24", "s32" or "f32"."""
