/* The C calls that Go cannot make directly. It calls everything else in capbuf.h itself. */
#ifndef CAPBUF_GO_CALLS_H
#define CAPBUF_GO_CALLS_H

#include <capbuf.h>

/* The result of a call, by value. */
typedef struct {
    capbuf_status status;
    capbuf_error *detail;
    void *handle;
    size_t count;
} capbuf_go_result;

/* Calls on audio paths.
 *
 * Handles are numbers and results values: cgo checks a pointer to an opaque type, and to a pointer,
 * on each call (26 of 190 ns of a write). Samples are char: of a pointer to void, cgo checks the
 * whole object, and panics if the samples lie in one that holds Go pointers. */

/* Shim: handle as a number, samples as char, result by value. */
static inline capbuf_go_result capbuf_go_write(uintptr_t writer, const char *samples, size_t count,
                                               uint32_t sample_format, int64_t capture_utc_ns) {
    capbuf_go_result result = {0};
    result.status = capbuf_writer_write((capbuf_writer *)writer, samples, count, sample_format, capture_utc_ns,
                                        &result.detail);
    return result;
}

/* Shim: handle as a number, result by value. */
static inline capbuf_go_result capbuf_go_write_bytes(uintptr_t writer, const char *bytes, size_t count,
                                                     int64_t capture_utc_ns) {
    capbuf_go_result result = {0};
    result.status = capbuf_writer_write_bytes((capbuf_writer *)writer, bytes, count, capture_utc_ns, &result.detail);
    return result;
}

/* Shim: handle as a number, samples as char, structures and result by value. */
static inline capbuf_go_result capbuf_go_read(uintptr_t buffer, uint32_t kind, int64_t first, int64_t end,
                                              uint32_t available, uint32_t silence, uint32_t sample_format,
                                              char *samples, size_t room, capbuf_extracted *info) {
    capbuf_go_result result = {0};
    capbuf_span span = {kind, 0, first, end};
    capbuf_read_options options = {sizeof options, 0, available, silence, sample_format, 0};
    result.status = capbuf_buffer_read((const capbuf_buffer *)buffer, &span, &options, samples, room, info,
                                       &result.detail);
    return result;
}

/* Sets `*needed` to the samples that a read needs; if none, describes it. Shim: three calls. */
static inline capbuf_go_result capbuf_go_measure(uintptr_t buffer, uint32_t kind, int64_t first, int64_t end,
                                                 uint32_t available, uint32_t silence, uint32_t sample_format,
                                                 uint64_t *needed, capbuf_extracted *info) {
    capbuf_error_detail numbers = {sizeof numbers};
    capbuf_go_result result =
        capbuf_go_read(buffer, kind, first, end, available, silence, sample_format, NULL, 0, info);
    if (result.status == CAPBUF_TOO_SMALL && capbuf_error_numbers(result.detail, &numbers) == CAPBUF_OK &&
        numbers.needed_samples > 0) {
        *needed = numbers.needed_samples;
        capbuf_error_free(result.detail);
        result = (capbuf_go_result){0};
    }
    return result;
}

/* TIMED_OUT, usual while waiting, has no detail. Shim: two calls, samples as char. */
static inline capbuf_go_result capbuf_go_next_window(capbuf_windows *windows, char *samples, size_t room,
                                                     uint32_t sample_format, capbuf_window *window) {
    capbuf_go_result result = {0};
    result.status = capbuf_windows_next(windows, samples, room, sample_format, 0, window, &result.detail);
    if (result.status == CAPBUF_TIMED_OUT) {
        capbuf_error_free(result.detail);
        result.detail = NULL;
    }
    return result;
}

/* Calls under capbuf_call_as, which takes a C callback. */

typedef enum {
    CAPBUF_GO_ALLOCATE,
    CAPBUF_GO_GET_OR_ALLOCATE,
    CAPBUF_GO_GET,
    CAPBUF_GO_REMOVE,
    CAPBUF_GO_START_CAPTURE,
    CAPBUF_GO_RECONFIGURE,
} capbuf_go_function;

typedef struct {
    capbuf_go_function function;
    /* A capbuf_registry; to reconfigure, a capbuf_station. */
    const void *target;
    const char *source;
    size_t source_len;
    /* A capbuf_spec or capbuf_capture_options; to reconfigure, `count` of capbuf_source_config. */
    const void *options;
    size_t count;
    capbuf_buffer_info *info;
    capbuf_go_result result;
} capbuf_go_call;

static inline void capbuf_go_run(void *context) {
    capbuf_go_call *call = (capbuf_go_call *)context;
    capbuf_go_result *result = &call->result;
    capbuf_buffer *buffer = NULL;
    capbuf_capture *capture = NULL;
    capbuf_change_list *changes = NULL;
    switch (call->function) {
    case CAPBUF_GO_ALLOCATE:
        result->status = capbuf_registry_allocate((const capbuf_registry *)call->target, call->source, call->source_len,
                                                  (const capbuf_spec *)call->options, &buffer, &result->detail);
        result->handle = buffer;
        break;
    case CAPBUF_GO_GET_OR_ALLOCATE:
        result->status = capbuf_registry_get_or_allocate_with_info(
            (const capbuf_registry *)call->target, call->source, call->source_len, (const capbuf_spec *)call->options,
            &buffer, call->info, &result->detail);
        result->handle = buffer;
        break;
    case CAPBUF_GO_GET:
        result->status = capbuf_registry_get_with_info((const capbuf_registry *)call->target, call->source,
                                                       call->source_len, &buffer, call->info, &result->detail);
        result->handle = buffer;
        break;
    case CAPBUF_GO_REMOVE:
        result->status = capbuf_registry_remove((const capbuf_registry *)call->target, call->source, call->source_len,
                                                &result->detail);
        break;
    case CAPBUF_GO_START_CAPTURE:
        result->status =
            capbuf_capture_start((const capbuf_registry *)call->target, call->source, call->source_len,
                                 (const capbuf_capture_options *)call->options, &capture, &result->detail);
        result->handle = capture;
        break;
    case CAPBUF_GO_RECONFIGURE:
        result->status = capbuf_station_reconfigure((const capbuf_station *)call->target,
                                                    (const capbuf_source_config *)call->options, call->count, &changes,
                                                    &result->count, &result->detail);
        result->handle = changes;
        break;
    }
}

/* Calls `function`, recorded with the stack `places`. Shim: capbuf_call_as needs a C callback. */
static inline capbuf_go_result capbuf_go_call_as(const capbuf_code_place *places, size_t place_count,
                                                 capbuf_go_function function, const void *target, const char *source,
                                                 size_t source_len, const void *options, size_t count,
                                                 capbuf_buffer_info *info) {
    capbuf_go_call call = {function, target, source, source_len, options, count, info, {0}};
    capbuf_go_result result = {0};
    result.status =
        capbuf_call_as(CAPBUF_LANGUAGE_GO, places, place_count, capbuf_go_run, &call, &result.detail);
    return result.status == CAPBUF_OK ? call.result : result;
}

#endif
