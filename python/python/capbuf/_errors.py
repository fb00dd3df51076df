"""What can go wrong: one base, a class for each kind, each also what Python has for its kind.

The compiled half of the package raises these, by name. Kinds of the core have its code, which is stable and the same in every
language.
"""

import errno
from typing import ClassVar

from ._spec import Spec


class Error(Exception):
    """The base of every exception of this package.

    The numbers of what went wrong are attributes. It can be pickled, as other processes may have to hear of it.
    """

    code: ClassVar[int | None] = None
    """The stable number of this kind in every language; None for kinds that only Python has, or capture."""

    _errno: ClassVar[int | None] = None

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message)
        if self._errno is not None:
            # An attribute of those kinds that are an OSError, too.
            setattr(self, "errno", self._errno)
        self.__dict__.update(fields)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArgument(Error, ValueError):
    """An argument is outside what is allowed. Nothing was changed; ask again with an allowed value."""

    code = 1
    what: str
    """The argument, by its name."""
    given: str
    """The value that was given."""
    allowed: str
    """What would have been accepted."""


class InvalidType(Error, TypeError):
    """An argument is of a type that it can't be."""

    what: str
    """The argument, by its name."""
    allowed: str
    """What would have been accepted."""


class InvalidSource(Error, ValueError):
    """A source name is empty, too long or holds control characters."""

    code = 2
    given: str
    """The name, without credentials, cut to a readable length."""
    reason: str


class SpecMismatch(Error, ValueError):
    """The source has a buffer of another shape, which stayed as it was. Use its shape, `existing`, or remove it first."""

    code = 3
    source: str
    """The source, without credentials."""
    existing: Spec
    requested: Spec


class AlreadyExists(Error, ValueError):
    """`Registry.allocate` was called for a source that has a buffer. Use `Registry.get_or_allocate` to share it."""

    code = 4
    source: str
    """The source, without credentials."""
    existing: Spec


class NotFound(Error, KeyError):
    """The source has no buffer; there is no such domain."""

    code = 5
    source: str
    """The source, without credentials."""


class OverBudget(Error, MemoryError):
    """The buffer would be larger than one may be, or the registry's budget has too little left."""

    code = 6
    requested_bytes: int
    used_bytes: int
    limit_bytes: int
    scope: str
    """Which limit: "one buffer", "one segment" or "the registry's budget"."""


class OutOfMemory(Error, MemoryError):
    """The operating system would not give the memory."""

    code = 7
    requested_bytes: int
    reason: str


class WriterBusy(Error, BlockingIOError):
    """Another writer holds the buffer, or is about to feed the source; there is one at a time, in all processes."""

    code = 8
    _errno = errno.EAGAIN
    source: str
    """The source, without credentials."""
    pid: int | None
    """The process that holds it; None in a private registry."""
    program: str | None
    """The name of its program."""


class Removed(Error, RuntimeError):
    """The buffer was removed from its registry: no more frames will come."""

    code = 9
    source: str
    """The source, without credentials."""


class NotYet(Error, BlockingIOError):
    """The span ends after the newest frame. Ask again at `expected_utc_ns`, or say ``wait=``."""

    code = 10
    _errno = errno.EAGAIN
    newest_frame: int
    """One past the newest frame that can be read."""
    missing_frames: int
    """How many frames are still to come."""
    expected_utc_ns: int | None
    """When the last of them is expected, in ns of UTC; None before the first write."""


class Evicted(Error, LookupError):
    """The span begins before the oldest frame that is still there. To take what is there, say ``available=True``."""

    code = 11
    oldest_frame: int
    """The oldest frame that can still be read."""
    oldest_utc_ns: int
    """Its time in ns of UTC."""


class InvalidRange(Error, ValueError):
    """The span is empty, reversed, or the last so much of a buffer that keeps less."""

    code = 12
    given: str
    reason: str


class TooSmall(Error, ValueError):
    """The array `out` is too small for the span. Nothing was written to it."""

    code = 13
    needed_samples: int
    given_samples: int


class FormatMismatch(Error, TypeError):
    """Samples of one type were given where another belongs."""

    code = 14
    given: str
    expected: str


class TimedOut(Error, TimeoutError):
    """The frames did not come within the time that the caller would wait."""

    code = 15
    waited_seconds: float


class AllocationPanicked(Error, RuntimeError):
    """Allocating a buffer failed in a way that is a defect of this library; the source can be asked for again."""

    code = 16
    source: str
    """The source, without credentials."""


class OutOfSpace(Error, OSError):
    """The shared memory of a domain is full. Nothing was left behind."""

    code = 17
    _errno = errno.ENOSPC
    requested_bytes: int
    free_bytes: int
    folder: str


class System(Error, OSError):
    """The operating system refused something to do with a domain's folder or files."""

    code = 18
    what: str
    """What was tried, with the file's path."""
    reason: str


class Forbidden(Error, PermissionError):
    """A domain's folder or file belongs to another user, or others may use it. It is not touched."""

    code = 19
    _errno = errno.EACCES
    path: str
    reason: str


class LayoutMismatch(Error, RuntimeError):
    """A buffer was made by a version of this library with another memory layout."""

    code = 20
    path: str
    found: int
    known: int


class Corrupt(Error, RuntimeError):
    """A buffer's memory contradicts itself: it was overwritten by something else. Remove it."""

    code = 21
    path: str
    reason: str


class TooManyProcesses(Error, OSError):
    """So many processes have the buffer mapped that no more can be counted."""

    code = 22
    _errno = errno.EUSERS
    source: str
    """The source, without credentials."""
    limit: int


class Forked(Error, RuntimeError):
    """The writer was taken by the process that this one was forked from."""

    code = 23
    source: str
    """The source, without credentials."""


class Closed(Error, ValueError):
    """Something is used that was closed, as a file is that was closed."""


class Busy(Error, RuntimeError):
    """Something is in use by another thread that one thread at a time may use, as a generator that is running already."""


class InvalidLocator(Error, ValueError):
    """A string names no source that could be recorded."""

    given: str
    reason: str
    allowed: str


class InvalidConfig(Error, ValueError):
    """A source or a trigger can't be configured like that. Nothing was changed."""

    source: str
    """Its name, without credentials."""
    reason: str
    """What is wrong, and what is allowed."""


class DeviceNotFound(Error, LookupError):
    """A host has no device of that name."""

    host: str
    name: str
    available: str
    """The names it knows."""


class HostUnavailable(Error, OSError):
    """The system of sound devices itself can't be reached."""

    _errno = errno.ENODEV
    host: str
    reason: str


class DeviceFailed(Error, OSError):
    """A device refuses, or went away."""

    _errno = errno.EIO
    name: str
    reason: str


class NotOffered(Error, ValueError):
    """The source can't deliver the rate, channels or sample format that were asked."""

    source: str
    requested: str
    offered: str


class Unreadable(Error, OSError):
    """A file can't be read."""

    _errno = errno.EIO
    path: str
    reason: str


class StreamFailed(Error, ConnectionError):
    """A stream was refused, is not audio, or ended."""

    _errno = errno.ECONNREFUSED
    source: str
    """The URL, without credentials."""
    reason: str


class FfmpegMissing(Error, FileNotFoundError):
    """Streams are read by the program ffmpeg, which is not there."""

    _errno = errno.ENOENT
    reason: str


class OpenTimedOut(Error, TimeoutError):
    """The source did not open in time."""

    source: str
    waited_seconds: float


class Stalled(Error, TimeoutError):
    """A source that had delivered audio fell silent: no data came, not even zeros."""

    source: str
    waited_seconds: float


class ClipFailed(Error, OSError):
    """A clip can't be written. There is no file under its name, or the one that was there before."""

    _errno = errno.EIO
    path: str
    reason: str


class ThreadFailed(Error, RuntimeError):
    """The system would not start a thread, or one ended by a defect of this library."""

    source: str
    reason: str
