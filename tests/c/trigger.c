/* Clips when something is loud, and when somebody calls: taken one by one, by who waits for them. */

#include "check.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define TENTH (SECOND / 10)

static capbuf_trigger_options into(const char *folder) {
    capbuf_trigger_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.folder = folder;
    options.folder_len = strlen(folder);
    options.before_ns = TENTH;
    options.after_ns = TENTH;
    return options;
}

/* Takes the next clip, looks at it, and takes it away. */
static capbuf_clip_info next(const capbuf_trigger *trigger, const char *folder, const char *extension) {
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

/* A second of audio of a moment that is known: clips of it are exact. */
static void known(capbuf_registry *registry, const char *folder) {
    static const int16_t samples[RATE];
    const int64_t start_ns = INT64_C(1800000000) * SECOND;
    const capbuf_spec spec = mono_s16(10);
    capbuf_buffer *buffer = NULL;
    capbuf_writer *writer = NULL;
    capbuf_trigger *trigger = NULL;
    capbuf_trigger_options options = into(folder);
    capbuf_clip_info info;
    capbuf_text *path = NULL;

    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "tone-440", 8, &spec, &buffer, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_writer(buffer, &writer, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples, RATE, CAPBUF_FORMAT_S16, start_ns, &error));

    /* Called for a moment of the past; and nothing is taken before it is there. */
    EXPECT(CAPBUF_OK, capbuf_trigger_begin(registry, "tone-440", 8, &options, &trigger, &error));
    EXPECT(CAPBUF_TIMED_OUT, capbuf_trigger_next(trigger, 0, &path, NULL, &error));
    CHECK(path == NULL);
    EXPECT(CAPBUF_OK, capbuf_trigger_fire(trigger, start_ns + SECOND / 2, &error));
    /* What comes then tells that the clip is complete. */
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples, RATE, CAPBUF_FORMAT_S16, start_ns + SECOND, &error));
    info = next(trigger, folder, ".wav");
    CHECK(info.frames == RATE / 5 && info.evicted_frames == 0 && info.not_yet_frames == 0 && info.sample_rate_hz == RATE);
    CHECK(info.start_utc_ns == start_ns + SECOND / 2 - TENTH && info.bytes > 2 * info.frames);
    capbuf_trigger_free(trigger);

    /* One that can't be written is told. */
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

int main(int argc, char **argv) {
    capbuf_registry *registry = NULL;
    capbuf_capture *capture = NULL;
    capbuf_trigger *trigger = NULL;
    capbuf_trigger_options options;
    capbuf_clip_info info;
    capbuf_text *path = NULL;

    CHECK(argc == 2);
    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    known(registry, argv[1]);

    /* By itself: a tone is louder than that, and goes on and on. */
    EXPECT(CAPBUF_OK, capbuf_capture_start(registry, "tone:440", 8, NULL, &capture, &error));
    options = into(argv[1]);
    options.flac = 1;
    options.louder_than_dbfs = -20;
    options.low_hz = 200;
    options.high_hz = 2000;
    options.after_ns = 2 * TENTH;
    options.at_most_ns = 5 * TENTH;
    EXPECT(CAPBUF_OK, capbuf_trigger_begin(registry, "tone:440", 8, &options, &trigger, &error));
    do {
        info = next(trigger, argv[1], ".flac");
        /* Times that were told late are bent a little. */
        CHECK(info.frames <= 24100 && info.sample_format == CAPBUF_FORMAT_S16);
        /* Where the machine stood still the tone has a gap, and a clip ends there. */
    } while (info.frames < 23900);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_trigger_next(trigger, -1, &path, NULL, &error));
    capbuf_trigger_free(trigger);
    EXPECT(CAPBUF_OK, capbuf_capture_stop(capture, &error));

    /* What can't be. */
    trigger = NULL;
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

    capbuf_capture_free(capture);
    capbuf_registry_free(registry);
    puts("ok");
    return 0;
}
