/* A trigger writes clips on request and when a tone is loud; a waiting thread takes them. */

#include "check.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define TENTH (SECOND / 10)

static capbuf_trigger_options clips_in(const char *folder) {
    capbuf_trigger_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.folder = folder;
    options.folder_len = strlen(folder);
    options.before_ns = TENTH;
    options.after_ns = TENTH;
    return options;
}

/* Takes the next clip, checks its path, and deletes the file. */
static capbuf_clip_info next_clip(const capbuf_trigger *trigger, const char *folder, const char *extension) {
    capbuf_clip_info info;
    capbuf_text *path = NULL;
    const char *text;
    size_t len = 0;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    EXPECT(CAPBUF_OK, capbuf_trigger_next(trigger, MINUTE, &path, &info, &error));
    text = capbuf_text_data(path, &len);
    CHECK(strncmp(text, folder, strlen(folder)) == 0 && strstr(text, "/tone-440_") != NULL);
    CHECK(len == strlen(text) && strcmp(text + len - strlen(extension), extension) == 0);
    CHECK(remove(text) == 0);
    capbuf_text_free(path);
    return info;
}

/* Audio with known capture times: clips of it have exact bounds. */
static void fired_clips_have_exact_bounds(capbuf_registry *registry, const char *folder) {
    static const int16_t samples[RATE];
    const int64_t start_ns = INT64_C(1800000000) * SECOND;
    const capbuf_spec spec = mono_s16(10);
    capbuf_buffer *buffer = NULL;
    capbuf_writer *writer = NULL;
    capbuf_trigger *trigger = NULL;
    capbuf_trigger_options options = clips_in(folder);
    capbuf_clip_info info;
    capbuf_text *path = NULL;

    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "tone-440", 8, &spec, &buffer, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_writer(buffer, &writer, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples, RATE, CAPBUF_FORMAT_S16, start_ns, &error));

    /* Fired for a time in the past; no clip is available before. */
    EXPECT(CAPBUF_OK, capbuf_trigger_begin(registry, "tone-440", 8, &options, &trigger, &error));
    EXPECT(CAPBUF_TIMED_OUT, capbuf_trigger_next(trigger, 0, &path, NULL, &error));
    CHECK(path == NULL);
    EXPECT(CAPBUF_OK, capbuf_trigger_fire(trigger, start_ns + SECOND / 2, &error));
    /* The next chunk shows that the clip is complete. */
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples, RATE, CAPBUF_FORMAT_S16, start_ns + SECOND, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_trigger_next(trigger, -1, &path, NULL, &error));
    info = next_clip(trigger, folder, ".wav");
    CHECK(info.frames == RATE / 5 && info.evicted_frames == 0 && info.not_yet_frames == 0 && info.sample_rate_hz == RATE);
    CHECK(info.start_utc_ns == start_ns + SECOND / 2 - TENTH && info.bytes > 2 * info.frames);
    capbuf_trigger_free(trigger);

    /* A clip that cannot be written is an error. */
    options.folder_len = strlen(folder) + 5;
    options.folder = "/none/at/all/and/nowhere/in/this/world/to/be/found";
    EXPECT(CAPBUF_OK, capbuf_trigger_begin(registry, "tone-440", 8, &options, &trigger, &error));
    EXPECT(CAPBUF_OK, capbuf_trigger_fire(trigger, start_ns + SECOND / 2, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples, RATE, CAPBUF_FORMAT_S16, start_ns + 2 * SECOND, &error));
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_trigger_next(trigger, MINUTE, &path, &info, &error));
    CHECK(path == NULL && info.frames == RATE / 5);
    capbuf_trigger_free(trigger);
    capbuf_writer_free(writer);
    capbuf_buffer_free(buffer);
}

/* Writes a second of silence, three of a 500 Hz tone and one of silence: the trigger fires by
 * itself, and splits the tone into adjacent clips of `at_most_ns`. */
static void loud_audio_fires(capbuf_registry *registry, const char *folder) {
    static int16_t samples[5 * RATE];
    const int64_t start_ns = INT64_C(1800000000) * SECOND;
    const capbuf_spec spec = mono_s16(10);
    capbuf_buffer *buffer = NULL;
    capbuf_writer *writer = NULL;
    capbuf_trigger *trigger = NULL;
    capbuf_trigger_options options = clips_in(folder);
    capbuf_clip_info info;
    int64_t end_ns = 0;
    int i;

    for (i = RATE; i < 4 * RATE; i++) {
        samples[i] = i % 16 < 8 ? 8000 : -8000;
    }
    options.flac = 1;
    options.louder_than_dbfs = -20;
    options.low_hz = 200;
    options.high_hz = 2000;
    options.after_ns = 2 * TENTH;
    options.at_most_ns = 5 * TENTH;
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "tone:440", 8, &spec, &buffer, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_writer(buffer, &writer, &error));
    EXPECT(CAPBUF_OK, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    for (i = 0; i < 5 * RATE; i += RATE / 10) {
        const int64_t utc_ns = start_ns + i / (RATE / 10) * TENTH;
        EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples + i, RATE / 10, CAPBUF_FORMAT_S16, utc_ns, &error));
    }
    for (i = 0; i < 5; i++) {
        info = next_clip(trigger, folder, ".flac");
        CHECK(info.frames == RATE / 2 && info.sample_format == CAPBUF_FORMAT_S16);
        CHECK(i == 0 || info.start_utc_ns == end_ns);
        end_ns = info.start_utc_ns + 5 * TENTH;
    }
    capbuf_trigger_free(trigger);
    capbuf_writer_free(writer);
    capbuf_buffer_free(buffer);
}

static void invalid_options_are_refused(capbuf_registry *registry, const char *folder) {
    capbuf_trigger *trigger = NULL;
    capbuf_trigger_options options = clips_in(folder);

    options.flac = 1;
    options.louder_than_dbfs = -20;
    options.low_hz = 200;
    options.high_hz = 2000;
    options.after_ns = 2 * TENTH;
    options.at_most_ns = TENTH;
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    options.at_most_ns = 0, options.before_ns = -1, options.after_ns = -1;
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    options.after_ns = -2;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    options.after_ns = 0, options.flac = 2;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    options.flac = 0, options.louder_than_dbfs = 0;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    options.louder_than_dbfs = 1;
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    options.folder = NULL;
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_trigger_begin(registry, "tone:440", 8, NULL, &trigger, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_trigger_fire(NULL, 0, &error));
    CHECK(trigger == NULL);
}

int main(int argc, char **argv) {
    capbuf_registry *registry = NULL;

    CHECK(argc == 2);
    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    fired_clips_have_exact_bounds(registry, argv[1]);
    loud_audio_fires(registry, argv[1]);
    invalid_options_are_refused(registry, argv[1]);
    capbuf_registry_free(registry);
    puts("ok");
    return 0;
}
