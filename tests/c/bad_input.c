/* Invalid arguments are errors, never a crash, and a failed call writes no result. */

#include "check.h"

#define POISON ((void *)(uintptr_t)8)

static void bad_captures(const capbuf_registry *registry) {
    capbuf_capture *capture = NULL;
    capbuf_buffer *buffer = NULL;
    capbuf_capture_options options;
    capbuf_registry_options limits;
    capbuf_registry *other = NULL;
    int i;

    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_capture_start(registry, NULL, 0, NULL, &capture, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_capture_start(registry, "tone:\xff", 6, NULL, &capture, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_capture_start(registry, "tone:440", 8, NULL, NULL, &error));
    for (i = 0; i < 13; i++) {
        memset(&options, 0, sizeof options);
        options.struct_size = sizeof options;
        switch (i) {
        case 0: options.struct_size = 1; break;
        case 1: options.seconds = -60; break;
        case 2: options.open_deadline_ns = -1; break;
        case 3: options.sample_format = 5; break;
        case 4: options.gain_db = 100.5f; break;
        case 5: options.mix = 3; break;
        case 6: options.mix = CAPBUF_MIX_CHANNEL, options.mix_channel = 65536; break;
        case 7: options.then_retry_every_ns = -1; break;
        case 8: options.retry_after_ns = -1; break;
        case 9: options.retry_at_most_after_ns = -1; break;
        case 10: options.nothing_for_ns = -1; break;
        case 11: options.silence_for_ns = -1; break;
        case 12: options.wrong_rate = 2; break;
        case 13: options.latency_ns = 60000000001; break;
        case 14: options.latency_ns = INT64_MIN; break;
        default: options.lifetime = 7; break;
        }
        EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_capture_start(registry, "tone:440", 8, &options, &capture, &error));
    }
    CHECK(capture == NULL);
    /* A capture that was stopped. */
    EXPECT(CAPBUF_OK, capbuf_capture_start(registry, "tone:440", 8, NULL, &capture, &error));
    EXPECT(CAPBUF_OK, capbuf_capture_stop(capture, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_capture_buffer(capture, &buffer, &error));
    CHECK(buffer == NULL);
    capbuf_capture_free(capture);
    EXPECT(CAPBUF_OK, capbuf_registry_remove(registry, "tone:440", 8, &error));
    memset(&limits, 0, sizeof limits);
    limits.struct_size = sizeof limits - 8;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_private(&limits, &other, &error));
    limits.struct_size = sizeof limits;
    limits.grace_ns = -2;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_open("bad", 3, &limits, &other, &error));
    limits.grace_ns = 604801 * (int64_t)1000000000;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_open("bad", 3, &limits, &other, &error));
    CHECK(other == NULL);
}

int main(void) {
    capbuf_registry *registry = NULL;
    capbuf_buffer *buffer = NULL, *untouched = (capbuf_buffer *)POISON;
    capbuf_writer *writer = NULL;
    capbuf_segment *segment = NULL;
    capbuf_windows *windows = NULL;
    capbuf_spec spec = mono_s16(1), wrong;
    capbuf_span span = frames(0, 10);
    capbuf_read_options options;
    capbuf_window_options window_options;
    capbuf_buffer_status status;
    int16_t samples[16] = {0};
    bool contains = true;
    size_t count = 0;
    size_t i;

    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_private(NULL, NULL, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    CHECK(capbuf_registry_private(NULL, NULL, NULL) == CAPBUF_NULL_ARGUMENT);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_open("a/b", 3, NULL, &registry, &error));

    /* Source names. */
    EXPECT(CAPBUF_INVALID_SOURCE, capbuf_registry_allocate(registry, "", 0, &spec, &untouched, &error));
    EXPECT(CAPBUF_INVALID_SOURCE, capbuf_registry_allocate(registry, "a\0b", 3, &spec, &untouched, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_allocate(registry, "a\xff", 2, &spec, &untouched, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_allocate(registry, NULL, 3, &spec, &untouched, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_allocate(registry, "a", SIZE_MAX, &spec, &untouched, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_contains(registry, "a\xff", 2, &contains, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_contains(registry, "n\xc3\xa4st", 5, &contains, &error));
    CHECK(!contains);

    /* Structures. */
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_allocate(registry, "mic", 3, NULL, &untouched, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_allocate(NULL, "mic", 3, &spec, &untouched, &error));
    for (i = 0; i < 7; i++) {
        wrong = spec;
        switch (i) {
        case 0: wrong.struct_size = 0; break;
        case 1: wrong.struct_size = sizeof wrong - 1; break;
        case 2: wrong.struct_size = SIZE_MAX; break;
        case 3: wrong.channels = 65; break;
        case 4: wrong.sample_format = 9; break;
        case 5: wrong.lifetime = 2; break;
        default: wrong.seconds = -1; break;
        }
        EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_allocate(registry, "mic", 3, &wrong, &untouched, &error));
    }
    wrong = spec;
    wrong.length_frames = 8000;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_allocate(registry, "mic", 3, &wrong, &untouched, &error));
    {
        /* Misaligned by one byte. */
        char bytes[sizeof spec + 1];
        memcpy(bytes + 1, &spec, sizeof spec);
        EXPECT(CAPBUF_MISALIGNED,
               capbuf_registry_allocate(registry, "mic", 3, (const capbuf_spec *)(void *)(bytes + 1), &untouched, &error));
    }
    CHECK(untouched == (capbuf_buffer *)POISON);
    EXPECT(CAPBUF_OK, capbuf_registry_contains(registry, "mic", 3, &contains, &error));
    CHECK(!contains);

    /* Writing and reading. */
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "mic", 3, &spec, &buffer, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_writer(buffer, &writer, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, NULL, 0, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_writer_write(writer, NULL, 1, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_MISALIGNED,
           capbuf_writer_write(writer, (char *)samples + 1, 2, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT,
           capbuf_writer_write(writer, samples, SIZE_MAX, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_writer_write(writer, samples, 2, 0, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_writer_gap(writer, 0, 0, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_writer_gap(writer, 99, 0, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_writer_gap(writer, CAPBUF_GAP_OVERRUN, -2, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples, 16, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_buffer_read(buffer, NULL, NULL, samples, 16, NULL, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_buffer_read(buffer, &span, NULL, NULL, 16, NULL, &error));
    EXPECT(CAPBUF_MISALIGNED, capbuf_buffer_read(buffer, &span, NULL, (char *)samples + 1, 10, NULL, &error));
    EXPECT(CAPBUF_TOO_SMALL, capbuf_buffer_read(buffer, &span, NULL, NULL, 0, NULL, &error));
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.wait_ns = -1;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_read(buffer, &span, &options, samples, 16, NULL, &error));
    options.wait_ns = 0;
    options.sample_format = 77;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_read_segment(buffer, &span, &options, &segment, &error));
    {
        /* Sample memory that overlaps another argument. */
        union {
            capbuf_span span;
            capbuf_read_options options;
            capbuf_extracted info;
            int16_t samples[128];
        } overlap;
        memset(&overlap, 0, sizeof overlap);
        overlap.span = span;
        EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_read(buffer, &overlap.span, NULL, overlap.samples, 10, NULL, &error));
        CHECK(overlap.span.end == 10);
        memset(&overlap, 0, sizeof overlap);
        overlap.options.struct_size = sizeof overlap.options;
        EXPECT(CAPBUF_INVALID_ARGUMENT,
               capbuf_buffer_read(buffer, &span, &overlap.options, overlap.samples, 128, NULL, &error));
        overlap.info.struct_size = sizeof overlap.info;
        EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_read(buffer, &span, NULL, overlap.samples + 4, 10, &overlap.info, &error));
        /* Adjacent memory is allowed. */
        EXPECT(CAPBUF_OK, capbuf_buffer_read(buffer, &span, NULL, overlap.samples + sizeof overlap.info / 2, 10, &overlap.info, &error));
        CHECK(overlap.info.frames == 10);
    }
    span.kind = 0;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_read(buffer, &span, NULL, samples, 16, NULL, &error));
    span = frames(-1, 5);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_read(buffer, &span, NULL, samples, 16, NULL, &error));
    span = frames(5, 5);
    EXPECT(CAPBUF_INVALID_RANGE, capbuf_buffer_read(buffer, &span, NULL, samples, 16, NULL, &error));
    span.kind = CAPBUF_SPAN_LAST;
    span.end = -1;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_read(buffer, &span, NULL, samples, 16, NULL, &error));
    memset(&window_options, 0, sizeof window_options);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_windows(buffer, &window_options, &windows, &error));
    window_options.struct_size = sizeof window_options;
    window_options.window_frames = 8;
    window_options.hop_frames = 8;
    window_options.join_gaps_ns = -2;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_windows(buffer, &window_options, &windows, &error));
    window_options.join_gaps_ns = 0;
    EXPECT(CAPBUF_OK, capbuf_buffer_windows(buffer, &window_options, &windows, &error));
    {
        union {
            capbuf_window window;
            int16_t samples[64];
        } overlap;
        memset(&overlap, 0, sizeof overlap);
        overlap.window.struct_size = sizeof overlap.window;
        EXPECT(CAPBUF_INVALID_ARGUMENT,
               capbuf_windows_next(windows, overlap.samples, 64, CAPBUF_FORMAT_S16, 0, &overlap.window, &error));
        EXPECT(CAPBUF_INVALID_ARGUMENT,
               capbuf_windows_next(windows, samples, 16, CAPBUF_FORMAT_S16, -1, &overlap.window, &error));
        EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_windows_next(windows, samples, 16, 9, 0, &overlap.window, &error));
        EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_windows_next(windows, NULL, 16, CAPBUF_FORMAT_S16, 0, &overlap.window, &error));
        EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_windows_next(windows, samples, 16, CAPBUF_FORMAT_S16, 0, NULL, &error));
        EXPECT(CAPBUF_OK, capbuf_windows_next(windows, samples, 16, CAPBUF_FORMAT_S16, 0, &overlap.window, &error));
    }
    capbuf_windows_free(windows);
    windows = NULL;
    bad_captures(registry);
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_buffer_windows(buffer, NULL, &windows, &error));
    memset(&status, 0, sizeof status);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_get_status(buffer, &status, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_list(registry, NULL, 1, &count, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_list(registry, NULL, 0, &count, &error));
    CHECK(count == 1);

    /* NULL is ignored. */
    capbuf_registry_free(NULL);
    capbuf_buffer_free(NULL);
    capbuf_writer_free(NULL);
    capbuf_segment_free(NULL);
    capbuf_windows_free(NULL);
    capbuf_capture_free(NULL);
    capbuf_domain_list_free(NULL);
    capbuf_error_free(NULL);
    CHECK(capbuf_error_message(NULL) == NULL && capbuf_error_code(NULL) == CAPBUF_NULL_ARGUMENT);
    CHECK(strcmp(capbuf_status_name(4711), "UNKNOWN") == 0);
    CHECK(capbuf_sample_bytes(CAPBUF_FORMAT_S24) == 3 && capbuf_sample_bytes(99) == 0);

    capbuf_writer_free(writer);
    capbuf_buffer_free(buffer);
    capbuf_registry_free(registry);
    puts("ok");
    return 0;
}
