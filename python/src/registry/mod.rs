//! The allocator: one buffer for each source, made exactly once, found without waiting.

use std::path::PathBuf;

use capbuf::{AllocateOptions, Error, Lifetime};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};

use crate::arguments::{self, BYTES, maybe_whole};
use crate::blocking::interruptible;
use crate::buffer::CaptureBuffer;
use crate::caller::Calling;
use crate::errors::{OrRaise as _, invalid};
use crate::handle::Handle;
use crate::source_claim::SourceClaim;
use crate::stats::{Stats, Swept};

/// The allocator of capture buffers: from a source to the one buffer it has.
///
/// `open` opens a domain, whose buffers all processes of this user share; `Registry.private` makes a registry of this
/// process alone. It can be used like a mapping: ``registry[source]``, ``source in registry``, ``len(registry)``,
/// ``for source in registry``. All methods may be called from any thread at the same time. ``in``, ``get`` and ``[]`` wait for
/// nobody. After `close` all methods raise `Closed`, in all threads; buffers that were got before stay.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> registry = capbuf.Registry.private()
/// >>> buffer = registry.get_or_allocate("mic", seconds=60, sample_rate_hz=48000)
/// >>> "mic" in registry, len(registry), list(registry), registry["mic"] == buffer
/// (True, 1, ['mic'], True)
/// >>> registry.get("radio") is None
/// True
/// >>> registry["radio"]
/// Traceback (most recent call last):
/// capbuf.NotFound: source radio has no buffer
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Registry {
    pub(crate) handle: Handle<capbuf::Registry>,
}

/// Opens a domain by its name, and makes it if there is none: the buffers that all processes of this user share which open it.
///
/// What processes left that died is swept.
///
/// Parameters
/// ----------
/// domain : str, optional
///     1 to 64 letters, digits, ``.``, ``_`` and ``-``. If not given, what ``CAPBUF_DOMAIN`` says, or ``default``.
/// folder : str or os.PathLike, optional
///     Where domains lie: a folder of this user's alone, made if it isn't there. If not given, what ``CAPBUF_DIR`` says, or one in
///     shared memory.
/// budget_bytes : int, optional
///     How much the buffers may take that this registry makes. Half of the machine's memory if not given.
/// max_buffer_bytes : int, optional
///     How much one buffer, or one segment, may take. 2 GiB if not given.
/// track_allocations : bool, optional
///     Whether attempts to allocate are recorded from the beginning (see `Registry.enable_allocation_tracking`). If not given, as
///     ``DEBUG_BUFFER_ALLOC`` says.
/// pool_bytes : int, optional
///     How much memory of removed buffers is kept for the next ones of the same size. None if not given.
///
/// Returns
/// -------
/// Registry
///
/// Raises
/// ------
/// InvalidArgument
///     For a name that can be none.
/// Forbidden, System
///     Where the folder is another user's, or open to others; where it can't be made or opened.
#[pyfunction]
#[pyo3(signature = (domain=None, *, folder=None, budget_bytes=None, max_buffer_bytes=None, track_allocations=None, pool_bytes=None))]
pub(crate) fn open(
    py: Python<'_>,
    domain: Option<String>,
    folder: Option<PathBuf>,
    budget_bytes: Option<&Bound<'_, PyAny>>,
    max_buffer_bytes: Option<&Bound<'_, PyAny>>,
    track_allocations: Option<bool>,
    pool_bytes: Option<&Bound<'_, PyAny>>,
) -> PyResult<Registry> {
    let mut builder = builder(budget_bytes, max_buffer_bytes, track_allocations, pool_bytes)?;
    if let Some(folder) = folder {
        builder = builder.domains_folder(folder);
    }
    let opened = interruptible(py, move || match domain {
        Some(domain) => builder.open(&domain),
        None => builder.open_default(),
    })?;
    opened.or_raise(py).map(Registry::new)
}

fn builder(
    budget_bytes: Option<&Bound<'_, PyAny>>,
    max_buffer_bytes: Option<&Bound<'_, PyAny>>,
    track_allocations: Option<bool>,
    pool_bytes: Option<&Bound<'_, PyAny>>,
) -> PyResult<capbuf::RegistryBuilder> {
    let mut builder = capbuf::Registry::builder();
    if let Some(track) = track_allocations {
        builder = builder.track_allocations(track);
    }
    if let Some(bytes) = maybe_whole("budget_bytes", budget_bytes, BYTES)? {
        builder = builder.budget_bytes(bytes);
    }
    if let Some(bytes) = maybe_whole("pool_bytes", pool_bytes, BYTES)? {
        builder = builder.pool_bytes(bytes);
    }
    if let Some(bytes) = maybe_whole("max_buffer_bytes", max_buffer_bytes, BYTES)? {
        builder = builder.max_buffer_bytes(bytes);
    }
    Ok(builder)
}

impl Registry {
    fn new(registry: capbuf::Registry) -> Self {
        Self { handle: Handle::new("registry", registry) }
    }

    /// The registry itself, for who keeps it longer than a call.
    pub(crate) fn registry(&self, py: Python<'_>) -> PyResult<capbuf::Registry> {
        self.handle.with(py, capbuf::Registry::clone)
    }

    fn find(&self, py: Python<'_>, source: &str) -> PyResult<Option<CaptureBuffer>> {
        let found = self.handle.with(py, |registry| Calling::of(py, registry).makes(|| registry.get(source)))?;
        Ok(found.map(CaptureBuffer::new))
    }
}

fn options(py: Python<'_>, lifetime: &str) -> PyResult<AllocateOptions> {
    let known = [Lifetime::UntilRemoved, Lifetime::WhileOpen];
    let found = known.into_iter().find(|known| known.name() == lifetime);
    let refused = || invalid(py, "lifetime", format!("{lifetime:?}"), known.map(Lifetime::name).join(", "));
    Ok(AllocateOptions::new().lifetime(found.ok_or_else(refused)?))
}

#[pymethods]
impl Registry {
    /// Opens a domain: as the function `open`.
    #[staticmethod]
    #[pyo3(name = "open", signature = (domain=None, *, folder=None, budget_bytes=None, max_buffer_bytes=None, track_allocations=None, pool_bytes=None))]
    fn open_domain(
        py: Python<'_>,
        domain: Option<String>,
        folder: Option<PathBuf>,
        budget_bytes: Option<&Bound<'_, PyAny>>,
        max_buffer_bytes: Option<&Bound<'_, PyAny>>,
        track_allocations: Option<bool>,
        pool_bytes: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        open(py, domain, folder, budget_bytes, max_buffer_bytes, track_allocations, pool_bytes)
    }

    /// Makes a registry that belongs to this process alone.
    ///
    /// Parameters
    /// ----------
    /// budget_bytes : int, optional
    ///     How much all buffers together may take. Half of the machine's memory if not given.
    /// max_buffer_bytes : int, optional
    ///     How much one buffer, or one segment, may take. 2 GiB if not given.
    /// track_allocations : bool, optional
    ///     Whether attempts to allocate are recorded from the beginning; if not given, as ``DEBUG_BUFFER_ALLOC`` says.
    /// pool_bytes : int, optional
    ///     How much memory of removed buffers is kept for the next ones of the same size. None if not given.
    ///
    /// Returns
    /// -------
    /// Registry
    #[staticmethod]
    #[pyo3(signature = (*, budget_bytes=None, max_buffer_bytes=None, track_allocations=None, pool_bytes=None))]
    fn private(
        budget_bytes: Option<&Bound<'_, PyAny>>,
        max_buffer_bytes: Option<&Bound<'_, PyAny>>,
        track_allocations: Option<bool>,
        pool_bytes: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self::new(builder(budget_bytes, max_buffer_bytes, track_allocations, pool_bytes)?.build()))
    }

    /// The name of the domain; None for a private registry.
    #[getter]
    fn domain(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.handle.with(py, |registry| registry.domain().map(str::to_owned))
    }

    /// The folder of the domain; None for a private registry.
    #[getter]
    fn path(&self, py: Python<'_>) -> PyResult<Option<PathBuf>> {
        self.handle.with(py, |registry| registry.path().map(ToOwned::to_owned))
    }

    /// Finds the buffer of a source, or makes it if there is none: exactly once, however many threads and processes ask.
    ///
    /// A hit costs a lookup and a handle. A miss makes the ring; others who ask for the same source wait for it.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     Who feeds it: 1 to 1024 bytes without control characters.
    /// seconds : float or timedelta
    ///     How much it keeps.
    /// sample_rate_hz : int, default 48000
    ///     Frames a second, 1 to 768000.
    /// channels : int, default 1
    ///     Samples a frame, 1 to 64.
    /// sample_format : str, default "s16"
    ///     "s16", "s24", "s32" or "f32".
    /// lifetime : str, default "until removed"
    ///     How long a buffer of a domain stays that this call makes: "until removed", or "while open" by a process.
    ///
    /// Returns
    /// -------
    /// CaptureBuffer
    ///
    /// Raises
    /// ------
    /// SpecMismatch
    ///     If the source has a buffer of another shape (`existing`), which stays as it is.
    /// InvalidArgument, InvalidType, InvalidSource
    ///     For arguments outside what is allowed.
    /// OverBudget, OutOfMemory, OutOfSpace
    ///     If there is no room for it; the source can be asked for again.
    /// System, Forbidden, LayoutMismatch, Corrupt, TooManyProcesses
    ///     In a domain, whose files are not as they should be.
    #[pyo3(
        signature = (source, *, seconds, sample_rate_hz=None, channels=None, sample_format="s16", lifetime="until removed"),
        text_signature = "($self, source, *, seconds, sample_rate_hz=48000, channels=1, sample_format='s16', \
                          lifetime='until removed')"
    )]
    fn get_or_allocate(
        &self,
        py: Python<'_>,
        source: &str,
        seconds: &Bound<'_, PyAny>,
        sample_rate_hz: Option<&Bound<'_, PyAny>>,
        channels: Option<&Bound<'_, PyAny>>,
        sample_format: &str,
        lifetime: &str,
    ) -> PyResult<CaptureBuffer> {
        let spec = arguments::spec(seconds, sample_rate_hz, channels, sample_format)?;
        let options = options(py, lifetime)?;
        let registry = self.registry(py)?;
        let calling = Calling::of(py, &registry);
        // A hit waits for nobody; should the buffer go just now, it is made without a thread, that is all.
        if registry.with(source, |buffer| *buffer.spec() == spec) == Some(true) {
            let found = py.detach(|| calling.makes(|| registry.get_or_allocate_with(source, spec, &options)));
            return found.or_raise(py).map(CaptureBuffer::new);
        }
        let source = source.to_owned();
        let made = interruptible(py, move || calling.makes(|| registry.get_or_allocate_with(&source, spec, &options)))?;
        made.or_raise(py).map(CaptureBuffer::new)
    }

    /// Makes the buffer of a source that has none, in no process of the domain.
    ///
    /// Parameters
    /// ----------
    /// source, seconds, sample_rate_hz, channels, sample_format, lifetime
    ///     As `get_or_allocate`.
    ///
    /// Returns
    /// -------
    /// CaptureBuffer
    ///
    /// Raises
    /// ------
    /// AlreadyExists
    ///     If the source has a buffer (`existing` is its shape), which stays as it is.
    /// InvalidArgument, InvalidType, InvalidSource, OverBudget, OutOfMemory, OutOfSpace
    ///     As `get_or_allocate`.
    /// System, Forbidden, LayoutMismatch, Corrupt, TooManyProcesses
    ///     As `get_or_allocate`.
    #[pyo3(
        signature = (source, *, seconds, sample_rate_hz=None, channels=None, sample_format="s16", lifetime="until removed"),
        text_signature = "($self, source, *, seconds, sample_rate_hz=48000, channels=1, sample_format='s16', \
                          lifetime='until removed')"
    )]
    fn allocate(
        &self,
        py: Python<'_>,
        source: String,
        seconds: &Bound<'_, PyAny>,
        sample_rate_hz: Option<&Bound<'_, PyAny>>,
        channels: Option<&Bound<'_, PyAny>>,
        sample_format: &str,
        lifetime: &str,
    ) -> PyResult<CaptureBuffer> {
        let spec = arguments::spec(seconds, sample_rate_hz, channels, sample_format)?;
        let (registry, options) = (self.registry(py)?, options(py, lifetime)?);
        let calling = Calling::of(py, &registry);
        let made = interruptible(py, move || calling.makes(|| registry.allocate_with(&source, spec, &options)))?;
        made.or_raise(py).map(CaptureBuffer::new)
    }

    /// The buffer of a source, or None if it has none. Waits for nobody.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     Who feeds it.
    ///
    /// Returns
    /// -------
    /// CaptureBuffer or None
    fn get(&self, py: Python<'_>, source: &str) -> PyResult<Option<CaptureBuffer>> {
        self.find(py, source)
    }

    fn __getitem__(&self, py: Python<'_>, source: &str) -> PyResult<CaptureBuffer> {
        let not_found = || Error::NotFound { source_name: capbuf::redact(source) };
        self.find(py, source)?.ok_or_else(not_found).or_raise(py)
    }

    fn __contains__(&self, py: Python<'_>, source: &str) -> PyResult<bool> {
        self.handle.with(py, |registry| registry.contains(source))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let registry = self.registry(py)?;
        Ok(py.detach(|| registry.buffers().len()))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let registry = self.registry(py)?;
        let buffers = py.detach(|| registry.buffers());
        PyList::new(py, buffers.iter().map(|buffer| buffer.source().as_str()))?.try_iter()
    }

    /// Handles on all buffers, by the order of their sources' names. A snapshot. In a domain all are mapped by this.
    ///
    /// Returns
    /// -------
    /// list of CaptureBuffer
    fn buffers(&self, py: Python<'_>) -> PyResult<Vec<CaptureBuffer>> {
        let registry = self.registry(py)?;
        Ok(py.detach(|| registry.buffers()).into_iter().map(CaptureBuffer::new).collect())
    }

    /// Takes the buffer of a source out of the registry, for all processes of its domain.
    ///
    /// Handles stay valid and go on reading; its writer gets `Removed`; waiting reads end. The memory goes back when the last
    /// handle ends.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     Who feeds it.
    ///
    /// Raises
    /// ------
    /// NotFound
    ///     If the source has no buffer.
    fn remove(&self, py: Python<'_>, source: String) -> PyResult<()> {
        let registry = self.registry(py)?;
        let calling = Calling::of(py, &registry);
        interruptible(py, move || calling.makes(|| registry.remove(&source)))?.or_raise(py)
    }

    /// Claims to be the one who feeds a source, from before it is opened and has a buffer.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     The source.
    ///
    /// Returns
    /// -------
    /// SourceClaim
    ///
    /// Raises
    /// ------
    /// WriterBusy
    ///     While another claim on the source is held, with who holds it (`pid`, `program`).
    ///
    /// Examples
    /// --------
    /// >>> import capbuf
    /// >>> registry = capbuf.Registry.private()
    /// >>> with registry.claim_source("rtsp://camera/1"):
    /// ...     registry.claim_source("rtsp://camera/1")
    /// Traceback (most recent call last):
    /// capbuf.WriterBusy: source rtsp://camera/1 has a writer already
    fn claim_source(&self, py: Python<'_>, source: &str) -> PyResult<SourceClaim> {
        let registry = self.registry(py)?;
        let feed = py.detach(|| registry.claim_source(source)).or_raise(py)?;
        Ok(SourceClaim::new(feed, source))
    }

    /// What was mapped and what of it is alive, handles of removed buffers included.
    ///
    /// Returns
    /// -------
    /// Stats
    fn stats(&self, py: Python<'_>) -> PyResult<Stats> {
        let stats = self.handle.with(py, capbuf::Registry::stats)?;
        Ok(Stats {
            rings_allocated: stats.rings_allocated,
            rings_mapped: stats.rings_mapped,
            rings_unmapped: stats.rings_unmapped,
            bytes: stats.bytes,
            budget_bytes: stats.budget_bytes,
        })
    }

    /// Takes away what processes of the domain left that died. Opening a domain does this, too, if it finds a dead process.
    ///
    /// Returns
    /// -------
    /// Swept
    fn sweep(&self, py: Python<'_>) -> PyResult<Swept> {
        let registry = self.registry(py)?;
        let swept = interruptible(py, move || registry.sweep())?.or_raise(py)?;
        Ok(Swept { processes: swept.processes, buffers: swept.buffers, leftovers: swept.leftovers })
    }

    /// Ends this handle on the registry, in all threads; buffers that were got from it stay. Closing again is harmless.
    fn close(&self, py: Python<'_>) {
        self.handle.close(py);
    }

    /// Whether this handle was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().handle.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let what = self.handle.with(py, |registry| match registry.domain() {
            Some(domain) => format!("of domain {domain:?}"),
            None => "private".to_owned(),
        });
        format!("<capbuf.Registry {}>", what.unwrap_or_else(|_| "closed".to_owned()))
    }
}
