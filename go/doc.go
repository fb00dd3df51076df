// Package capbuf keeps the last N seconds of every audio source in memory, and gives any span of them by wall-clock time.
//
// A [Registry] allocates exactly one [CaptureBuffer] for each source, however many goroutines, processes or languages ask for it at
// once: who opens a domain of the same name has the same buffers, from Go, C, Python and Rust. One [Writer] feeds a buffer and never
// waits; any number of readers copy out what they want, by time ([CaptureBuffer.Read]), by frame numbers, or window by window
// ([CaptureBuffer.Windows]). A reader never gets wrong audio: every frame is the one asked for, or the error says why not.
//
// It captures by itself, too: [StartCapture] feeds a buffer from a device, a stream, a file or a test tone, and a [Station] records a list
// of them that may change. A [Trigger] cuts a clip when it is called, or when something is loud.
//
// # Words
//
// A frame is one sample for each channel. Frames are numbered from the buffer's first one, and numbers are never reused. Times are
// wall-clock times, to half a frame, and once given never move.
//
// # Goroutines
//
// Everything may be used by any number of goroutines at the same time, unless it says otherwise. A [Writer] lets one goroutine in
// at a time; others wait for the copy. Samples are copied during the call and no pointer is kept; the race detector sees these
// copies like those of Go.
//
// # Ending
//
// Close ends a handle and may be called any number of times, at any time; a method of a closed handle returns [ErrClosed], one that was
// under way ends well. What was forgotten is closed some time after the collector has found it. Closing is not removing: a buffer
// stays with its registry until [Registry.Remove].
//
// # Contexts
//
// What can take long takes a context, and ends soon after that does (within a few milliseconds). No thread is held while a goroutine
// waits for audio: the rate is known, so it sleeps until the frames should be there and looks again. What waits for other processes
// does hold one: making a buffer that another process is just making, opening or stopping a capture, reconfiguring a station, and
// closing a trigger in the middle of a clip.
//
// # Errors
//
// Kinds are sentinels for errors.Is ([ErrNotYet], [ErrEvicted], ...); the numbers that go with them, such as when the audio is
// expected, are in the [Error] that errors.As finds.
//
// # Linking
//
// By default the static library of the tree around this package, target/release/libcapbuf_ffi.a; with the build tag
// capbuf_pkgconfig the installed library that pkg-config knows as capbuf.
package capbuf
