// Package capbuf keeps the last N seconds of every audio source in memory, read by wall-clock time.
//
// A [Registry] allocates exactly one [CaptureBuffer] for each source, however many goroutines,
// processes or languages request it at once. Processes that open the same domain share its buffers,
// from Go, C, Python and Rust. One [Writer] writes to a buffer and never waits. Any number of
// readers copy audio out by time ([CaptureBuffer.Read]), by frame number
// ([CaptureBuffer.ReadFrames]) or window by window ([CaptureBuffer.Windows]). A reader gets the
// frames that it requested, or an error that says why not.
//
// The package also captures: [StartCapture] records a device, a stream, a file or a test tone into
// a buffer; a [Station] records a list of sources that can change; a [Trigger] writes a clip when
// it fires, or when the source is loud.
//
// # Frames and times
//
// A frame is one sample of each channel. Frames are numbered from the first one of the buffer;
// numbers are never reused. The time of a frame is wall-clock time, accurate to half a frame
// period, and does not change once it was read.
//
// # Concurrency
//
// All functions and methods are safe for concurrent use, unless documented otherwise. A [Writer]
// serializes its callers. Samples are copied during a call and no pointer is retained. The race
// detector sees these copies.
//
// # Closing
//
// Close ends a handle. It may be called at any time and more than once. Methods of a closed handle
// return [ErrClosed]; calls in progress complete. The garbage collector closes forgotten handles
// eventually. Closing does not remove: a buffer stays in its registry until [Registry.Remove].
//
// # Contexts
//
// A call that can take long accepts a context and returns within milliseconds after it is canceled.
// Waiting for audio blocks no thread: the sample rate is known, so the goroutine sleeps until the
// frames are due. Waiting for other work blocks a thread: allocating a buffer that another process
// is allocating, opening or stopping a capture, reconfiguring a station, and closing a trigger in
// the middle of a clip.
//
// # Errors
//
// The kinds of errors are sentinels for errors.Is ([ErrNotYet], [ErrEvicted], ...). errors.As finds
// the [Error] with the numbers, such as the time at which the audio is expected.
//
// # Linking
//
// By default the package links the static library of its source tree,
// target/release/libcapbuf_ffi.a. With the build tag capbuf_pkgconfig it links the library that
// pkg-config finds as capbuf.
package capbuf
