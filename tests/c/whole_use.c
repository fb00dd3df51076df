/* A program's use of a domain: allocate, write, read, windows, clips, status, capture, remove. */

#include "check.h"

#include <stddef.h>

#define SECOND INT64_C(1000000000)
#define START (INT64_C(1790000000) * SECOND)

static capbuf_registry *open_domain(const char *folder) {
    capbuf_registry_options options;
    capbuf_registry *registry = NULL;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.domains_folder = folder;
    options.domains_folder_len = strlen(folder);
    EXPECT(CAPBUF_OK, capbuf_registry_open("birds", 5, &options, &registry, &error));
    return registry;
}

static void write_and_read(capbuf_buffer *buffer) {
    capbuf_writer *writer = NULL, *second = NULL;
    int16_t chunk[800];
    int16_t read[1600];
    float as_float[800];
    uint64_t oldest, newest, next;
    capbuf_extracted info;
    capbuf_span span = frames(0, 1600);
    capbuf_read_options options;
    size_t i;

    EXPECT(CAPBUF_OK, capbuf_buffer_writer(buffer, &writer, &error));
    EXPECT(CAPBUF_WRITER_BUSY, capbuf_buffer_writer(buffer, &second, &error));
    CHECK(second == NULL);
    for (i = 0; i < 800; i++) {
        chunk[i] = (int16_t)i;
    }
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, chunk, 800, CAPBUF_FORMAT_S16, START, &error));
    /* A frame split over two calls. */
    EXPECT(CAPBUF_OK, capbuf_writer_write_bytes(writer, (const char *)chunk, 1, START + SECOND / 10, &error));
    EXPECT(CAPBUF_OK,
           capbuf_writer_write_bytes(writer, (const char *)chunk + 1, sizeof chunk - 1, START + SECOND / 10, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_next_frame(writer, &next, &error));
    CHECK(next == 1600);
    EXPECT(CAPBUF_FORMAT_MISMATCH, capbuf_writer_write(writer, as_float, 800, CAPBUF_FORMAT_F32, START, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_gap(writer, CAPBUF_GAP_PACKET_LOSS, SECOND / 2, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, chunk, 800, CAPBUF_FORMAT_S16, START + 7 * SECOND / 10, &error));
    capbuf_writer_free(writer);

    EXPECT(CAPBUF_OK, capbuf_buffer_frames(buffer, &oldest, &newest, &error));
    CHECK(oldest == 0 && newest == 2400);
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    EXPECT(CAPBUF_OK, capbuf_buffer_read(buffer, &span, NULL, read, 1600, &info, &error));
    CHECK(info.frames == 1600 && info.start_utc_ns == START && info.channels == 1 && info.gaps == 0);
    CHECK(memcmp(read, chunk, sizeof chunk) == 0 && memcmp(read + 800, chunk, sizeof chunk) == 0);

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.sample_format = CAPBUF_FORMAT_F32;
    span = frames(0, 800);
    EXPECT(CAPBUF_OK, capbuf_buffer_read(buffer, &span, &options, as_float, 800, NULL, &error));
    CHECK(as_float[0] == 0.0f && as_float[799] == 799.0f / 32768.0f);
    EXPECT(CAPBUF_TOO_SMALL, capbuf_buffer_read(buffer, &span, NULL, read, 799, NULL, &error));
    span = frames(2399, 2401);
    EXPECT(CAPBUF_NOT_YET, capbuf_buffer_read(buffer, &span, NULL, read, 1600, NULL, &error));
}

/* Checks that the clip's metadata contains `part`, deletes the file and returns its bytes. */
static long size_of_clip(const char *path, const char *part) {
    static char bytes[1 << 16];
    FILE *file = fopen(path, "rb");
    long size = 0, i;
    bool is_found = false;

    CHECK(file != NULL);
    size = (long)fread(bytes, 1, sizeof bytes, file);
    CHECK(feof(file));
    fclose(file);
    remove(path);
    for (i = 0; i + (long)strlen(part) <= size; i++) {
        is_found = is_found || memcmp(bytes + i, part, strlen(part)) == 0;
    }
    CHECK(is_found);
    return size;
}

static void segment_and_clip(capbuf_buffer *buffer, const char *folder) {
    capbuf_segment *segment = NULL;
    capbuf_span span;
    capbuf_extracted info;
    capbuf_gap gap;
    const void *samples = NULL;
    size_t count = 0;
    capbuf_clip_info clip;
    char path[512];

    memset(&span, 0, sizeof span);
    span.kind = CAPBUF_SPAN_TIME;
    span.first = START;
    span.end = START + 8 * SECOND / 10;
    EXPECT(CAPBUF_OK, capbuf_buffer_read_segment(buffer, &span, NULL, &segment, &error));
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    EXPECT(CAPBUF_OK, capbuf_segment_info(segment, &info, &error));
    CHECK(info.frames == 6400 && info.silence_frames == 4000 && info.gaps == 1);
    CHECK(info.clock == CAPBUF_CLOCK_DEVICE && info.latency_ns == 0 && info.uncertainty_ns >= 0);
    memset(&gap, 0, sizeof gap);
    gap.struct_size = sizeof gap;
    EXPECT(CAPBUF_OK, capbuf_segment_gap(segment, 0, &gap, &error));
    CHECK(gap.reason == CAPBUF_GAP_PACKET_LOSS && gap.duration_ns == SECOND / 2 && gap.at_frame == 1600);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_segment_gap(segment, 1, &gap, &error));
    EXPECT(CAPBUF_OK, capbuf_segment_samples(segment, &samples, &count, &error));
    CHECK(count == 6400 && ((const int16_t *)samples)[1600] == 0 && ((const int16_t *)samples)[5601] == 1);
    snprintf(path, sizeof path, "%s/clip.wav", folder);
    memset(&clip, 0, sizeof clip);
    clip.struct_size = sizeof clip;
    EXPECT(CAPBUF_OK, capbuf_segment_write_clip(segment, path, strlen(path), &clip, &error));
    CHECK(clip.clock == info.clock && clip.uncertainty_ns == info.uncertainty_ns);
    CHECK(clip.frames == 6400 && clip.bytes == (uint64_t)size_of_clip(path, "mic") && clip.sample_format == CAPBUF_FORMAT_S16);
    /* `size_of_clip` has deleted the file. */
    EXPECT(CAPBUF_OK, capbuf_segment_write_clip(segment, path, strlen(path), NULL, &error));
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_segment_write_clip(segment, path, strlen(path), NULL, &error));
    EXPECT(CAPBUF_OK, capbuf_segment_overwrite_clip(segment, path, strlen(path), NULL, &error));
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_segment_write_clip(segment, "clip.mp3", 8, NULL, &error));
    capbuf_segment_free(segment);
}

/* Clips around a time within, and at the beginning of, the audio written. */
static void clip_around(capbuf_buffer *buffer, const char *folder) {
    capbuf_clip_info clip;
    char path[512];

    snprintf(path, sizeof path, "%s/around.flac", folder);
    memset(&clip, 0, sizeof clip);
    clip.struct_size = sizeof clip;
    EXPECT(CAPBUF_OK, capbuf_buffer_clip(buffer, START + SECOND / 2, SECOND / 4, SECOND / 4, path, strlen(path), &clip, &error));
    CHECK(clip.frames == 4000 && clip.start_utc_ns == START + SECOND / 4 && clip.sample_rate_hz == RATE && clip.channels == 1);
    CHECK(clip.evicted_frames == 0 && clip.not_yet_frames == 0 && clip.bytes == (uint64_t)size_of_clip(path, "packet loss"));
    EXPECT(CAPBUF_OK, capbuf_buffer_clip(buffer, START, SECOND, SECOND / 10, path, strlen(path), &clip, &error));
    CHECK(clip.frames == 800 && clip.start_utc_ns == START && clip.evicted_frames == RATE);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_clip(buffer, START, -1, 0, path, strlen(path), &clip, &error));
    EXPECT(CAPBUF_INVALID_RANGE, capbuf_buffer_clip(buffer, START, 0, 0, path, strlen(path), NULL, &error));
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_buffer_clip(buffer, START, 0, SECOND / 10, "clip.mp3", 8, &clip, &error));
    CHECK(clip.frames == 800);
}

static void windows(capbuf_buffer *buffer) {
    capbuf_windows *windows = NULL;
    capbuf_window_options options;
    capbuf_window window;
    float samples[500];
    int found = 0;

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.window_frames = 500;
    options.hop_frames = 250;
    EXPECT(CAPBUF_OK, capbuf_buffer_windows(buffer, &options, &windows, &error));
    memset(&window, 0, sizeof window);
    window.struct_size = sizeof window;
    EXPECT(CAPBUF_TOO_SMALL, capbuf_windows_next(windows, samples, 499, CAPBUF_FORMAT_F32, 0, &window, &error));
    while (capbuf_windows_next(windows, samples, 500, CAPBUF_FORMAT_F32, 0, &window, NULL) == CAPBUF_OK) {
        CHECK(window.end_frame == window.first_frame + 500);
        CHECK((window.after_gap_reason == CAPBUF_GAP_PACKET_LOSS) == (window.first_frame == 1600));
        found++;
    }
    CHECK(found == 5 + 2);
    EXPECT(CAPBUF_TIMED_OUT, capbuf_windows_next(windows, samples, 500, CAPBUF_FORMAT_F32, 1000, &window, &error));
    capbuf_windows_free(windows);
    options.hop_frames = 0;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_buffer_windows(buffer, &options, &windows, &error));
}

static void status_and_lists(capbuf_registry *registry, capbuf_buffer *buffer, const char *folder) {
    capbuf_registry_stats stats;
    capbuf_buffer_status status;
    capbuf_spec spec;
    capbuf_buffer *listed[2] = {NULL, NULL}, *other = NULL;
    capbuf_domain_list *domains = NULL;
    capbuf_domain_info info;
    uint64_t one, same;
    size_t count = 0, len = 0;
    char text[64];

    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    EXPECT(CAPBUF_OK, capbuf_registry_get_stats(registry, &stats, &error));
    CHECK(stats.rings_allocated == 1 && stats.bytes > 2 * RATE * 4);
    memset(&status, 0, sizeof status);
    status.struct_size = sizeof status;
    EXPECT(CAPBUF_OK, capbuf_buffer_get_status(buffer, &status, &error));
    CHECK(status.newest_frame == 2400 && status.gaps == 1 && !status.has_writer && status.processes == 1);
    CHECK(status.orphaned_left_ns == -1);
    CHECK(status.clock == CAPBUF_CLOCK_DEVICE && status.latency_ns == 0 && status.uncertainty_ns >= 0);
    /* A program built with the header before the accuracy of times. */
    status.clock = 99;
    status.struct_size = offsetof(capbuf_buffer_status, latency_ns);
    EXPECT(CAPBUF_OK, capbuf_buffer_get_status(buffer, &status, &error));
    CHECK(status.newest_frame == 2400 && status.clock == 99);
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    EXPECT(CAPBUF_OK, capbuf_buffer_get_spec(buffer, &spec, &error));
    CHECK(spec.length_frames == 4 * RATE && spec.seconds == 4.0 && spec.lifetime == CAPBUF_LIFETIME_UNTIL_REMOVED);
    EXPECT(CAPBUF_OK, capbuf_registry_list(registry, listed, 2, &count, &error));
    CHECK(count == 1 && listed[0] != NULL && listed[1] == NULL);
    EXPECT(CAPBUF_OK, capbuf_buffer_clone(listed[0], &other, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_id(listed[0], &one, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_id(other, &same, &error));
    CHECK(one == same);
    capbuf_buffer_free(other);
    capbuf_buffer_free(listed[0]);
    EXPECT(CAPBUF_OK, capbuf_buffer_source(buffer, text, sizeof text, &len, &error));
    CHECK(len == 3 && strcmp(text, "mic") == 0);
    EXPECT(CAPBUF_TOO_SMALL, capbuf_buffer_source(buffer, text, 3, &len, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_domain(registry, text, sizeof text, &len, &error));
    CHECK(strcmp(text, "birds") == 0);
    EXPECT(CAPBUF_OK, capbuf_domain_list_new(folder, strlen(folder), &domains, &count, &error));
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    EXPECT(CAPBUF_OK, capbuf_domain_list_get(domains, 0, text, sizeof text, NULL, &info, &error));
    CHECK(count == 1 && info.buffers == 1 && info.processes == 1 && strcmp(text, "birds") == 0);
    capbuf_domain_list_free(domains);
}

/* Captures a tone of half full scale; returns the peak of its first tenth of a second. */
static int loudest(const capbuf_registry *registry, const char *tone, const capbuf_capture_options *options) {
    capbuf_capture *capture = NULL;
    capbuf_buffer *buffer = NULL;
    capbuf_span span = frames(0, 4800);
    capbuf_read_options wait;
    static int16_t samples[4800];
    int i, loudest = 0;

    EXPECT(CAPBUF_OK, capbuf_capture_start(registry, tone, strlen(tone), options, &capture, &error));
    EXPECT(CAPBUF_OK, capbuf_capture_buffer(capture, &buffer, &error));
    memset(&wait, 0, sizeof wait);
    wait.struct_size = sizeof wait;
    wait.wait_ns = 60 * SECOND;
    EXPECT(CAPBUF_OK, capbuf_buffer_read(buffer, &span, &wait, samples, 4800, NULL, &error));
    for (i = 0; i < 4800; i++) {
        loudest = abs(samples[i]) > loudest ? abs(samples[i]) : loudest;
    }
    capbuf_capture_free(capture);
    capbuf_buffer_free(buffer);
    return loudest;
}

/* Gain and channel apply, and a program with an older header has neither field. */
static void gain_and_mix_apply(const capbuf_registry *registry, capbuf_capture_options *options) {
    int peak = loudest(registry, "tone:441", options);
    CHECK(peak > 16000 && peak <= 16384);
    options->gain_db = -20;
    options->mix = CAPBUF_MIX_CHANNEL;
    peak = loudest(registry, "tone:442", options);
    CHECK(peak > 1600 && peak <= 1639);
    options->struct_size = offsetof(capbuf_capture_options, gain_db);
    peak = loudest(registry, "tone:443", options);
    CHECK(peak > 16000 && peak <= 16384);
    options->struct_size = sizeof *options;
    options->mix_channel = 1;
    {
        capbuf_capture *capture = NULL;
        EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_capture_start(registry, "tone:444", 8, options, &capture, &error));
        CHECK(capture == NULL);
    }
}

static void capture(capbuf_registry *registry) {
    capbuf_capture *capture = NULL;
    capbuf_capture_options options;
    capbuf_buffer *buffer = NULL;
    capbuf_span span = frames(0, 100);
    capbuf_read_options wait;
    int16_t samples[100];
    uint32_t state = 0;
    char words[256];

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.seconds = 120;
    options.sample_format = CAPBUF_FORMAT_S16;
    options.lifetime = CAPBUF_LIFETIME_WHILE_OPEN;
    EXPECT(CAPBUF_OK, capbuf_capture_start(registry, "tone:440", 8, &options, &capture, &error));
    EXPECT(CAPBUF_OK, capbuf_capture_buffer(capture, &buffer, &error));
    memset(&wait, 0, sizeof wait);
    wait.struct_size = sizeof wait;
    wait.wait_ns = 60 * SECOND;
    EXPECT(CAPBUF_OK, capbuf_buffer_read(buffer, &span, &wait, samples, 100, NULL, &error));
    EXPECT(CAPBUF_OK, capbuf_capture_state(capture, &state, words, sizeof words, NULL, &error));
    CHECK(state == CAPBUF_STATE_RUNNING && strcmp(words, "running") == 0);
    EXPECT(CAPBUF_OK, capbuf_capture_stop(capture, &error));
    EXPECT(CAPBUF_OK, capbuf_capture_stop(capture, &error));
    capbuf_capture_free(capture);
    capbuf_buffer_free(buffer);
    gain_and_mix_apply(registry, &options);
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_capture_start(registry, "nonsense:", 9, NULL, &capture, &error));
}

int main(int argc, char **argv) {
    capbuf_registry *registry;
    capbuf_buffer *buffer = NULL, *same = NULL;
    capbuf_spec spec = mono_s16(4), longer = mono_s16(5);
    bool contains = true;

    CHECK(argc == 2);
    CHECK(strcmp(capbuf_version(), CAPBUF_VERSION_STRING) == 0 && capbuf_abi_version() == CAPBUF_ABI_VERSION);
    registry = open_domain(argv[1]);
    EXPECT(CAPBUF_OK, capbuf_registry_contains(registry, "mic", 3, &contains, &error));
    CHECK(!contains);
    EXPECT(CAPBUF_NOT_FOUND, capbuf_registry_get(registry, "mic", 3, &buffer, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "mic", 3, &spec, &buffer, &error));
    EXPECT(CAPBUF_ALREADY_EXISTS, capbuf_registry_allocate(registry, "mic", 3, &spec, &same, &error));
    EXPECT(CAPBUF_SPEC_MISMATCH, capbuf_registry_get_or_allocate(registry, "mic", 3, &longer, &same, &error));
    CHECK(same == NULL);
    EXPECT(CAPBUF_OK, capbuf_registry_get_or_allocate(registry, "mic", 3, &spec, &same, &error));
    capbuf_buffer_free(same);
    write_and_read(buffer);
    clip_around(buffer, argv[1]);
    segment_and_clip(buffer, argv[1]);
    windows(buffer);
    status_and_lists(registry, buffer, argv[1]);
    capture(registry);
    EXPECT(CAPBUF_OK, capbuf_registry_remove(registry, "mic", 3, &error));
    EXPECT(CAPBUF_NOT_FOUND, capbuf_registry_remove(registry, "mic", 3, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_is_removed(buffer, &contains, &error));
    CHECK(contains);
    EXPECT(CAPBUF_OK, capbuf_registry_sweep(registry, &error));
    /* Handles may be freed in any order. */
    capbuf_registry_free(registry);
    capbuf_buffer_free(buffer);
    EXPECT(CAPBUF_OK, capbuf_domain_remove("birds", 5, argv[1], strlen(argv[1]), &error));
    puts("ok");
    return 0;
}
