"""Exceptions: one base class, and a class for each kind that also derives from a built-in.

The compiled module raises them by name. Kinds of the core have its error code, which is stable and
the same in every language.
"""

import errno
from typing import ClassVar

from ._spec import Spec


class Error(Exception):
    """The base class of every exception of this package.

    The numbers of an error are attributes. Can be pickled, for other processes.
    """

    code: ClassVar[int | None] = None
    """The error code of the core; None for kinds of Python or of sources."""

    _errno: ClassVar[int | None] = None

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message)
        if self._errno is not None:
            # Exists on subclasses of OSError only.
            setattr(self, "errno", self._errno)
        self.__dict__.update(fields)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArgument(Error, ValueError):
    """An argument is outside of what is allowed. Nothing changed."""

    code = 1
    what: str
    """The name of the argument."""
    given: str
    """The value of the argument."""
    allowed: str
    """The accepted values."""


class InvalidType(Error, TypeError):
    """An argument has a type that is not accepted."""

    what: str
    """The name of the argument."""
    allowed: str
    """The accepted types."""


class InvalidSource(Error, ValueError):
    """A source name is empty, too long or contains control characters."""

    code = 2
    given: str
    """The name, without credentials, truncated."""
    reason: str


class SpecMismatch(Error, ValueError):
    """The source has a buffer of another shape, which is unchanged.

    Use that shape, `existing`, or remove the buffer first.
    """

    code = 3
    source: str
    """The source, without credentials."""
    existing: Spec
    requested: Spec


class AlreadyExists(Error, ValueError):
    """`Registry.allocate` was called for a source that has a buffer.

    `Registry.get_or_allocate` shares the buffer.
    """

    code = 4
    source: str
    """The source, without credentials."""
    existing: Spec


class NotFound(Error, KeyError):
    """The source has no buffer, or the domain does not exist."""

    code = 5
    source: str
    """The source, without credentials."""


class OverBudget(Error, MemoryError):
    """The buffer exceeds the limit of one buffer, or the rest of the registry's budget."""

    code = 6
    requested_bytes: int
    used_bytes: int
    limit_bytes: int
    scope: str
    """The limit: "one buffer", "one segment" or "the registry's budget"."""


class OutOfMemory(Error, MemoryError):
    """The operating system refused the memory."""

    code = 7
    requested_bytes: int
    reason: str


class WriterBusy(Error, BlockingIOError):
    """The buffer has a writer, or the source is claimed; one at a time among all processes."""

    code = 8
    _errno = errno.EAGAIN
    source: str
    """The source, without credentials."""
    pid: int | None
    """The process of the writer; None in a private registry."""
    program: str | None
    """The name of the program."""


class Removed(Error, RuntimeError):
    """The buffer was removed from its registry: no more frames are written."""

    code = 9
    source: str
    """The source, without credentials."""


class NotYet(Error, BlockingIOError):
    """The span ends after the newest frame.

    Read again at `expected_utc_ns`, or pass ``wait=``.
    """

    code = 10
    _errno = errno.EAGAIN
    newest_frame: int
    """One past the newest readable frame."""
    missing_frames: int
    """The number of frames that are not recorded yet."""
    expected_utc_ns: int | None
    """The time at which the last of them is expected, in ns of UTC; None before the first write."""


class Evicted(Error, LookupError):
    """The span begins before the oldest readable frame.

    ``available=True`` reads the frames that are left.
    """

    code = 11
    oldest_frame: int
    """The oldest readable frame."""
    oldest_utc_ns: int
    """The time of that frame, in ns of UTC."""


class InvalidRange(Error, ValueError):
    """The span is empty, reversed or longer than the buffer."""

    code = 12
    given: str
    reason: str


class TooSmall(Error, ValueError):
    """The array `out` is too small for the span. Nothing was written to it."""

    code = 13
    needed_samples: int
    given_samples: int


class FormatMismatch(Error, TypeError):
    """The samples have another format than expected."""

    code = 14
    given: str
    expected: str


class TimedOut(Error, TimeoutError):
    """The frames were not recorded within `wait`."""

    code = 15
    waited_seconds: float


class AllocationPanicked(Error, RuntimeError):
    """Allocation panicked, a defect of this library. The call may be repeated."""

    code = 16
    source: str
    """The source, without credentials."""


class OutOfSpace(Error, OSError):
    """The shared memory of the domain is full. Nothing was allocated."""

    code = 17
    _errno = errno.ENOSPC
    requested_bytes: int
    free_bytes: int
    folder: str


class System(Error, OSError):
    """The operating system refused an operation on the folder or a file of a domain."""

    code = 18
    what: str
    """The operation, with the path of the file."""
    reason: str


class Forbidden(Error, PermissionError):
    """The folder or a file of a domain belongs to another user, or others may access it."""

    code = 19
    _errno = errno.EACCES
    path: str
    reason: str


class LayoutMismatch(Error, RuntimeError):
    """The buffer was allocated by a version of this library with another memory layout."""

    code = 20
    path: str
    found: int
    known: int


class Corrupt(Error, RuntimeError):
    """The memory of the buffer is inconsistent: something else overwrote it. Remove it."""

    code = 21
    path: str
    reason: str


class Forked(Error, RuntimeError):
    """The handle belongs to the process that this one was forked from: it can only be read with.

    Open the domain again in this process for all else.
    """

    code = 23
    what: str
    """The handle, with its source, without credentials."""


class Closed(Error, ValueError):
    """A method was called after `close`."""


class Busy(Error, RuntimeError):
    """The object is in use by another thread, and only one at a time may use it."""


class InvalidLocator(Error, ValueError):
    """The string is no locator of a source."""

    given: str
    reason: str
    allowed: str


class InvalidConfig(Error, ValueError):
    """The configuration of a source or a trigger is invalid. Nothing changed."""

    source: str
    """The name, without credentials."""
    reason: str
    """The error, and what is allowed."""


class DeviceNotFound(Error, LookupError):
    """The host has no device of this name."""

    host: str
    name: str
    available: str
    """The names of the devices."""


class HostUnavailable(Error, OSError):
    """The sound system can't be reached."""

    _errno = errno.ENODEV
    host: str
    reason: str


class DeviceFailed(Error, OSError):
    """The device refused, or was disconnected."""

    _errno = errno.EIO
    name: str
    reason: str


class NotOffered(Error, ValueError):
    """The source does not offer the requested rate, channels or sample format."""

    source: str
    requested: str
    offered: str


class Unreadable(Error, OSError):
    """The file can't be read."""

    _errno = errno.EIO
    path: str
    reason: str


class StreamFailed(Error, ConnectionError):
    """The stream was refused, has no audio, or ended."""

    _errno = errno.ECONNREFUSED
    source: str
    """The URL, without credentials."""
    reason: str


class FfmpegMissing(Error, FileNotFoundError):
    """The program ffmpeg, which reads streams, is not installed."""

    _errno = errno.ENOENT
    reason: str


class OpenTimedOut(Error, TimeoutError):
    """The source did not open within `open_deadline`. Its last error meanwhile is the `reason`."""

    source: str
    waited_seconds: float
    reason: str | None


class Stalled(Error, TimeoutError):
    """A source that had delivered audio stopped: no data came, not even zeros."""

    source: str
    waited_seconds: float


class ClipFailed(Error, OSError):
    """The clip can't be written. An existing file of its name is unchanged."""

    _errno = errno.EIO
    path: str
    reason: str


class ThreadFailed(Error, RuntimeError):
    """A thread could not be started, or panicked."""

    source: str
    reason: str
