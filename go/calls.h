/* How Go calls the C interface: numbers and texts go in by value and pointer, what comes out comes by value.
 *
 * A Go pointer to memory that holds a C pointer would be looked through by cgo at each call, and would put that memory on Go's heap;
 * none is passed here. On the paths that audio takes handles come as numbers: cgo would look at pointers to opaque types each time.
 * Nothing is decided here: a function makes the one call, and fetches what belongs to its result.
 */
#ifndef CAPBUF_GO_CALLS_H
#define CAPBUF_GO_CALLS_H

#include <capbuf.h>

#include <stdlib.h>
#include <string.h>

/* What came of a call: on success a handle or numbers, where the call gives any; else the status and its detail. */
typedef struct {
    capbuf_status status;
    capbuf_error *error;
    void *handle;
    uint64_t number;
    uint64_t second;
} capbuf_go_outcome;

/* Errors. */

static inline capbuf_go_outcome capbuf_go_error_numbers(const capbuf_error *error, capbuf_error_detail *detail) {
    capbuf_go_outcome outcome = {0};
    detail->struct_size = sizeof *detail;
    outcome.status = capbuf_error_numbers(error, detail);
    return outcome;
}

/* The registry. */

/* What numbers say of a registry: they go by value. */
typedef struct {
    uint64_t budget_bytes, max_buffer_bytes, pool_bytes;
    int64_t pool_age_ns;
    uint32_t track_allocations;
} capbuf_go_limits;

static inline capbuf_registry_options capbuf_go_options(capbuf_go_limits limits, const char *folder, size_t folder_len) {
    capbuf_registry_options options = {0};
    options.struct_size = sizeof options;
    options.budget_bytes = limits.budget_bytes, options.max_buffer_bytes = limits.max_buffer_bytes;
    options.pool_bytes = limits.pool_bytes, options.pool_age_ns = limits.pool_age_ns;
    options.track_allocations = limits.track_allocations;
    options.domains_folder = folder, options.domains_folder_len = folder_len;
    return options;
}

static inline capbuf_go_outcome capbuf_go_open(const char *domain, size_t domain_len, capbuf_go_limits limits,
                                               const char *folder, size_t folder_len) {
    capbuf_go_outcome outcome = {0};
    capbuf_registry_options options = capbuf_go_options(limits, folder, folder_len);
    capbuf_registry *registry = NULL;
    outcome.status = capbuf_registry_open(domain, domain_len, &options, &registry, &outcome.error);
    outcome.handle = registry;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_private(capbuf_go_limits limits) {
    capbuf_go_outcome outcome = {0};
    capbuf_registry_options options = capbuf_go_options(limits, NULL, 0);
    capbuf_registry *registry = NULL;
    outcome.status = capbuf_registry_private(&options, &registry, &outcome.error);
    outcome.handle = registry;
    return outcome;
}

/* The buffer's number goes with its handle, and its shape, where there is a place for it. */
static inline capbuf_go_outcome capbuf_go_describe(capbuf_go_outcome outcome, capbuf_buffer *buffer, capbuf_spec *spec) {
    if (outcome.status == CAPBUF_OK) {
        outcome.handle = buffer;
        outcome.status = capbuf_buffer_id(buffer, &outcome.number, &outcome.error);
    }
    if (outcome.status == CAPBUF_OK) {
        spec->struct_size = sizeof *spec;
        outcome.status = capbuf_buffer_get_spec(buffer, spec, &outcome.error);
    }
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_allocate(const capbuf_registry *registry, const char *source, size_t source_len,
                                                   capbuf_spec *spec) {
    capbuf_go_outcome outcome = {0};
    capbuf_buffer *buffer = NULL;
    spec->struct_size = sizeof *spec;
    outcome.status = capbuf_registry_allocate(registry, source, source_len, spec, &buffer, &outcome.error);
    return capbuf_go_describe(outcome, buffer, spec);
}

static inline capbuf_go_outcome capbuf_go_get_or_allocate(const capbuf_registry *registry, const char *source,
                                                          size_t source_len, capbuf_spec *spec) {
    capbuf_go_outcome outcome = {0};
    capbuf_buffer *buffer = NULL;
    spec->struct_size = sizeof *spec;
    outcome.status = capbuf_registry_get_or_allocate(registry, source, source_len, spec, &buffer, &outcome.error);
    return capbuf_go_describe(outcome, buffer, spec);
}

static inline capbuf_go_outcome capbuf_go_get(const capbuf_registry *registry, const char *source, size_t source_len,
                                              capbuf_spec *spec) {
    capbuf_go_outcome outcome = {0};
    capbuf_buffer *buffer = NULL;
    outcome.status = capbuf_registry_get(registry, source, source_len, &buffer, &outcome.error);
    return capbuf_go_describe(outcome, buffer, spec);
}

/* 1 or 0; 0 also for what is no source at all. */
static inline int capbuf_go_contains(uintptr_t registry, const char *source, size_t source_len) {
    bool contains = false;
    capbuf_registry_contains((const capbuf_registry *)registry, source, source_len, &contains, NULL);
    return contains;
}

static inline capbuf_go_outcome capbuf_go_remove(const capbuf_registry *registry, const char *source, size_t source_len) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_registry_remove(registry, source, source_len, &outcome.error);
    return outcome;
}

/* Handles on up to `room` buffers, as numbers: they are C's, and nothing for Go's collector to look at. */
static inline capbuf_go_outcome capbuf_go_list(const capbuf_registry *registry, uintptr_t *buffers, size_t room) {
    capbuf_go_outcome outcome = {0};
    size_t count = 0;
    outcome.status = capbuf_registry_list(registry, (capbuf_buffer **)buffers, room, &count, &outcome.error);
    outcome.number = count;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_described(uintptr_t buffer, capbuf_spec *spec) {
    capbuf_go_outcome outcome = {0};
    return capbuf_go_describe(outcome, (capbuf_buffer *)buffer, spec);
}

static inline capbuf_go_outcome capbuf_go_registry_stats(const capbuf_registry *registry, capbuf_registry_stats *stats) {
    capbuf_go_outcome outcome = {0};
    stats->struct_size = sizeof *stats;
    outcome.status = capbuf_registry_get_stats(registry, stats, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_sweep(const capbuf_registry *registry) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_registry_sweep(registry, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_trim_pool(const capbuf_registry *registry) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_registry_trim_pool(registry, &outcome.error);
    return outcome;
}

/* Tracking. */

static inline capbuf_go_outcome capbuf_go_track(const capbuf_registry *registry, int enable) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_registry_enable_allocation_tracking(registry, (uint32_t)enable, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_is_tracking(const capbuf_registry *registry) {
    capbuf_go_outcome outcome = {0};
    bool is_tracking = false;
    outcome.status = capbuf_registry_is_allocation_tracking(registry, &is_tracking, &outcome.error);
    outcome.number = is_tracking;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_report(const capbuf_registry *registry) {
    capbuf_go_outcome outcome = {0};
    capbuf_report *report = NULL;
    outcome.status = capbuf_registry_allocation_report(registry, &report, &outcome.error);
    outcome.handle = report;
    return outcome;
}

/* The address of a report's bytes, as text or as JSON, in `number`, and how many there are in `second`. */
static inline capbuf_go_outcome capbuf_go_report_told(const capbuf_report *report, int as_json) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    outcome.number = (uintptr_t)(as_json ? capbuf_report_json(report, &len) : capbuf_report_text(report, &len));
    outcome.second = len;
    return outcome;
}

/* Texts of C's own as numbers: the address of the text, to be freed, in `number`. */

static inline capbuf_go_outcome capbuf_go_metrics(const capbuf_registry *registry, int whole_domain) {
    capbuf_go_outcome outcome = {0};
    capbuf_text *text = NULL;
    outcome.status = whole_domain ? capbuf_registry_domain_metrics(registry, &text, &outcome.error)
                                  : capbuf_registry_metrics(registry, &text, &outcome.error);
    outcome.number = (uintptr_t)text;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_watch_next(const capbuf_watch *watch, int64_t timeout_ns) {
    capbuf_go_outcome outcome = {0};
    capbuf_text *text = NULL;
    outcome.status = capbuf_watch_next(watch, timeout_ns, &text, &outcome.error);
    outcome.number = (uintptr_t)text;
    return outcome;
}

/* The address of a text's bytes in `number`, and how many there are in `second`. */
static inline capbuf_go_outcome capbuf_go_text(uint64_t text) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    outcome.number = (uintptr_t)capbuf_text_data((const capbuf_text *)(uintptr_t)text, &len);
    outcome.second = len;
    return outcome;
}

static inline void capbuf_go_text_free(uint64_t text) {
    capbuf_text_free((capbuf_text *)(uintptr_t)text);
}

static inline capbuf_go_outcome capbuf_go_watch(const capbuf_registry *registry, capbuf_watch_settings *settings) {
    capbuf_go_outcome outcome = {0};
    capbuf_watch *watch = NULL;
    settings->struct_size = sizeof *settings;
    outcome.status = capbuf_registry_watch(registry, settings, &watch, &outcome.error);
    outcome.handle = watch;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_watch_dropped(const capbuf_watch *watch) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_watch_dropped(watch, &outcome.number, &outcome.error);
    return outcome;
}

/* Calls in the name of Go code. */

enum { CAPBUF_GO_PLACES = 16 };

typedef enum {
    CAPBUF_GO_ALLOCATE,
    CAPBUF_GO_GET_OR_ALLOCATE,
    CAPBUF_GO_GET,
    CAPBUF_GO_REMOVE,
    CAPBUF_GO_CAPTURE,
    CAPBUF_GO_RECONFIGURE,
} capbuf_go_call;

typedef struct {
    capbuf_go_call call;
    const capbuf_registry *registry;
    const char *source;
    size_t source_len;
    void *shape;
    capbuf_go_outcome outcome;
} capbuf_go_asked;

static inline capbuf_go_outcome capbuf_go_capture_start(const capbuf_registry *registry, const char *source, size_t source_len,
                                                        const capbuf_capture_options *options);

static inline capbuf_go_outcome capbuf_go_reconfigure(void *configuration);

static inline void capbuf_go_ask(void *context) {
    capbuf_go_asked *asked = (capbuf_go_asked *)context;
    switch (asked->call) {
    case CAPBUF_GO_ALLOCATE:
        asked->outcome =
            capbuf_go_allocate(asked->registry, asked->source, asked->source_len, (capbuf_spec *)asked->shape);
        break;
    case CAPBUF_GO_GET_OR_ALLOCATE:
        asked->outcome =
            capbuf_go_get_or_allocate(asked->registry, asked->source, asked->source_len, (capbuf_spec *)asked->shape);
        break;
    case CAPBUF_GO_GET:
        asked->outcome = capbuf_go_get(asked->registry, asked->source, asked->source_len, (capbuf_spec *)asked->shape);
        break;
    case CAPBUF_GO_REMOVE:
        asked->outcome = capbuf_go_remove(asked->registry, asked->source, asked->source_len);
        break;
    case CAPBUF_GO_CAPTURE:
        asked->outcome = capbuf_go_capture_start(asked->registry, asked->source, asked->source_len,
                                                 (const capbuf_capture_options *)asked->shape);
        break;
    case CAPBUF_GO_RECONFIGURE:
        asked->outcome = capbuf_go_reconfigure(asked->shape);
        break;
    }
}

/* `texts` holds file and function of each place, one behind the other; `numbers` three a place: the bytes of both, and the line. */
static inline capbuf_go_outcome capbuf_go_as(const char *texts, const uint32_t *numbers, size_t count, capbuf_go_call call,
                                             const capbuf_registry *registry, const char *source, size_t source_len,
                                             void *shape) {
    capbuf_code_place places[CAPBUF_GO_PLACES] = {{0}};
    capbuf_go_asked asked = {call, registry, source, source_len, shape, {0}};
    for (size_t i = 0; i < count && i < CAPBUF_GO_PLACES; i++, numbers += 3) {
        places[i].file = texts, places[i].file_len = numbers[0], texts += numbers[0];
        places[i].function = texts, places[i].function_len = numbers[1], texts += numbers[1];
        places[i].line = numbers[2];
    }
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_call_as(CAPBUF_LANGUAGE_GO, places, count, capbuf_go_ask, &asked, &outcome.error);
    return outcome.status == CAPBUF_OK ? asked.outcome : outcome;
}

/* Texts: the length goes to `number`, if there was too little room as well. */

static inline capbuf_go_outcome capbuf_go_registry_domain(const capbuf_registry *registry, char *out, size_t out_size) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    outcome.status = capbuf_registry_domain(registry, out, out_size, &len, &outcome.error);
    outcome.number = len;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_registry_path(const capbuf_registry *registry, char *out, size_t out_size) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    outcome.status = capbuf_registry_path(registry, out, out_size, &len, &outcome.error);
    outcome.number = len;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_buffer_source(const capbuf_buffer *buffer, char *out, size_t out_size) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    outcome.status = capbuf_buffer_source(buffer, out, out_size, &len, &outcome.error);
    outcome.number = len;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_redact(const char *source, size_t source_len, char *out, size_t out_size) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    outcome.status = capbuf_redact(source, source_len, out, out_size, &len, &outcome.error);
    outcome.number = len;
    return outcome;
}

/* The buffer. */

static inline capbuf_go_outcome capbuf_go_frames(const capbuf_buffer *buffer) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_buffer_frames(buffer, &outcome.number, &outcome.second, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_is_removed(const capbuf_buffer *buffer) {
    capbuf_go_outcome outcome = {0};
    bool is_removed = false;
    outcome.status = capbuf_buffer_is_removed(buffer, &is_removed, &outcome.error);
    outcome.number = is_removed;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_buffer_status(const capbuf_buffer *buffer, capbuf_buffer_status *status) {
    capbuf_go_outcome outcome = {0};
    status->struct_size = sizeof *status;
    outcome.status = capbuf_buffer_get_status(buffer, status, &outcome.error);
    return outcome;
}

static inline capbuf_read_options capbuf_go_read_options(uint32_t available, uint32_t silence, uint32_t sample_format) {
    capbuf_read_options options = {0};
    options.struct_size = sizeof options;
    options.available = available, options.silence = silence, options.sample_format = sample_format;
    return options;
}

static inline capbuf_go_outcome capbuf_go_read(const capbuf_buffer *buffer, uint32_t kind, int64_t first, int64_t end,
                                               uint32_t available, uint32_t silence, uint32_t sample_format, char *samples,
                                               size_t room, capbuf_extracted *info) {
    capbuf_go_outcome outcome = {0};
    capbuf_span span = {kind, 0, first, end};
    capbuf_read_options options = capbuf_go_read_options(available, silence, sample_format);
    info->struct_size = sizeof *info;
    outcome.status = capbuf_buffer_read(buffer, &span, &options, samples, room, info, &outcome.error);
    return outcome;
}

/* How many samples a span would take, in `number`, as TOO_SMALL without a detail. */
static inline capbuf_go_outcome capbuf_go_measure(const capbuf_buffer *buffer, uint32_t kind, int64_t first, int64_t end,
                                                  uint32_t available, uint32_t silence, uint32_t sample_format,
                                                  capbuf_extracted *info) {
    capbuf_go_outcome outcome =
        capbuf_go_read(buffer, kind, first, end, available, silence, sample_format, NULL, 0, info);
    if (outcome.status == CAPBUF_TOO_SMALL) {
        capbuf_error_detail detail = {sizeof detail};
        capbuf_error_numbers(outcome.error, &detail);
        capbuf_error_free(outcome.error);
        outcome.error = NULL;
        outcome.number = detail.needed_samples;
    }
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_read_segment(const capbuf_buffer *buffer, uint32_t kind, int64_t first, int64_t end,
                                                       uint32_t available, uint32_t silence, uint32_t sample_format,
                                                       capbuf_extracted *info) {
    capbuf_go_outcome outcome = {0};
    capbuf_span span = {kind, 0, first, end};
    capbuf_read_options options = capbuf_go_read_options(available, silence, sample_format);
    capbuf_segment *segment = NULL;
    outcome.status = capbuf_buffer_read_segment(buffer, &span, &options, &segment, &outcome.error);
    if (outcome.status == CAPBUF_OK) {
        outcome.handle = segment;
        info->struct_size = sizeof *info;
        outcome.status = capbuf_segment_info(segment, info, &outcome.error);
    }
    return outcome;
}

/* The address of a segment's samples in `number`, their count in `second`. */
static inline capbuf_go_outcome capbuf_go_segment_samples(const capbuf_segment *segment) {
    capbuf_go_outcome outcome = {0};
    const void *samples = NULL;
    size_t count = 0;
    outcome.status = capbuf_segment_samples(segment, &samples, &count, &outcome.error);
    outcome.handle = (void *)samples, outcome.number = count;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_segment_gap(const capbuf_segment *segment, size_t number, capbuf_gap *gap) {
    capbuf_go_outcome outcome = {0};
    gap->struct_size = sizeof *gap;
    outcome.status = capbuf_segment_gap(segment, number, gap, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_write_clip(const capbuf_segment *segment, const char *path, size_t path_len,
                                                     capbuf_clip_info *info) {
    capbuf_go_outcome outcome = {0};
    info->struct_size = sizeof *info;
    outcome.status = capbuf_segment_write_clip(segment, path, path_len, info, &outcome.error);
    return outcome;
}

/* The writer. */

static inline capbuf_go_outcome capbuf_go_writer(const capbuf_buffer *buffer) {
    capbuf_go_outcome outcome = {0};
    capbuf_writer *writer = NULL;
    outcome.status = capbuf_buffer_writer(buffer, &writer, &outcome.error);
    outcome.handle = writer;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_write(uintptr_t writer, const char *samples, size_t count,
                                                uint32_t sample_format, int64_t capture_utc_ns) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_writer_write((capbuf_writer *)writer, samples, count, sample_format, capture_utc_ns, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_write_bytes(uintptr_t writer, const char *bytes, size_t count,
                                                      int64_t capture_utc_ns) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_writer_write_bytes((capbuf_writer *)writer, bytes, count, capture_utc_ns, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_gap(capbuf_writer *writer, uint32_t reason, int64_t duration_ns) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_writer_gap(writer, reason, duration_ns, &outcome.error);
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_next_frame(const capbuf_writer *writer) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_writer_next_frame(writer, &outcome.number, &outcome.error);
    return outcome;
}

/* Windows. */

static inline capbuf_go_outcome capbuf_go_windows(const capbuf_buffer *buffer, const capbuf_window_options *options) {
    capbuf_go_outcome outcome = {0};
    capbuf_windows *windows = NULL;
    outcome.status = capbuf_buffer_windows(buffer, options, &windows, &outcome.error);
    outcome.handle = windows;
    return outcome;
}

/* TIMED_OUT, without a detail, if the next window is not there yet. */
static inline capbuf_go_outcome capbuf_go_next_window(capbuf_windows *windows, char *samples, size_t room,
                                                      uint32_t sample_format, capbuf_window *window) {
    capbuf_go_outcome outcome = {0};
    window->struct_size = sizeof *window;
    outcome.status = capbuf_windows_next(windows, samples, room, sample_format, 0, window, &outcome.error);
    if (outcome.status == CAPBUF_TIMED_OUT) {
        capbuf_error_free(outcome.error);
        outcome.error = NULL;
    }
    return outcome;
}

/* Captures. */

static inline capbuf_go_outcome capbuf_go_capture_start(const capbuf_registry *registry, const char *source,
                                                        size_t source_len, const capbuf_capture_options *options) {
    capbuf_go_outcome outcome = {0};
    capbuf_capture *capture = NULL;
    outcome.status = capbuf_capture_start(registry, source, source_len, options, &capture, &outcome.error);
    outcome.handle = capture;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_capture_buffer(const capbuf_capture *capture, capbuf_spec *spec) {
    capbuf_go_outcome outcome = {0};
    capbuf_buffer *buffer = NULL;
    outcome.status = capbuf_capture_buffer(capture, &buffer, &outcome.error);
    return capbuf_go_describe(outcome, buffer, spec);
}

static inline capbuf_go_outcome capbuf_go_capture_state(const capbuf_capture *capture, char *out, size_t out_size) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    uint32_t state = 0;
    outcome.status = capbuf_capture_state(capture, &state, out, out_size, &len, &outcome.error);
    outcome.number = len, outcome.second = state;
    return outcome;
}

/* Stations. */

/* What a station is to be told, in C's memory: Go's can't hold pointers to Go's. */
typedef struct {
    const capbuf_station *station;
    size_t count;
    capbuf_source_config sources[];
} capbuf_go_configuration;

/* `texts` holds name and locator of each source, one behind the other; `numbers` three a source: the bytes of both, and what becomes
 * of it. Ended by `free`. */
static inline void *capbuf_go_configuration_new(const capbuf_station *station, const char *texts, size_t texts_len,
                                                const uint32_t *numbers, const capbuf_capture_options *options,
                                                size_t count) {
    size_t own = sizeof(capbuf_go_configuration) + count * sizeof(capbuf_source_config);
    size_t all = own + count * sizeof(capbuf_capture_options) + texts_len;
    capbuf_go_configuration *it = (capbuf_go_configuration *)calloc(1, all);
    if (it == NULL) {
        return NULL;
    }
    capbuf_capture_options *asked = (capbuf_capture_options *)((char *)it + own);
    char *text = (char *)(asked + count);
    if (count > 0) {
        memcpy(asked, options, count * sizeof *options);
        memcpy(text, texts, texts_len);
    }
    it->station = station, it->count = count;
    for (size_t i = 0; i < count; i++, numbers += 3) {
        it->sources[i].struct_size = sizeof it->sources[i];
        it->sources[i].name = text, it->sources[i].name_len = numbers[0], text += numbers[0];
        it->sources[i].locator = text, it->sources[i].locator_len = numbers[1], text += numbers[1];
        it->sources[i].when_gone = numbers[2], it->sources[i].options = &asked[i];
    }
    return it;
}

static inline capbuf_go_outcome capbuf_go_reconfigure(void *configuration) {
    capbuf_go_outcome outcome = {0};
    const capbuf_go_configuration *it = (const capbuf_go_configuration *)configuration;
    capbuf_change_list *changes = NULL;
    size_t count = 0;
    outcome.status = capbuf_station_reconfigure(it->station, it->sources, it->count, &changes, &count, &outcome.error);
    outcome.handle = changes, outcome.number = count;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_change(const capbuf_change_list *changes, size_t number, char *out, size_t out_size) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    uint32_t change = 0;
    outcome.status = capbuf_change_list_get(changes, number, &change, out, out_size, &len, &outcome.error);
    outcome.number = len, outcome.second = change;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_station(const capbuf_registry *registry) {
    capbuf_go_outcome outcome = {0};
    capbuf_station *station = NULL;
    outcome.status = capbuf_station_new(registry, &station, &outcome.error);
    outcome.handle = station;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_sources(const capbuf_station *station) {
    capbuf_go_outcome outcome = {0};
    capbuf_source_list *sources = NULL;
    size_t count = 0;
    outcome.status = capbuf_station_sources(station, &sources, &count, &outcome.error);
    outcome.handle = sources, outcome.number = count;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_source(const capbuf_source_list *sources, size_t number, char *out, size_t out_size,
                                                 capbuf_source_status *info) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    info->struct_size = sizeof *info;
    outcome.status = capbuf_source_list_get(sources, number, out, out_size, &len, info, &outcome.error);
    outcome.number = len;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_source_state(const capbuf_source_list *sources, size_t number, char *out,
                                                       size_t out_size) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    outcome.status = capbuf_source_list_state(sources, number, out, out_size, &len, &outcome.error);
    outcome.number = len;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_source_transition(const capbuf_source_list *sources, size_t number, size_t transition,
                                                            char *out, size_t out_size, capbuf_transition *info) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    info->struct_size = sizeof *info;
    outcome.status = capbuf_source_list_transition(sources, number, transition, out, out_size, &len, info, &outcome.error);
    outcome.number = len;
    return outcome;
}

/* Triggers. */

/* What numbers say of a trigger: they go by value. */
typedef struct {
    int64_t before_ns, after_ns, at_most_ns;
    float louder_than_dbfs, low_hz, high_hz;
    uint32_t flac;
} capbuf_go_trigger_numbers;

static inline capbuf_go_outcome capbuf_go_trigger(const capbuf_registry *registry, const char *source, size_t source_len,
                                                  const char *folder, size_t folder_len, capbuf_go_trigger_numbers numbers) {
    capbuf_go_outcome outcome = {0};
    capbuf_trigger *trigger = NULL;
    capbuf_trigger_options options = {0};
    options.struct_size = sizeof options;
    options.folder = folder, options.folder_len = folder_len;
    options.before_ns = numbers.before_ns, options.after_ns = numbers.after_ns, options.at_most_ns = numbers.at_most_ns;
    options.louder_than_dbfs = numbers.louder_than_dbfs;
    options.low_hz = numbers.low_hz, options.high_hz = numbers.high_hz, options.flac = numbers.flac;
    outcome.status = capbuf_trigger_begin(registry, source, source_len, &options, &trigger, &outcome.error);
    outcome.handle = trigger;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_fire(const capbuf_trigger *trigger, int64_t utc_ns) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_trigger_fire(trigger, utc_ns, &outcome.error);
    return outcome;
}

/* The path of a clip, to be freed, in `number`; TIMED_OUT if there is none yet. */
static inline capbuf_go_outcome capbuf_go_trigger_next(const capbuf_trigger *trigger, capbuf_clip_info *info) {
    capbuf_go_outcome outcome = {0};
    capbuf_text *path = NULL;
    info->struct_size = sizeof *info;
    outcome.status = capbuf_trigger_next(trigger, 0, &path, info, &outcome.error);
    outcome.number = (uintptr_t)path;
    return outcome;
}

/* Domains. */

static inline capbuf_go_outcome capbuf_go_domain_list(const char *folder, size_t folder_len) {
    capbuf_go_outcome outcome = {0};
    capbuf_domain_list *domains = NULL;
    size_t count = 0;
    outcome.status = capbuf_domain_list_new(folder, folder_len, &domains, &count, &outcome.error);
    outcome.handle = domains, outcome.number = count;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_domain_get(const capbuf_domain_list *domains, size_t number, char *out,
                                                     size_t out_size, capbuf_domain_info *info) {
    capbuf_go_outcome outcome = {0};
    size_t len = 0;
    info->struct_size = sizeof *info;
    outcome.status = capbuf_domain_list_get(domains, number, out, out_size, &len, info, &outcome.error);
    outcome.number = len;
    return outcome;
}

static inline capbuf_go_outcome capbuf_go_domain_remove(const char *domain, size_t domain_len, const char *folder,
                                                        size_t folder_len) {
    capbuf_go_outcome outcome = {0};
    outcome.status = capbuf_domain_remove(domain, domain_len, folder, folder_len, &outcome.error);
    return outcome;
}

#endif
