/* capbuf: the last N seconds of every audio source, in memory, read by wall-clock time.
 *
 * One allocator for every process: who opens a domain of the same name has the same buffers, from C, Go, Python and Rust.
 * Made from the crate `ffi` by cbindgen; change it there.
 *
 *     capbuf_registry *registry;
 *     capbuf_buffer *buffer;
 *     capbuf_spec spec = {sizeof spec};
 *     spec.seconds = 60, spec.sample_rate_hz = 48000, spec.channels = 1, spec.sample_format = CAPBUF_FORMAT_S16;
 *     if (capbuf_registry_open(NULL, 0, NULL, &registry, NULL) == CAPBUF_OK &&
 *         capbuf_registry_get_or_allocate(registry, "mic", 3, &spec, &buffer, NULL) == CAPBUF_OK) { ... }
 *
 * Status
 *     Every function that can fail returns a capbuf_status: CAPBUF_OK, which is 0, or what went wrong. Results go out through
 *     pointers, which are written to only on success. The last argument, `error`, may be NULL; otherwise, and only if
 *     the call fails, a detail is put there that the caller frees with capbuf_error_free: a message that names what was given
 *     and what is allowed, and numbers. There is no "last error" of a thread.
 *
 * Ownership
 *     A handle that a function gives is owned by the caller, who ends it once with its _free function. Ending a handle is not
 *     removing a buffer: buffers stay with their registry until capbuf_registry_remove. Handles keep alive what they need: they
 *     may be ended in any order. Nothing that is passed in is kept: texts and samples are used during the call only.
 *     A handle that was ended must not be used again; the library can't tell.
 *
 * Threads
 *     A function that takes a `const` handle may be called from any thread at the same time as others on that handle. One that
 *     takes a handle that is not `const` (a writer, a cursor of windows, a capture to stop) may be called from one thread at a time.
 *
 * NULL and alignment
 *     A pointer that must not be NULL and is, is CAPBUF_NULL_ARGUMENT; one that is not aligned as its type demands is
 *     CAPBUF_MISALIGNED. _free functions take NULL and do nothing. Memory for no elements may be NULL. Memory of the caller's that is
 *     written to must not overlap anything else that is passed in the same call.
 *
 * Texts
 *     Texts are UTF-8. They come in as pointer and length, and need no zero at the end. They go out into the caller's memory, `out` of
 *     `out_size` bytes, with a zero at the end; their length without it goes to `*out_len`, if that is not NULL, also if there was
 *     too little room (CAPBUF_TOO_SMALL).
 *
 * Structures
 *     Structures that may grow begin with their size, which the caller sets: a program that was compiled against an older header goes
 *     on working with a newer library. A structure of zeros, but for that size, is the default.
 *
 * Real time
 *     capbuf_writer_write, capbuf_writer_write_bytes and capbuf_writer_gap are for the audio thread: wait-free, without lock,
 *     allocation or system call, as long as `error` is NULL. Everything else says what it costs.
 *
 * Panics and signals
 *     No panic leaves the library; one inside is CAPBUF_PANICKED. The library installs no signal handlers.
 *
 * Fork
 *     A forked child may go on reading through the handles it inherited. A writer belongs to the process that took it:
 *     CAPBUF_FORKED in the child.
 */

#ifndef CAPBUF_H
#define CAPBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define CAPBUF_VERSION_STRING "0.1.0"

// Being opened again.
#define CAPBUF_STATE_STARTING 1

// Audio flows.
#define CAPBUF_STATE_RUNNING 2

// The source was lost; it will be opened again.
#define CAPBUF_STATE_BACKING_OFF 3

// The source has ended, as a file does.
#define CAPBUF_STATE_FINISHED 4

// It failed for good.
#define CAPBUF_STATE_FAILED 5

// It was stopped.
#define CAPBUF_STATE_STOPPED 6

// Nothing was begun.
#define CAPBUF_STATE_IDLE 7

// What comes is nothing, or not what it should be; the source is being closed, to be opened again.
#define CAPBUF_STATE_STALLED 8

// The source has failed at once so often that it is tried now and then only.
#define CAPBUF_STATE_CIRCUIT_OPEN 9

// All channels as they are; or, where another number is asked for and the source has no other, all of them averaged into one, or the only
// one in each.
#define CAPBUF_MIX_AUTO 0

// The average of all channels.
#define CAPBUF_MIX_AVERAGE 1

// One channel alone: `mix_channel`.
#define CAPBUF_MIX_CHANNEL 2

// Frames by their numbers: from `first` to one before `end`.
#define CAPBUF_SPAN_FRAMES 1

// A time: from `first` to `end`, in ns of UTC. Gaps in it are filled with silence, so that it keeps its length.
#define CAPBUF_SPAN_TIME 2

// The newest `end` ns. `first` is not used.
#define CAPBUF_SPAN_LAST 3

// Until the buffer is removed, or its domain is.
#define CAPBUF_LIFETIME_UNTIL_REMOVED 0

// While a process has the buffer open.
#define CAPBUF_LIFETIME_WHILE_OPEN 1

// When a source is no longer configured its buffer is taken out of the registry.
#define CAPBUF_WHEN_GONE_REMOVE 0

// When a source is no longer configured its buffer stays, with its audio, as long as its lifetime says.
#define CAPBUF_WHEN_GONE_KEEP 1

// A source that was not touched: not one frame of it is lost.
#define CAPBUF_CHANGE_UNCHANGED 1

// A source that was begun.
#define CAPBUF_CHANGE_STARTED 2

// A source that was begun anew, as where it comes from or how it is supervised has changed. The ring stays.
#define CAPBUF_CHANGE_RESTARTED 3

// A source that was begun anew in a ring of another length, which has what fits of the audio of the old one.
#define CAPBUF_CHANGE_RESIZED 4

// A source that was begun anew in a new ring, as the format has changed: none of the old audio is in it.
#define CAPBUF_CHANGE_REFORMATTED 5

// A source that was stopped.
#define CAPBUF_CHANGE_STOPPED 6

// The version of this header: major, minor, patch.
#define CAPBUF_VERSION_MAJOR 0

// See `CAPBUF_VERSION_MAJOR`.
#define CAPBUF_VERSION_MINOR 1

// See `CAPBUF_VERSION_MAJOR`.
#define CAPBUF_VERSION_PATCH 0

// The version of this binary interface. A library with another one is another library: its file has another name.
#define CAPBUF_ABI_VERSION 0

// The language of a caller: Rust.
#define CAPBUF_LANGUAGE_RUST 1

// The language of a caller: C, or what calls through its interface.
#define CAPBUF_LANGUAGE_C 2

// The language of a caller: Go.
#define CAPBUF_LANGUAGE_GO 3

// The language of a caller: Python.
#define CAPBUF_LANGUAGE_PYTHON 4

// In place of a capture time: the samples arrive now, their last frame was captured just before.
#define CAPBUF_TIME_NOW INT64_MIN

// In place of a gap's length: it is as long as the times then tell.
#define CAPBUF_DURATION_UNKNOWN -1

// A gap: the writer said so without giving a reason.
#define CAPBUF_GAP_REQUESTED 1

// A gap: the capture times jumped by more than jitter explains.
#define CAPBUF_GAP_DETECTED 2

// A gap: the machine's wall clock was set; no audio is missing.
#define CAPBUF_GAP_CLOCK_STEP 3

// A gap: another writer took the buffer over.
#define CAPBUF_GAP_WRITER_CHANGED 4

// A gap: the source was lost and came back.
#define CAPBUF_GAP_SOURCE_LOST 5

// A gap: the device delivered faster than it was read.
#define CAPBUF_GAP_OVERRUN 6

// A gap: packets of a network stream did not arrive.
#define CAPBUF_GAP_PACKET_LOSS 7

// A gap: what is recorded was configured anew; its source was closed, and opened again.
#define CAPBUF_GAP_RECONFIGURED 8

// A handle on the last N seconds of a source. The memory goes back when the last handle of a removed buffer ends.
//
// Owned by the caller, who frees it with `capbuf_buffer_free`.
typedef struct capbuf_buffer capbuf_buffer;

// A source that is captured into its buffer, on a thread of the library's.
//
// Owned by the caller, who frees it with `capbuf_capture_free`.
typedef struct capbuf_capture capbuf_capture;

// What a reconfiguration did, source by source.
//
// Owned by the caller, who frees it with `capbuf_change_list_free`.
typedef struct capbuf_change_list capbuf_change_list;

// A list of domains, as they were when it was made.
//
// Owned by the caller, who frees it with `capbuf_domain_list_free`.
typedef struct capbuf_domain_list capbuf_domain_list;

// The detail of an error: what a call puts behind its last argument if that is not NULL and the call fails.
//
// Owned by the caller, who frees it with `capbuf_error_free`. May be read by any thread.
typedef struct capbuf_error capbuf_error;

// The allocator: from a source to the one buffer it has, in all processes that open its domain.
//
// Owned by the caller, who frees it with `capbuf_registry_free`. Buffers that it gave stay valid.
typedef struct capbuf_registry capbuf_registry;

// Everything that is known of the allocations of a registry, or of all processes of its domain, at one moment.
//
// Owned by the caller, who frees it with `capbuf_report_free`. May be read by any thread.
typedef struct capbuf_report capbuf_report;

// A span of audio that was copied out.
//
// Owned by the caller, who frees it with `capbuf_segment_free`. May be read by any thread.
typedef struct capbuf_segment capbuf_segment;

// The sources of a station, as they were when it was asked.
//
// Owned by the caller, who frees it with `capbuf_source_list_free`.
typedef struct capbuf_source_list capbuf_source_list;

// Records what it is told to, and changes what it records while it does.
//
// Owned by the caller, who frees it with `capbuf_station_free`.
typedef struct capbuf_station capbuf_station;

// A text of the library's, as long as it happens to be.
//
// Owned by the caller, who frees it with `capbuf_text_free`.
typedef struct capbuf_text capbuf_text;

// A trigger on one source, on a thread of the library's: it cuts a clip when it fires.
//
// Owned by the caller, who ends it with `capbuf_trigger_free`.
typedef struct capbuf_trigger capbuf_trigger;

// A thread that looks after a registry.
//
// Owned by the caller, who ends it with `capbuf_watch_free`.
typedef struct capbuf_watch capbuf_watch;

// A cursor that goes through a buffer window by window.
//
// Owned by the caller, who frees it with `capbuf_windows_free`. Used by one thread at a time.
typedef struct capbuf_windows capbuf_windows;

// The one writer of a buffer, in all processes.
//
// Owned by the caller, who frees it with `capbuf_writer_free`. Used by one thread at a time; which one may change.
typedef struct capbuf_writer capbuf_writer;

// What a call returns: `CAPBUF_OK`, or the number of what went wrong. Numbers are never reused.
typedef int32_t capbuf_status;

// How a sample is stored: one of the `CAPBUF_FORMAT_` constants.
typedef uint32_t capbuf_sample_format;

// The shape of a buffer, and how it is allocated.
typedef struct {
    // Set it to `sizeof(capbuf_spec)` before the call.
    size_t struct_size;
    // How much audio it keeps, in seconds; or 0, and `length_frames` says it.
    double seconds;
    // How much audio it keeps, in frames; or 0, and `seconds` says it.
    uint64_t length_frames;
    // 1 to 768000.
    uint32_t sample_rate_hz;
    // 1 to 64.
    uint32_t channels;
    // S16, S24, S32 or F32.
    capbuf_sample_format sample_format;
    // How long it stays in its domain: one of the `CAPBUF_LIFETIME_` constants.
    uint32_t lifetime;
} capbuf_spec;

// Everything there is to see of a buffer at one moment.
typedef struct {
    // Set it to `sizeof(capbuf_buffer_status)` before the call.
    size_t struct_size;
    // The oldest frame that can be read.
    uint64_t oldest_frame;
    // One past the newest frame; 0 before the first write.
    uint64_t newest_frame;
    // When the oldest frame begins, in ns of UTC; 0 before the first write.
    int64_t oldest_utc_ns;
    // When the newest frame ends, in ns of UTC; 0 before the first write.
    int64_t newest_utc_ns;
    // How long ago the newest frame was captured, in ns; -1 before the first write.
    int64_t age_ns;
    // Calls of write, ever.
    uint64_t writes;
    // Gaps recorded, ever.
    uint64_t gaps;
    // Reads that came too late for some of their frames, ever.
    uint64_t evictions;
    // Bytes mapped for it.
    uint64_t bytes;
    // How far the times told are ahead of what the writer believes, in ns.
    int64_t timeline_ahead_ns;
    // The largest magnitude of the last second, full scale being 1.0; 0 before the first write.
    float level_peak;
    // The root of the mean square of the last second.
    float level_rms;
    // Whether somebody who lives holds the writer: 0 or 1.
    uint32_t has_writer;
    // The process that holds the writer; 0 if nobody does, or in a private registry.
    uint32_t writer_pid;
    // How many living processes have it open; 0 in a private registry.
    uint32_t processes;
    // Whether it was removed from its registry: 0 or 1.
    uint32_t is_removed;
} capbuf_buffer_status;

// The identity and shape of a buffer. They never change.
typedef struct {
    // Set it to `sizeof(capbuf_buffer_info)` before the call.
    size_t struct_size;
    // Identifies the buffer in every process, as `capbuf_buffer_id`.
    uint64_t id;
    // Length in seconds.
    double seconds;
    // Length in frames.
    uint64_t length_frames;
    // Frames per second.
    uint32_t sample_rate_hz;
    // Samples per frame.
    uint32_t channels;
    // S16, S24, S32 or F32.
    capbuf_sample_format sample_format;
    // How long it stays in its domain: one of the `CAPBUF_LIFETIME_` constants.
    uint32_t lifetime;
} capbuf_buffer_info;

// What is asked of a capture beside its source. NULL in its place is a structure of zeros.
typedef struct {
    // Set it to `sizeof(capbuf_capture_options)` before the call.
    size_t struct_size;
    // How much audio the buffer keeps, in seconds; 0: 60.
    double seconds;
    // The sample rate; 0: the source's own. Where it has another, it is resampled.
    uint32_t sample_rate_hz;
    // The number of channels; 0: the source's own.
    uint32_t channels;
    // The sample format; CAPBUF_FORMAT_OWN: the source's own.
    capbuf_sample_format sample_format;
    // How long the buffer stays in its domain: one of the `CAPBUF_LIFETIME_` constants.
    uint32_t lifetime;
    // How long an opening may take, in ns; 0: twenty seconds.
    int64_t open_deadline_ns;
    // How many dB louder, -100 to 100; what is too loud then is held to full scale.
    float gain_db;
    // Which channels of the source: one of the `CAPBUF_MIX_` constants.
    uint32_t mix;
    // Which one, counted from 0, for CAPBUF_MIX_CHANNEL.
    uint32_t mix_channel;
    // After so many failures in a row a source is tried less often, until it has run for ten seconds; 0: 10.
    uint32_t give_up_after;
    // How often then, in ns; 0: each minute.
    int64_t then_retry_every_ns;
    // How long to wait before a lost source is opened again, in ns: so long first, then longer and longer; 0: half a second.
    int64_t retry_after_ns;
    // The longest of these delays, in ns; 0: thirty seconds.
    int64_t retry_at_most_after_ns;
    // A source that delivers no frame for so long, in ns, is closed and opened again; 0: fifteen seconds.
    int64_t nothing_for_ns;
    // So is one whose samples are all zero for so long, in ns, which those of a microphone never are; 0: silence is no fault.
    int64_t silence_for_ns;
} capbuf_capture_options;

// A clip that was written.
typedef struct {
    // Set it to `sizeof(capbuf_clip_info)` before the call.
    size_t struct_size;
    // Frames in it, silence included.
    uint64_t frames;
    // When its first frame was captured, in ns of UTC.
    int64_t start_utc_ns;
    // What is missing at the beginning of what was asked for, in frames: overwritten, or from before the first frame.
    uint64_t evicted_frames;
    // What is missing at the end, in frames: it did not come.
    uint64_t not_yet_frames;
    // The size of the file, in bytes.
    uint64_t bytes;
    // Frames a second.
    uint32_t sample_rate_hz;
    // Samples a frame.
    uint32_t channels;
    // What the samples in the file are.
    capbuf_sample_format sample_format;
    // Nothing.
    uint32_t reserved;
} capbuf_clip_info;

// What there is to see of a domain from outside.
typedef struct {
    // Set it to `sizeof(capbuf_domain_info)` before the call.
    size_t struct_size;
    // How many buffers it has.
    uint64_t buffers;
    // The bytes that they take.
    uint64_t bytes;
    // How many living processes have it open.
    uint64_t processes;
    // Whether there is something to sweep: 0 or 1.
    uint64_t has_dead;
} capbuf_domain_info;

// The numbers of an error. What an error has no number for is 0.
typedef struct {
    // Set it to `sizeof(capbuf_error_detail)` before the call.
    size_t struct_size;
    // OVER_BUDGET, OUT_OF_MEMORY, OUT_OF_SPACE: the bytes that were asked for.
    uint64_t requested_bytes;
    // OVER_BUDGET: the limit. OUT_OF_SPACE: the bytes that are free.
    uint64_t limit_bytes;
    // OVER_BUDGET: the bytes in use.
    uint64_t used_bytes;
    // NOT_YET: one past the newest frame. EVICTED: the oldest frame.
    uint64_t frame;
    // NOT_YET: how many frames are still to come.
    uint64_t missing_frames;
    // NOT_YET: when the last of them is expected, or 0 before the first write. EVICTED: when the oldest frame was captured. In ns of
    // UTC.
    int64_t utc_ns;
    // TOO_SMALL: the samples that are needed.
    uint64_t needed_samples;
    // WRITER_BUSY: the process that holds the writer, where that is known.
    uint32_t holder_pid;
    // LAYOUT_MISMATCH: the version that was found.
    uint32_t found_version;
} capbuf_error_detail;

// A span of a buffer to read.
typedef struct {
    // One of the `CAPBUF_SPAN_` constants: what the numbers are.
    uint32_t kind;
    // Set it to 0.
    uint32_t reserved;
    // Where it begins.
    int64_t first;
    // Where it ends; what is at `end` is not in it.
    int64_t end;
} capbuf_span;

// How to read. NULL in its place is a structure of zeros: nothing missing, at once, the buffer's own format.
typedef struct {
    // Set it to `sizeof(capbuf_read_options)` before the call.
    size_t struct_size;
    // Wait so long for frames that are still to come, in ns. 0: do not wait.
    int64_t wait_ns;
    // 1: give what is there and tell what is missing, instead of an error.
    uint32_t available;
    // 0: fill gaps with silence in spans of time, not in frames by number. 1: fill. 2: leave out.
    uint32_t silence;
    // What the samples are converted to; CAPBUF_FORMAT_OWN: nothing.
    capbuf_sample_format sample_format;
    // Set it to 0.
    uint32_t reserved;
} capbuf_read_options;

// Where a span came from and what stands in it.
typedef struct {
    // Set it to `sizeof(capbuf_extracted)` before the call.
    size_t struct_size;
    // Frames, silence included.
    uint64_t frames;
    // The number of the first captured frame.
    uint64_t first_frame;
    // Captured frames.
    uint64_t captured_frames;
    // Frames of silence that fill gaps.
    uint64_t silence_frames;
    // The time of the first frame, in ns of UTC.
    int64_t start_utc_ns;
    // The time at which the last frame ends, in ns of UTC.
    int64_t end_utc_ns;
    // How many gaps lie in it, filled or not.
    uint64_t gaps;
    // What is missing at the beginning, in frames: overwritten, or from before the first frame.
    uint64_t evicted_frames;
    // What is missing at the end, in frames: not recorded yet.
    uint64_t not_yet_frames;
    // Frames a second.
    uint32_t sample_rate_hz;
    // Samples a frame.
    uint32_t channels;
    // What the samples are.
    capbuf_sample_format sample_format;
    // Nothing.
    uint32_t reserved;
} capbuf_extracted;

// A gap inside a segment.
typedef struct {
    // Set it to `sizeof(capbuf_gap)` before the call.
    size_t struct_size;
    // The number of the first frame after it.
    uint64_t first_frame;
    // Where the audio before it ends, in ns of UTC.
    int64_t start_utc_ns;
    // How much time is missing, in ns.
    int64_t duration_ns;
    // How far the wall clock was set, in ns; 0 for all reasons but CAPBUF_GAP_CLOCK_STEP.
    int64_t clock_step_ns;
    // The frame of the segment at which it begins.
    uint64_t at_frame;
    // How many frames of silence stand for it in the segment.
    uint64_t silence_frames;
    // One of the `CAPBUF_GAP_` constants.
    uint32_t reason;
    // Nothing.
    uint32_t reserved;
} capbuf_gap;

// How a registry is to be. NULL in its place is a structure of zeros.
typedef struct {
    // Set it to `sizeof(capbuf_registry_options)` before the call.
    size_t struct_size;
    // How many bytes all buffers may take; 0: half of the machine's memory.
    uint64_t budget_bytes;
    // How many bytes one buffer, or one segment, may take; 0: 2 GiB.
    uint64_t max_buffer_bytes;
    // The folder in which domains lie, UTF-8; NULL: what `CAPBUF_DIR` says, or a folder of the user's in shared memory.
    const char *domains_folder;
    // The bytes of that text.
    size_t domains_folder_len;
    // How many bytes of removed buffers' memory are kept for the next buffers of the same size; 0: none. They are overwritten with zeros
    // before they are used again, and never while anybody has a handle on the removed buffer.
    uint64_t pool_bytes;
    // How long they are kept, in ns; 0: ten minutes.
    int64_t pool_age_ns;
    // Whether attempts to get a buffer are recorded from the beginning: 0: as `DEBUG_BUFFER_ALLOC` says; 1: yes; 2: no.
    uint32_t track_allocations;
    // Set it to 0.
    uint32_t reserved;
} capbuf_registry_options;

// What a registry has allocated so far and what of it is alive.
typedef struct {
    // Set it to `sizeof(capbuf_registry_stats)` before the call.
    size_t struct_size;
    // Rings that this registry made, ever.
    uint64_t rings_allocated;
    // Rings that were mapped, ever: its own, and those that it found in its domain.
    uint64_t rings_mapped;
    // Rings that were unmapped again.
    uint64_t rings_unmapped;
    // Bytes of the rings that this registry made and has mapped, or has reserved.
    uint64_t bytes;
    // Bytes that may be.
    uint64_t budget_bytes;
} capbuf_registry_stats;

// A source as it is configured.
typedef struct {
    // Set it to `sizeof(capbuf_source_config)` before the call.
    size_t struct_size;
    // The name of its buffer, UTF-8; NULL: the locator.
    const char *name;
    // The bytes of that text.
    size_t name_len;
    // Where it comes from, UTF-8: `device:default`, `rtsp://...`, `file:...`, `tone:440`.
    const char *locator;
    // The bytes of that text.
    size_t locator_len;
    // What is asked of it; NULL: a structure of zeros.
    const capbuf_capture_options *options;
    // What becomes of its buffer when it is no longer configured: one of the `CAPBUF_WHEN_GONE_` constants.
    uint32_t when_gone;
    // Set it to 0.
    uint32_t reserved;
} capbuf_source_config;

// A source of a station at one moment.
typedef struct {
    // Set it to `sizeof(capbuf_source_status)` before the call.
    size_t struct_size;
    // How often it was opened again after it had run.
    uint64_t restarts;
    // What it is doing: one of the `CAPBUF_STATE_` constants.
    uint32_t state;
    // Whether it has told its shape, and so has a buffer: 0 or 1.
    uint32_t has_buffer;
    // How many changes of its state `capbuf_source_list_transition` tells: the newest ones.
    uint64_t transitions;
} capbuf_source_status;

// A change of a source's state.
typedef struct {
    // Set it to `sizeof(capbuf_transition)` before the call.
    size_t struct_size;
    // When, in ns of UTC.
    int64_t utc_ns;
    // The state that began: one of the `CAPBUF_STATE_` constants.
    uint32_t state;
    // Nothing.
    uint32_t reserved;
} capbuf_transition;

// A place in a program: a line of a file, or, if `file` is NULL, a return address.
typedef struct {
    // The file's path, UTF-8, as the language tells it; NULL: `address` counts.
    const char *file;
    // The bytes of that text.
    size_t file_len;
    // The function, UTF-8; may be NULL.
    const char *function;
    // The bytes of that text.
    size_t function_len;
    // The line, from 1.
    uint32_t line;
    // Set it to 0.
    uint32_t reserved;
    // A return address in this process.
    size_t address;
} capbuf_code_place;

// From when on something is wrong. A zero is the default.
typedef struct {
    // Set it to `sizeof(capbuf_watch_settings)` before the call.
    size_t struct_size;
    // How often it looks, in ns: 1 s.
    int64_t every_ns;
    // Within how long things that happen again and again are counted, in ns: a minute.
    int64_t window_ns;
    // Refused allocations from one place within the window: 3.
    uint64_t repeated_allocations;
    // Rings made for one source within the window: 5.
    uint64_t churn_allocations;
    // How long a removed buffer may be held, in ns: a minute.
    int64_t removed_held_ns;
    // How long a living writer may write nothing, in ns: 30 s.
    int64_t stalled_ns;
    // By what part of its rate a writer may be off: 0.05.
    double rate_tolerance;
    // Over how long the rate is measured, three times before it is told, in ns: 30 s.
    int64_t rate_window_ns;
    // Reads of one source that come too late within the window: 10.
    uint64_t lapped_reads;
    // The part of the budget that may be used: 0.9.
    double budget_share;
} capbuf_watch_settings;

// What a trigger does when it fires.
typedef struct {
    // Set it to `sizeof(capbuf_trigger_options)` before the call.
    size_t struct_size;
    // The folder that clips are written into, UTF-8. They are named by source and time.
    const char *folder;
    // The bytes of that text.
    size_t folder_len;
    // How much audio from before it fires is in a clip, in ns; 0: three seconds; -1: none.
    int64_t before_ns;
    // How much from after, in ns; 0: five seconds; -1: none.
    int64_t after_ns;
    // How long a clip may be into which others were merged, in ns; 0: a minute. What goes on for longer is several, one where the other
    // ends.
    int64_t at_most_ns;
    // Fires by itself while a tenth of a second has an RMS above so many dB of full scale, such as -40; 0: only when it is called.
    float louder_than_dbfs;
    // Looks at what is above this frequency only, in Hz; 0, as the next one: at everything.
    float low_hz;
    // And below this one.
    float high_hz;
    // 0: writes WAV. 1: FLAC.
    uint32_t flac;
} capbuf_trigger_options;

// Which windows.
typedef struct {
    // Set it to `sizeof(capbuf_window_options)` before the call.
    size_t struct_size;
    // How many frames a window has.
    uint64_t window_frames;
    // How many frames after one window the next one begins.
    uint64_t hop_frames;
    // The first frame of the first window, which may be still to come, if `from_frame` is 1.
    uint64_t start_frame;
    // Windows span gaps up to this length, in ns; 0: up to 100 ms; -1: none. At longer ones they begin anew.
    int64_t join_gaps_ns;
    // 0: the first window begins with the oldest frame there is. 1: with `start_frame`.
    uint32_t from_frame;
    // Set it to 0.
    uint32_t reserved;
} capbuf_window_options;

// Where a window is.
typedef struct {
    // Set it to `sizeof(capbuf_window)` before the call.
    size_t struct_size;
    // The number of its first frame.
    uint64_t first_frame;
    // One past the number of its last frame.
    uint64_t end_frame;
    // When its first frame was captured, in ns of UTC.
    int64_t start_utc_ns;
    // Frames since the last window that were in none: overwritten before they were asked for, or too few before a gap.
    uint64_t lost_frames;
    // How many short gaps lie in it.
    uint64_t joined_gaps;
    // The length of the gap because of which the windows began anew with this one, in ns.
    int64_t after_gap_ns;
    // The reason of that gap, one of the `CAPBUF_GAP_` constants; 0 if there was none.
    uint32_t after_gap_reason;
    // Nothing.
    uint32_t reserved;
} capbuf_window;

// It worked.
#define CAPBUF_OK 0

// An argument is outside what is allowed. Nothing was changed.
#define CAPBUF_INVALID_ARGUMENT 1

// A source name is empty, too long or holds control characters.
#define CAPBUF_INVALID_SOURCE 2

// The source has a buffer of another shape, which stays as it was.
#define CAPBUF_SPEC_MISMATCH 3

// `allocate` was called for a source that has a buffer.
#define CAPBUF_ALREADY_EXISTS 4

// No buffer is allocated for the source.
#define CAPBUF_NOT_FOUND 5

// The buffer would be too large, or the registry's budget has too little left.
#define CAPBUF_OVER_BUDGET 6

// The operating system would not give the memory.
#define CAPBUF_OUT_OF_MEMORY 7

// Another writer holds the buffer; there is one at a time, in all processes.
#define CAPBUF_WRITER_BUSY 8

// The buffer was removed from its registry: no more frames will come.
#define CAPBUF_REMOVED 9

// The span ends after the newest frame. The detail says when it is expected.
#define CAPBUF_NOT_YET 10

// The span begins before the oldest frame that is still there. The detail says which that is.
#define CAPBUF_EVICTED 11

// The span is empty, reversed, or the last so much of a buffer that keeps less.
#define CAPBUF_INVALID_RANGE 12

// The caller's memory is too small. Nothing was written to it. The detail says how much is needed.
#define CAPBUF_TOO_SMALL 13

// Samples of one format were written to a buffer of another.
#define CAPBUF_FORMAT_MISMATCH 14

// The frames did not come within the time the caller would wait.
#define CAPBUF_TIMED_OUT 15

// Allocating a buffer failed by a defect of this library.
#define CAPBUF_ALLOCATION_PANICKED 16

// The shared memory of a domain is full.
#define CAPBUF_OUT_OF_SPACE 17

// The operating system refused something to do with a domain's folder or files.
#define CAPBUF_SYSTEM 18

// A domain's folder or file belongs to another user, or others may use it.
#define CAPBUF_FORBIDDEN 19

// A buffer was made by a version of this library with another memory layout.
#define CAPBUF_LAYOUT_MISMATCH 20

// A buffer's memory contradicts itself.
#define CAPBUF_CORRUPT 21

// So many processes have the buffer mapped that no more can be counted.
#define CAPBUF_TOO_MANY_PROCESSES 22

// The writer was taken by the process that this one was forked from.
#define CAPBUF_FORKED 23

// A pointer that must not be NULL is.
#define CAPBUF_NULL_ARGUMENT 100

// A pointer is not aligned as its type demands.
#define CAPBUF_MISALIGNED 101

// A defect of this library: it panicked. The call has failed; others may still work.
#define CAPBUF_PANICKED 102

// A source could not be opened or read, or a clip not be written. The message says which and why.
#define CAPBUF_CAPTURE_FAILED 103

// The buffer's own format, where samples are read.
#define CAPBUF_FORMAT_OWN 0

// 16-bit signed integers: `int16_t`.
#define CAPBUF_FORMAT_S16 1

// 24-bit signed integers in three bytes, the lowest first: `uint8_t[3]`.
#define CAPBUF_FORMAT_S24 2

// 32-bit signed integers: `int32_t`.
#define CAPBUF_FORMAT_S32 3

// 32-bit floats, full scale at 1.0: `float`.
#define CAPBUF_FORMAT_F32 4

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes another handle on the same buffer, owned by the caller.
//
// Any thread. Allocates. Errors: NULL_ARGUMENT.
capbuf_status capbuf_buffer_clone(const capbuf_buffer *buffer, capbuf_buffer **other, capbuf_error **error);

// Ends a handle; the buffer stays with its registry. NULL is nothing.
//
// Once, by one thread, when nobody uses the handle any more. May unmap memory: not on an audio thread.
void capbuf_buffer_free(capbuf_buffer *buffer);

// Tells the shape of a buffer. `seconds` and `length_frames` are both set.
//
// Any thread. Wait-free. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_buffer_get_spec(const capbuf_buffer *buffer, capbuf_spec *spec, capbuf_error **error);

// Tells the source as it was given, with any password in it: not for logs. See "Texts", and `capbuf_redact`.
//
// Any thread. Errors: NULL_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_buffer_source(const capbuf_buffer *buffer,
                                   char *out,
                                   size_t out_size,
                                   size_t *out_len,
                                   capbuf_error **error);

// Tells the number that tells this buffer from every other one, in every process. Two handles are of one buffer if it is the same.
//
// Any thread. Wait-free. Errors: NULL_ARGUMENT.
capbuf_status capbuf_buffer_id(const capbuf_buffer *buffer,
                               uint64_t *id,
                               capbuf_error **error);

// Tells which frames can be read: from `*oldest_frame` to one before `*newest_frame`. Both 0 before the first write.
//
// Any thread. Wait-free. Stale at once: the oldest may go, newer ones come. Errors: NULL_ARGUMENT.
capbuf_status capbuf_buffer_frames(const capbuf_buffer *buffer,
                                   uint64_t *oldest_frame,
                                   uint64_t *newest_frame,
                                   capbuf_error **error);

// Tells whether a buffer was removed from its registry. Its audio stays readable; nothing is written any more.
//
// Any thread. Wait-free. Errors: NULL_ARGUMENT.
capbuf_status capbuf_buffer_is_removed(const capbuf_buffer *buffer,
                                       bool *is_removed,
                                       capbuf_error **error);

// Looks at everything at once: how full, how old, how loud, whose.
//
// Any thread but an audio thread: it reads the last second, and makes system calls. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_buffer_get_status(const capbuf_buffer *buffer,
                                       capbuf_buffer_status *status,
                                       capbuf_error **error);

// Copies the identity and shape of a buffer.
//
// Any thread. Wait-free. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_buffer_get_info(const capbuf_buffer *buffer,
                                     capbuf_buffer_info *info,
                                     capbuf_error **error);

// Finds or allocates the buffer of a source, as `capbuf_registry_get_or_allocate`, and copies its identity and shape.
//
// On success `*buffer` is owned by the caller.
//
// Any thread. Errors: INVALID_ARGUMENT for `info`; those of `capbuf_registry_get_or_allocate`.
capbuf_status capbuf_registry_get_or_allocate_with_info(const capbuf_registry *registry,
                                                        const char *source,
                                                        size_t source_len,
                                                        const capbuf_spec *spec,
                                                        capbuf_buffer **buffer,
                                                        capbuf_buffer_info *info,
                                                        capbuf_error **error);

// Finds the buffer of a source, as `capbuf_registry_get`, and copies its identity and shape.
//
// On success `*buffer` is owned by the caller.
//
// Any thread. Errors: INVALID_ARGUMENT for `info`; those of `capbuf_registry_get`.
capbuf_status capbuf_registry_get_with_info(const capbuf_registry *registry,
                                            const char *source,
                                            size_t source_len,
                                            capbuf_buffer **buffer,
                                            capbuf_buffer_info *info,
                                            capbuf_error **error);

// Opens a source (`device:default`, `rtsp://...`, `file:...`, `tone:440`), allocates its buffer or takes the one it has, and begins
// to capture.
//
// On success `*capture` is owned by the caller. `options` may be NULL.
//
// Any thread. Blocks until the source delivers. Errors: CAPTURE_FAILED with the reason; WRITER_BUSY; those of
// `capbuf_registry_get_or_allocate`.
capbuf_status capbuf_capture_start(const capbuf_registry *registry,
                                   const char *source,
                                   size_t source_len,
                                   const capbuf_capture_options *options,
                                   capbuf_capture **capture,
                                   capbuf_error **error);

// Gives a handle on the buffer that is fed, owned by the caller.
//
// Any thread, until the capture is stopped. Allocates. Errors: INVALID_ARGUMENT after it was stopped.
capbuf_status capbuf_capture_buffer(const capbuf_capture *capture,
                                    capbuf_buffer **buffer,
                                    capbuf_error **error);

// Tells what a capture is doing: one of the `CAPBUF_STATE_` constants, and in words with the reason. See "Texts"; `out` may be
// NULL if `out_size` is 0 and the words are not wanted.
//
// Any thread, until the capture is stopped. Stale at once. Errors: NULL_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_capture_state(const capbuf_capture *capture,
                                   uint32_t *state,
                                   char *out,
                                   size_t out_size,
                                   size_t *out_len,
                                   capbuf_error **error);

// Stops a capture and waits for it, five seconds at most. The buffer stays. Stopping twice is nothing.
//
// One thread; no other may use the capture meanwhile. Errors: NULL_ARGUMENT.
capbuf_status capbuf_capture_stop(capbuf_capture *capture, capbuf_error **error);

// Stops a capture, if it runs, and frees it. NULL is nothing.
void capbuf_capture_free(capbuf_capture *capture);

// Writes a segment into a file, `.wav` or `.flac` by the path's extension: whole under its name, or not at all. A file that has the name
// is replaced. Source (without credentials), time and gaps stand in it beside the audio.
//
// What was written is told in `*info`, if that is not NULL.
//
// Any thread. Blocks for as long as the disk needs. Errors: CAPTURE_FAILED, with the path and the reason; INVALID_ARGUMENT.
capbuf_status capbuf_segment_write_clip(const capbuf_segment *segment,
                                        const char *path,
                                        size_t path_len,
                                        capbuf_clip_info *info,
                                        capbuf_error **error);

// Cuts the clip around a moment, from `before_ns` before it to `after_ns` after it, waits for what is still to come, and writes it as
// `capbuf_segment_write_clip` does.
//
// A clip that ends in the future is written when it is complete, or as far as the source lived. What is missing is told in `*info`, if
// that is not NULL; gaps are filled with silence, so that the clip keeps its length.
//
// Any thread. Allocates, and blocks until the clip is written: ten seconds past its end at most, and for as long as the disk needs.
// Errors: CAPTURE_FAILED, with the path and the reason, also where there is no audio at all; INVALID_RANGE for a clip of no length;
// OVER_BUDGET, OUT_OF_MEMORY, INVALID_ARGUMENT.
capbuf_status capbuf_buffer_clip(const capbuf_buffer *buffer,
                                 int64_t around_utc_ns,
                                 int64_t before_ns,
                                 int64_t after_ns,
                                 const char *path,
                                 size_t path_len,
                                 capbuf_clip_info *info,
                                 capbuf_error **error);

// Lists the domains of this user, by name. `folder` is where they lie; NULL: where `CAPBUF_DIR` or the default says.
//
// On success `*domains` is owned by the caller, and `*count` is how many there are.
//
// Any thread. Makes system calls. Errors: FORBIDDEN, SYSTEM.
capbuf_status capbuf_domain_list_new(const char *folder,
                                     size_t folder_len,
                                     capbuf_domain_list **domains,
                                     size_t *count,
                                     capbuf_error **error);

// Tells one domain of a list, by its number: its name (see "Texts") and what there is to see of it.
//
// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_domain_list_get(const capbuf_domain_list *domains,
                                     size_t number,
                                     char *out,
                                     size_t out_size,
                                     size_t *out_len,
                                     capbuf_domain_info *info,
                                     capbuf_error **error);

// Frees a list. NULL is nothing.
void capbuf_domain_list_free(capbuf_domain_list *domains);

// Removes a domain: all its buffers, as `capbuf_registry_remove` does, and its folder, if no process has it open.
//
// Any thread. Makes system calls. Errors: NOT_FOUND, INVALID_ARGUMENT, FORBIDDEN, SYSTEM.
capbuf_status capbuf_domain_remove(const char *domain,
                                   size_t domain_len,
                                   const char *folder,
                                   size_t folder_len,
                                   capbuf_error **error);

// Names a status: `"NOT_YET"`. A static text, never NULL; `"UNKNOWN"` for a number that is none.
//
// Any thread. Allocates nothing.
const char *capbuf_status_name(capbuf_status status);

// Tells the status that the call returned which gave this detail; `CAPBUF_NULL_ARGUMENT` for NULL.
//
// Any thread.
capbuf_status capbuf_error_code(const capbuf_error *error);

// Tells in words what went wrong, what was given and what is allowed. One line, without credentials. The text lives as long as
// the detail; NULL for NULL.
//
// Any thread.
const char *capbuf_error_message(const capbuf_error *error);

// Copies the numbers of an error.
//
// Any thread.
capbuf_status capbuf_error_numbers(const capbuf_error *error, capbuf_error_detail *detail);

// Frees a detail. NULL is nothing.
void capbuf_error_free(capbuf_error *error);

// Copies a span into the caller's memory: `room` samples at `samples`, of the format that the options name.
//
// What stands there is told in `*info`, if that is not NULL. `options` may be NULL. The memory beyond the span stays as it was;
// after an error other than TOO_SMALL its content is unspecified.
//
// Any thread. Allocates nothing. Blocks only if told to wait. Errors: NOT_YET, EVICTED, INVALID_RANGE, TOO_SMALL, TIMED_OUT, REMOVED,
// INVALID_ARGUMENT, MISALIGNED.
capbuf_status capbuf_buffer_read(const capbuf_buffer *buffer,
                                 const capbuf_span *span,
                                 const capbuf_read_options *options,
                                 void *samples,
                                 size_t room,
                                 capbuf_extracted *info,
                                 capbuf_error **error);

// Copies a span into new memory, with the gaps in it listed.
//
// On success `*segment` is owned by the caller. `options` may be NULL.
//
// Any thread. Allocates. Blocks only if told to wait. Errors: those of `capbuf_buffer_read`; OVER_BUDGET, OUT_OF_MEMORY.
capbuf_status capbuf_buffer_read_segment(const capbuf_buffer *buffer,
                                         const capbuf_span *span,
                                         const capbuf_read_options *options,
                                         capbuf_segment **segment,
                                         capbuf_error **error);

// Frees a segment. NULL is nothing.
//
// Once, by one thread, when nobody uses it any more.
void capbuf_segment_free(capbuf_segment *segment);

// Gives a segment's samples, interleaved, and how many there are: frames times channels. They live as long as the segment.
//
// Any thread. Errors: NULL_ARGUMENT.
capbuf_status capbuf_segment_samples(const capbuf_segment *segment,
                                     const void **samples,
                                     size_t *sample_count,
                                     capbuf_error **error);

// Tells where a segment came from and what stands in it.
//
// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_segment_info(const capbuf_segment *segment,
                                  capbuf_extracted *info,
                                  capbuf_error **error);

// Tells one gap of a segment, by its number: 0 to one below `gaps` of its info.
//
// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_segment_gap(const capbuf_segment *segment,
                                 size_t number,
                                 capbuf_gap *gap,
                                 capbuf_error **error);

// The bytes of one sample of a format; 0 for a number that is no format.
//
// Any thread.
size_t capbuf_sample_bytes(capbuf_sample_format sample_format);

// Opens a domain by its name, and makes it if there is none. NULL: the one that `CAPBUF_DOMAIN` names, or `default`.
//
// On success `*registry` is owned by the caller. `options` may be NULL.
//
// Any thread. Makes system calls. Errors: INVALID_ARGUMENT, FORBIDDEN, SYSTEM.
capbuf_status capbuf_registry_open(const char *domain,
                                   size_t domain_len,
                                   const capbuf_registry_options *options,
                                   capbuf_registry **registry,
                                   capbuf_error **error);

// Makes a registry that belongs to this process alone.
//
// On success `*registry` is owned by the caller. `options` may be NULL.
//
// Any thread. Allocates. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_registry_private(const capbuf_registry_options *options,
                                      capbuf_registry **registry,
                                      capbuf_error **error);

// Ends a registry handle. NULL is nothing. Buffers, writers and captures that came from it stay valid.
//
// Once, by one thread, when nobody uses the handle any more.
void capbuf_registry_free(capbuf_registry *registry);

// Tells the name of the registry's domain; an empty text for a private registry. See "Texts".
//
// Any thread. Errors: NULL_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_registry_domain(const capbuf_registry *registry,
                                     char *out,
                                     size_t out_size,
                                     size_t *out_len,
                                     capbuf_error **error);

// Tells the folder of the registry's domain; an empty text for a private registry. See "Texts".
//
// Any thread. Errors: NULL_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_registry_path(const capbuf_registry *registry,
                                   char *out,
                                   size_t out_size,
                                   size_t *out_len,
                                   capbuf_error **error);

// Makes the buffer of a source that has none.
//
// On success `*buffer` is owned by the caller.
//
// Any thread. Allocates; waits while somebody else is just making this source's buffer. Errors: ALREADY_EXISTS; those of
// `capbuf_registry_get_or_allocate`.
capbuf_status capbuf_registry_allocate(const capbuf_registry *registry,
                                       const char *source,
                                       size_t source_len,
                                       const capbuf_spec *spec,
                                       capbuf_buffer **buffer,
                                       capbuf_error **error);

// Finds the buffer of a source, or makes it if there is none, exactly once however many ask, in however many processes.
//
// On success `*buffer` is owned by the caller.
//
// Any thread. A hit costs a lookup and an allocation of the handle; a miss allocates. Errors: SPEC_MISMATCH, INVALID_SOURCE,
// INVALID_ARGUMENT, OVER_BUDGET, OUT_OF_MEMORY, OUT_OF_SPACE, SYSTEM, FORBIDDEN, LAYOUT_MISMATCH, CORRUPT, TOO_MANY_PROCESSES.
capbuf_status capbuf_registry_get_or_allocate(const capbuf_registry *registry,
                                              const char *source,
                                              size_t source_len,
                                              const capbuf_spec *spec,
                                              capbuf_buffer **buffer,
                                              capbuf_error **error);

// Finds the buffer of a source.
//
// On success `*buffer` is owned by the caller.
//
// Any thread. A lookup and an allocation of the handle. Errors: NOT_FOUND.
capbuf_status capbuf_registry_get(const capbuf_registry *registry,
                                  const char *source,
                                  size_t source_len,
                                  capbuf_buffer **buffer,
                                  capbuf_error **error);

// Tells whether a source has a buffer.
//
// Any thread. Waits for nobody, allocates nothing; a source that this registry has not met is looked for in its domain's folder.
// Errors: NULL_ARGUMENT, INVALID_ARGUMENT (no UTF-8).
capbuf_status capbuf_registry_contains(const capbuf_registry *registry,
                                       const char *source,
                                       size_t source_len,
                                       bool *contains,
                                       capbuf_error **error);

// Takes the buffer of a source out of the registry, for all processes of its domain. Handles stay valid and go on reading.
//
// Any thread. Allocates. Errors: NOT_FOUND, SYSTEM.
capbuf_status capbuf_registry_remove(const capbuf_registry *registry,
                                     const char *source,
                                     size_t source_len,
                                     capbuf_error **error);

// Gives handles on all buffers, by the order of their sources' names: up to `room` of them into `buffers`, and how many there are
// into `*count`. With `room` 0 it only counts.
//
// Each handle is owned by the caller.
//
// Any thread. Allocates; in a domain all are mapped by this. Errors: NULL_ARGUMENT.
capbuf_status capbuf_registry_list(const capbuf_registry *registry,
                                   capbuf_buffer **buffers,
                                   size_t room,
                                   size_t *count,
                                   capbuf_error **error);

// Tells what a registry has allocated so far and what of it is alive.
//
// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_registry_get_stats(const capbuf_registry *registry,
                                        capbuf_registry_stats *stats,
                                        capbuf_error **error);

// Takes away what processes of the domain left that died.
//
// Any thread. Looks at every buffer of the domain. Errors: SYSTEM.
capbuf_status capbuf_registry_sweep(const capbuf_registry *registry, capbuf_error **error);

// Gives back what is kept of removed buffers' memory, see `capbuf_registry_options`; in a domain, whoever kept it. What is just being
// overwritten stays.
//
// Any thread. Makes system calls. Errors: NULL_ARGUMENT, SYSTEM.
capbuf_status capbuf_registry_trim_pool(const capbuf_registry *registry,
                                        capbuf_error **error);

// Makes a station that records nothing yet.
//
// On success `*station` is owned by the caller.
//
// Any thread. Allocates. Errors: NULL_ARGUMENT.
capbuf_status capbuf_station_new(const capbuf_registry *registry,
                                 capbuf_station **station,
                                 capbuf_error **error);

// Records these sources, `count` of them, and no others: compares with what runs, and does not touch what is unchanged. What is new
// begins; what is gone ends, and its buffer becomes what was configured. All or nothing: what can't be is refused before anything is
// changed. Told the same again it does nothing.
//
// All of `sources` say the same size. On success, if `changes` is not NULL, `*changes` is owned by the caller; `*change_count` is how many
// there are, if that is not NULL.
//
// Any thread; those that call at the same time take turns, and what the last one said holds. Blocks while sources are stopped, five
// seconds at most; new ones are opened in the background. Errors: CAPTURE_FAILED for a source that can't be, with its name, or one that
// is given twice; INVALID_ARGUMENT. Nothing was changed then.
capbuf_status capbuf_station_reconfigure(const capbuf_station *station,
                                         const capbuf_source_config *sources,
                                         size_t count,
                                         capbuf_change_list **changes,
                                         size_t *change_count,
                                         capbuf_error **error);

// Tells one change of a list, by its number: what was done, one of the `CAPBUF_CHANGE_` constants, and the name of the source as it was
// given (see "Texts").
//
// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_change_list_get(const capbuf_change_list *changes,
                                     size_t number,
                                     uint32_t *change,
                                     char *out,
                                     size_t out_size,
                                     size_t *out_len,
                                     capbuf_error **error);

// Frees a list. NULL is nothing.
void capbuf_change_list_free(capbuf_change_list *changes);

// Lists the sources of a station as they are now, by name.
//
// On success `*sources` is owned by the caller, and `*count` is how many there are.
//
// Any thread. Allocates. Errors: NULL_ARGUMENT.
capbuf_status capbuf_station_sources(const capbuf_station *station,
                                     capbuf_source_list **sources,
                                     size_t *count,
                                     capbuf_error **error);

// Tells one source of a list, by its number: its name as it was given (see "Texts"), which is that of its buffer in the registry, and
// what there is to see of it.
//
// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_source_list_get(const capbuf_source_list *sources,
                                     size_t number,
                                     char *out,
                                     size_t out_size,
                                     size_t *out_len,
                                     capbuf_source_status *info,
                                     capbuf_error **error);

// Tells in words what one source of a list is doing, with the reason. See "Texts".
//
// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_source_list_state(const capbuf_source_list *sources,
                                       size_t number,
                                       char *out,
                                       size_t out_size,
                                       size_t *out_len,
                                       capbuf_error **error);

// Tells one of the newest changes of the state of one source of a list, by its number, the oldest first: what began and when, and
// why, where something is wrong (see "Texts"); an empty text otherwise.
//
// Any thread. Errors: INVALID_ARGUMENT, TOO_SMALL.
capbuf_status capbuf_source_list_transition(const capbuf_source_list *sources,
                                            size_t number,
                                            size_t transition,
                                            char *out,
                                            size_t out_size,
                                            size_t *out_len,
                                            capbuf_transition *info,
                                            capbuf_error **error);

// Frees a list. NULL is nothing.
void capbuf_source_list_free(capbuf_source_list *sources);

// Stops all sources, all at once, and waits for them, five seconds at most. The buffers stay. The station may be told again what to
// record.
//
// Any thread. Blocks. Errors: NULL_ARGUMENT.
capbuf_status capbuf_station_stop(const capbuf_station *station,
                                  capbuf_error **error);

// Stops all sources, as `capbuf_station_stop` does, and frees the station. NULL is nothing.
//
// Once, by one thread, when nobody uses the handle any more.
void capbuf_station_free(capbuf_station *station);

// Tells the version of the library that is linked: `"0.1.0"`. A static text.
//
// Any thread. Allocates nothing.
const char *capbuf_version(void);

// Tells the `CAPBUF_ABI_VERSION` of the library that is linked.
//
// Any thread. Allocates nothing.
uint32_t capbuf_abi_version(void);

// Shows a source without the user and password of a URL and without the values of parameters that look like secrets.
//
// `out`, `out_size`, `out_len`: see "Texts".
//
// Any thread. Allocates. Errors: NULL_ARGUMENT, INVALID_ARGUMENT (no UTF-8), TOO_SMALL.
capbuf_status capbuf_redact(const char *source,
                            size_t source_len,
                            char *out,
                            size_t out_size,
                            size_t *out_len,
                            capbuf_error **error);

// Tells a text: UTF-8, with a zero at its end; its length without it into `*out_len`, if that is not NULL. NULL for NULL.
//
// It lives as long as the handle. Any thread.
const char *capbuf_text_data(const capbuf_text *text,
                             size_t *out_len);

// Ends a text. NULL is nothing.
void capbuf_text_free(capbuf_text *text);

// Records every attempt to get a buffer from here on (`enable` is not 0), with what came of it, when, by whom and from where; or ends
// that. It begins as the environment's `DEBUG_BUFFER_ALLOC` says: `true`, `1`, `yes` or `on`.
//
// Off, it costs an attempt nothing; on, some microseconds, no lock, and memory of a fixed size. Call sites and stacks are resolved
// from the program's debug information when a report is made.
//
// Any thread. Errors: NULL_ARGUMENT.
capbuf_status capbuf_registry_enable_allocation_tracking(const capbuf_registry *registry,
                                                         uint32_t enable,
                                                         capbuf_error **error);

// Tells whether attempts are recorded.
//
// Any thread. Wait-free. Errors: NULL_ARGUMENT.
capbuf_status capbuf_registry_is_allocation_tracking(const capbuf_registry *registry,
                                                     bool *is_tracking,
                                                     capbuf_error **error);

// Looks at everything that is known of allocations, in a domain those of all its processes: attempts, allocations and live buffers by
// source and call site, who holds what, the newest stacks. No name is shown with its credentials.
//
// On success `*report` is owned by the caller.
//
// Any thread. Reads files, resolves stacks, allocates. Errors: NULL_ARGUMENT.
capbuf_status capbuf_registry_allocation_report(const capbuf_registry *registry,
                                                capbuf_report **report,
                                                capbuf_error **error);

// Tells a report as text to be read: UTF-8, with a zero at its end; its length without it into `*out_len`, if that is not NULL. NULL for
// NULL.
//
// It lives as long as the handle. Any thread.
const char *capbuf_report_text(const capbuf_report *report,
                               size_t *out_len);

// Tells the same report as JSON: `docs/schema/report.json`. Otherwise as `capbuf_report_text`.
//
// It lives as long as the handle. Any thread.
const char *capbuf_report_json(const capbuf_report *report, size_t *out_len);

// Ends a report. NULL is nothing.
//
// Once, by one thread, when nobody uses it any more.
void capbuf_report_free(capbuf_report *report);

// Tells metrics of the registry and its buffers, in Prometheus's text format.
//
// On success `*metrics` is owned by the caller.
//
// Any thread. Reads the last second of up to 64 sources, allocates. Errors: NULL_ARGUMENT.
capbuf_status capbuf_registry_metrics(const capbuf_registry *registry,
                                      capbuf_text **metrics,
                                      capbuf_error **error);

// Tells metrics of the whole domain, for who looks at it from outside: attempts are those of all processes that track.
//
// On success `*metrics` is owned by the caller.
//
// Any thread. Reads the last second of up to 64 sources, allocates. Errors: NULL_ARGUMENT.
capbuf_status capbuf_registry_domain_metrics(const capbuf_registry *registry,
                                             capbuf_text **metrics,
                                             capbuf_error **error);

// Calls `call` with `context`; what it asks registries for is recorded as asked by this caller, and not by who calls the library: for
// bindings of other languages. `places` are those of its stack, the innermost first, which is the call site; the first 23 are kept.
//
// Any thread; for this thread only. It is worth its while only if `capbuf_registry_is_allocation_tracking`. `call` must return.
// Errors: NULL_ARGUMENT, MISALIGNED, INVALID_ARGUMENT (no such language; no UTF-8); `call` was not called then.
capbuf_status capbuf_call_as(uint32_t language,
                             const capbuf_code_place *places,
                             size_t count,
                             void (*call)(void*),
                             void *context,
                             capbuf_error **error);

// Starts a thread that looks after the registry, or its domain, and finds what is wrong with how buffers are used.
//
// On success `*watch` is owned by the caller. `settings` may be NULL.
//
// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT, SYSTEM.
capbuf_status capbuf_registry_watch(const capbuf_registry *registry,
                                    const capbuf_watch_settings *settings,
                                    capbuf_watch **watch,
                                    capbuf_error **error);

// Takes the next event, as JSON: `docs/schema/event.json`; waits for one up to so many ns.
//
// On success `*event` is owned by the caller. Up to 1024 wait to be taken; then the oldest go.
//
// Any thread. Blocks. Errors: TIMED_OUT if none came; NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_watch_next(const capbuf_watch *watch,
                                int64_t timeout_ns,
                                capbuf_text **event,
                                capbuf_error **error);

// Tells how many events were not taken in time.
//
// Any thread. Errors: NULL_ARGUMENT.
capbuf_status capbuf_watch_dropped(const capbuf_watch *watch, uint64_t *dropped, capbuf_error **error);

// Ends a watch, and its thread. NULL is nothing.
//
// Once, by one thread, when nobody uses the handle any more, not even to wait for an event. Waits for the look that is under way.
void capbuf_watch_free(capbuf_watch *watch);

// Begins to listen to a source by the name of its buffer, which may be still to come. It follows the source through whatever becomes of
// its buffer: it hears what is written from now on. Clips that overlap are one: where it fires by itself, a clip is written when nothing
// that is still to be heard could be merged into it, so much later as there is audio from before in it.
//
// On success `*trigger` is owned by the caller. `options` must name a folder.
//
// Any thread. Starts a thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT; CAPTURE_FAILED for options that can't be, with the reason.
capbuf_status capbuf_trigger_begin(const capbuf_registry *registry,
                                   const char *source,
                                   size_t source_len,
                                   const capbuf_trigger_options *options,
                                   capbuf_trigger **trigger,
                                   capbuf_error **error);

// Fires at a moment in ns of UTC, past, present or to come.
//
// Any thread. Waits for nothing; allocates. Errors: NULL_ARGUMENT.
capbuf_status capbuf_trigger_fire(const capbuf_trigger *trigger, int64_t utc_ns, capbuf_error **error);

// Takes the next clip that was written: its path, and what is in it, if `info` is not NULL; waits for one up to so many ns.
//
// On success `*path` is owned by the caller. Up to 1024 wait to be taken; then the oldest go, their files stay.
//
// Any thread. Blocks. Errors: TIMED_OUT if none came; CAPTURE_FAILED, and others of `capbuf_buffer_clip`, for a clip that could not be
// written, after which there may be more; NULL_ARGUMENT, INVALID_ARGUMENT.
capbuf_status capbuf_trigger_next(const capbuf_trigger *trigger,
                                  int64_t timeout_ns,
                                  capbuf_text **path,
                                  capbuf_clip_info *info,
                                  capbuf_error **error);

// Ends a trigger, and its thread. NULL is nothing.
//
// Once, by one thread, when nobody uses the handle any more, not even to wait for a clip. A clip that was begun is
// written before: that may take as long as its end is still to come, and ten seconds more.
void capbuf_trigger_free(capbuf_trigger *trigger);

// Begins to go through a buffer window by window.
//
// On success `*windows` is owned by the caller. It keeps the buffer.
//
// Any thread. Allocates. Errors: INVALID_ARGUMENT for windows that are empty or longer than the buffer, or do not move.
capbuf_status capbuf_buffer_windows(const capbuf_buffer *buffer,
                                    const capbuf_window_options *options,
                                    capbuf_windows **windows,
                                    capbuf_error **error);

// Copies the next window into the caller's memory, converted to `sample_format`; waits for it up to `timeout_ns`.
//
// `room` is in samples: frames times channels. After an error the cursor is where it was: call again.
//
// The cursor's thread. Allocates nothing; sleeps while it waits. Errors: TIMED_OUT, TOO_SMALL, REMOVED (when the last window was
// given), INVALID_ARGUMENT, MISALIGNED.
capbuf_status capbuf_windows_next(capbuf_windows *windows,
                                  void *samples,
                                  size_t room,
                                  capbuf_sample_format sample_format,
                                  int64_t timeout_ns,
                                  capbuf_window *window,
                                  capbuf_error **error);

// Frees a cursor. NULL is nothing.
void capbuf_windows_free(capbuf_windows *windows);

// Takes the one writer of a buffer. It goes on where the last one ended.
//
// On success `*writer` is owned by the caller. It keeps the buffer: the buffer's own handle may be freed.
//
// Any thread. Allocates, makes system calls: before going real-time. Errors: WRITER_BUSY (the detail says by whom), REMOVED, CORRUPT.
capbuf_status capbuf_buffer_writer(const capbuf_buffer *buffer,
                                   capbuf_writer **writer,
                                   capbuf_error **error);

// Gives the writer back. NULL is nothing.
//
// Once, by the thread that uses it. May unmap memory: not on an audio thread.
void capbuf_writer_free(capbuf_writer *writer);

// Writes interleaved samples, `sample_count` of them: frames times channels.
//
// `sample_format` says what `samples` points to, and must be the buffer's own. `capture_utc_ns` is when the first frame was
// captured, in ns of UTC, or CAPBUF_TIME_NOW. It may jitter; it is filtered.
//
// The writer's thread. Real-time safe: wait-free, no allocation, no system call, if `error` is NULL. Errors: REMOVED, FORMAT_MISMATCH,
// FORKED. Nothing is written then.
capbuf_status capbuf_writer_write(capbuf_writer *writer,
                                  const void *samples,
                                  size_t sample_count,
                                  capbuf_sample_format sample_format,
                                  int64_t capture_utc_ns,
                                  capbuf_error **error);

// Writes bytes of samples in the buffer's format, any number of them: the beginning of a frame is kept until its end comes.
//
// `capture_utc_ns` is when the first frame that begins in them was captured, in ns of UTC, or CAPBUF_TIME_NOW.
//
// The writer's thread. Real-time safe if `error` is NULL. Errors: REMOVED, FORKED.
capbuf_status capbuf_writer_write_bytes(capbuf_writer *writer,
                                        const char *bytes,
                                        size_t byte_count,
                                        int64_t capture_utc_ns,
                                        capbuf_error **error);

// Says that what is written next does not follow what was written last.
//
// `reason` is one of the `CAPBUF_GAP_` constants, `duration_ns` how much audio is missing, or CAPBUF_DURATION_UNKNOWN. The beginning
// of a frame whose end has not come is dropped.
//
// The writer's thread. Real-time safe if `error` is NULL. Errors: INVALID_ARGUMENT.
capbuf_status capbuf_writer_gap(capbuf_writer *writer,
                                uint32_t reason,
                                int64_t duration_ns,
                                capbuf_error **error);

// Tells the number that the next frame will have.
//
// The writer's thread. Wait-free. Errors: NULL_ARGUMENT.
capbuf_status capbuf_writer_next_frame(const capbuf_writer *writer,
                                       uint64_t *next_frame,
                                       capbuf_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CAPBUF_H */
