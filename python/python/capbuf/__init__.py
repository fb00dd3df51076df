"""The last N seconds of every audio source, in memory, as numpy arrays, by wall-clock time.

Each source has one buffer, allocated exactly once. One writer fills it without waiting; any number
of readers, in any number of threads and processes, copy from it.

- `open` opens a domain, whose buffers are shared by all processes of this user.
  `Registry.private` creates a registry of this process alone.
- `record` captures a microphone, a network stream, a file or a test tone into a buffer.
  `CaptureBuffer.writer` is for samples of your own.
- `CaptureBuffer.read`, `read_frames` and `last` copy audio; `windows` iterates over it; `clip`
  writes it into a file.
- `Station` captures many sources and is reconfigured while it does. `Trigger` writes a clip when a
  source is loud, or on request.
- `Registry.allocation_report` lists allocations and their call sites, `Registry.watch` finds
  misuse, `capbuf.prometheus` exports metrics.

Times are passed as aware `datetime`, float seconds since 1970 or int nanoseconds since 1970;
durations as seconds or `timedelta`. Every exception is an `Error`, and an instance of the built-in
class for its kind; a call with a wrong number of arguments, or an unknown name of one, raises
Python's own `TypeError`.

Examples
--------
>>> import capbuf
>>> registry = capbuf.Registry.private()
>>> with capbuf.record("tone:440", seconds=60, registry=registry) as capture:
...     segment = capture.buffer.last(0.1, wait=10)
>>> segment.samples.shape, segment.sample_rate_hz
((4800, 1), 48000)
"""

from ._capbuf import (
    AllocationReport,
    Anomaly,
    Capture,
    CaptureBuffer,
    Changes,
    Clip,
    DomainInfo,
    Gap,
    Holder,
    Level,
    Missing,
    Registry,
    Segment,
    SourceClaim,
    SourceConfig,
    SourceInfo,
    SourceStatus,
    State,
    Station,
    Stats,
    Status,
    Swept,
    Transition,
    Trigger,
    Watch,
    Window,
    Windows,
    Writer,
    __version__,
    clip_name,
    domains,
    open,
    record,
    redact,
    remove_domain,
)
from ._errors import (
    AllocationPanicked,
    AlreadyExists,
    Busy,
    ClipFailed,
    Closed,
    Corrupt,
    DeviceFailed,
    DeviceNotFound,
    Error,
    Evicted,
    FfmpegMissing,
    Forbidden,
    Forked,
    FormatMismatch,
    HostUnavailable,
    InvalidArgument,
    InvalidConfig,
    InvalidLocator,
    InvalidRange,
    InvalidSource,
    InvalidType,
    LayoutMismatch,
    NotFound,
    NotOffered,
    NotYet,
    OpenTimedOut,
    OutOfMemory,
    OutOfSpace,
    OverBudget,
    Removed,
    SpecMismatch,
    Stalled,
    StreamFailed,
    System,
    ThreadFailed,
    TimedOut,
    TooSmall,
    Unreadable,
    WriterBusy,
)
from ._spec import Spec

__all__ = [
    "AllocationPanicked",
    "AllocationReport",
    "AlreadyExists",
    "Anomaly",
    "Busy",
    "Capture",
    "CaptureBuffer",
    "Changes",
    "Clip",
    "ClipFailed",
    "Closed",
    "Corrupt",
    "DeviceFailed",
    "DeviceNotFound",
    "DomainInfo",
    "Error",
    "Evicted",
    "FfmpegMissing",
    "Forbidden",
    "Forked",
    "FormatMismatch",
    "Gap",
    "Holder",
    "HostUnavailable",
    "InvalidArgument",
    "InvalidConfig",
    "InvalidLocator",
    "InvalidRange",
    "InvalidSource",
    "InvalidType",
    "LayoutMismatch",
    "Level",
    "Missing",
    "NotFound",
    "NotOffered",
    "NotYet",
    "OpenTimedOut",
    "OutOfMemory",
    "OutOfSpace",
    "OverBudget",
    "Registry",
    "Removed",
    "Segment",
    "SourceClaim",
    "SourceConfig",
    "SourceInfo",
    "SourceStatus",
    "Spec",
    "SpecMismatch",
    "Stalled",
    "State",
    "Station",
    "Stats",
    "Status",
    "StreamFailed",
    "Swept",
    "System",
    "ThreadFailed",
    "TimedOut",
    "TooSmall",
    "Transition",
    "Trigger",
    "Unreadable",
    "Watch",
    "Window",
    "Windows",
    "Writer",
    "WriterBusy",
    "__version__",
    "clip_name",
    "domains",
    "open",
    "record",
    "redact",
    "remove_domain",
]
