/* Prints every text that the C interface returns for sources with secrets in their names.
 *
 *     secret_leak_probe FOLDER CLIPS
 *
 * See tests/secrets/run, which passes the sources on standard input. */

#include <capbuf.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SOURCES 256
#define MAX_BYTES 1024

static char sources[MAX_SOURCES][MAX_BYTES];
static capbuf_buffer *buffers[MAX_SOURCES];
static size_t count;
static capbuf_registry *registry;
static capbuf_error *error;

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, error == NULL ? "no error" : capbuf_error_message(error));
    exit(1);
}

static void ok(const char *what, capbuf_status status) {
    if (status != CAPBUF_OK) {
        die(what);
    }
}

static void print_section(const char *what, const char *text) {
    printf("## %s\n%s\n", what, text);
}

static void print_text(const char *what, capbuf_text *text) {
    print_section(what, capbuf_text_data(text, NULL));
    capbuf_text_free(text);
}

/* Prints everything that an expected error returns. */
static void expect_failure(const char *what, capbuf_status status) {
    capbuf_error_detail detail;
    memset(&detail, 0, sizeof detail);
    detail.struct_size = sizeof detail;
    if (status == CAPBUF_OK) {
        die(what);
    }
    ok(what, capbuf_error_numbers(error, &detail));
    printf("## %s\n%s %s\n", what, capbuf_status_name(status), capbuf_error_message(error));
    /* The raw bytes, so that a leak through padding is found too. */
    fwrite(&detail, 1, sizeof detail, stdout);
    printf("\n");
    capbuf_error_free(error);
    error = NULL;
}

static capbuf_spec spec(double seconds, uint32_t channels) {
    capbuf_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    spec.seconds = seconds;
    spec.sample_rate_hz = 8000;
    spec.channels = channels;
    spec.sample_format = CAPBUF_FORMAT_S16;
    return spec;
}

static int read_line(char *line) {
    if (fgets(line, MAX_BYTES, stdin) == NULL) {
        return 0;
    }
    line[strcspn(line, "\n")] = '\0';
    return line[0] != '\0';
}

static void probe_every_source(void) {
    capbuf_spec mono = spec(1, 1), stereo = spec(1, 2);
    capbuf_buffer *none = NULL;
    char text[2 * MAX_BYTES];
    size_t i, len;
    for (i = 0; i < count; i++) {
        len = strlen(sources[i]);
        ok("allocate", capbuf_registry_get_or_allocate(registry, sources[i], len, &mono, &buffers[i], &error));
        expect_failure("already exists", capbuf_registry_allocate(registry, sources[i], len, &mono, &none, &error));
        expect_failure("spec mismatch", capbuf_registry_get_or_allocate(registry, sources[i], len, &stereo, &none, &error));
        snprintf(text, sizeof text, "%s\t", sources[i]);
        expect_failure("invalid source", capbuf_registry_get_or_allocate(registry, text, len + 1, &mono, &none, &error));
        ok("redact", capbuf_redact(sources[i], len, text, sizeof text, &len, &error));
        print_section("redacted", text);
    }
}

static void expect_read_failure(const char *what, int64_t first, int64_t end, int64_t wait_ns) {
    capbuf_span span = {CAPBUF_SPAN_FRAMES, 0, 0, 0};
    capbuf_read_options options;
    int16_t samples[100];
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.wait_ns = wait_ns;
    span.first = first;
    span.end = end;
    expect_failure(what, capbuf_buffer_read(buffers[0], &span, &options, samples, 100, NULL, &error));
}

/* Clips cut directly and by a trigger, into an existing or a missing folder. */
static void probe_clips(capbuf_writer *writer, int64_t around_ns, const char *folder, int exists) {
    static const int16_t samples[800];
    const int64_t little_ns = 10000000;
    capbuf_trigger_options options;
    capbuf_trigger *trigger = NULL;
    capbuf_text *clip = NULL;
    capbuf_status status;
    char path[2 * MAX_BYTES];
    snprintf(path, sizeof path, "%s/around.flac", folder);
    status = capbuf_buffer_clip(buffers[0], around_ns, little_ns, little_ns, path, strlen(path), NULL, &error);
    if (exists) {
        ok("clip around", status);
    } else {
        expect_failure("clip around", status);
    }
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.folder = folder;
    options.folder_len = strlen(folder);
    options.before_ns = options.after_ns = little_ns;
    ok("trigger", capbuf_trigger_begin(registry, sources[0], strlen(sources[0]), &options, &trigger, &error));
    ok("fire", capbuf_trigger_fire(trigger, around_ns, &error));
    ok("write", capbuf_writer_write(writer, samples, 800, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    status = capbuf_trigger_next(trigger, INT64_C(60000000000), &clip, NULL, &error);
    if (exists) {
        ok("trigger", status);
        print_text("trigger", clip);
    } else {
        expect_failure("trigger", status);
    }
    capbuf_trigger_free(trigger);
}

static void probe_reads_and_writes(const char *clips) {
    static const int16_t samples[12000];
    capbuf_span span = {CAPBUF_SPAN_FRAMES, 0, 11000, 12000};
    capbuf_writer *writer = NULL, *other = NULL;
    capbuf_segment *segment = NULL;
    capbuf_spec large = spec(1e8, 1);
    capbuf_buffer *none = NULL;
    char text[2 * MAX_BYTES];
    capbuf_extracted extracted;
    int64_t around_ns;
    ok("writer", capbuf_buffer_writer(buffers[0], &writer, &error));
    expect_failure("writer busy", capbuf_buffer_writer(buffers[0], &other, &error));
    ok("write", capbuf_writer_write(writer, samples, 12000, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    expect_read_failure("evicted", 0, 100, 0);
    expect_read_failure("not yet", 12000, 12100, 0);
    expect_read_failure("timed out", 12000, 12100, 1000000);
    ok("read", capbuf_buffer_read_segment(buffers[0], &span, NULL, &segment, &error));
    snprintf(text, sizeof text, "%s/clip.wav", clips);
    ok("clip", capbuf_segment_write_clip(segment, text, strlen(text), NULL, &error));
    snprintf(text, sizeof text, "%s/nowhere/clip.wav", clips);
    expect_failure("clip", capbuf_segment_write_clip(segment, text, strlen(text), NULL, &error));
    memset(&extracted, 0, sizeof extracted);
    extracted.struct_size = sizeof extracted;
    ok("read", capbuf_segment_info(segment, &extracted, &error));
    around_ns = extracted.start_utc_ns + 10000000;
    probe_clips(writer, around_ns, clips, 1);
    snprintf(text, sizeof text, "%s/nowhere", clips);
    probe_clips(writer, around_ns, text, 0);
    ok("writer", capbuf_buffer_writer(buffers[1], &other, &error));
    ok("remove", capbuf_registry_remove(registry, sources[1], strlen(sources[1]), &error));
    expect_failure("removed", capbuf_writer_write(other, samples, 10, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    snprintf(text, sizeof text, "%s2", sources[0]);
    expect_failure("not found", capbuf_registry_get(registry, text, strlen(text), &none, &error));
    expect_failure("over budget", capbuf_registry_get_or_allocate(registry, text, strlen(text), &large, &none, &error));
}

static capbuf_source_config config(const char *name, const char *locator) {
    capbuf_source_config config;
    memset(&config, 0, sizeof config);
    config.struct_size = sizeof config;
    config.name = name;
    config.name_len = strlen(name);
    config.locator = locator;
    config.locator_len = strlen(locator);
    return config;
}

/* The state of a source whose camera refuses the connection. A source list returns names with their
 * credentials, so only states are printed. */
static void probe_station(const char *camera) {
    capbuf_source_config configs[2];
    capbuf_station *station = NULL;
    capbuf_source_list *list = NULL;
    char state[2 * MAX_BYTES] = "";
    size_t number = 0;
    const struct timespec pause = {0, 10000000};
    configs[0] = config(sources[0], camera);
    configs[1] = config(sources[0], "tone:440");
    ok("station", capbuf_station_new(registry, &station, &error));
    expect_failure("configuration", capbuf_station_reconfigure(station, configs, 2, NULL, NULL, &error));
    configs[0] = config(camera, camera);
    ok("station", capbuf_station_reconfigure(station, configs, 1, NULL, NULL, &error));
    while (strstr(state, ", attempt ") == NULL) {
        ok("station", capbuf_station_sources(station, &list, &number, &error));
        ok("station", capbuf_source_list_state(list, 0, state, sizeof state, NULL, &error));
        capbuf_source_list_free(list);
        nanosleep(&pause, NULL);
    }
    print_section("station", state);
    expect_failure("station", capbuf_source_list_state(NULL, 0, state, sizeof state, NULL, &error));
    capbuf_station_free(station);
}

static void probe_watch(void) {
    capbuf_watch_settings settings;
    capbuf_watch *watch = NULL;
    capbuf_text *event = NULL;
    int held = 0, two_names = 0;
    memset(&settings, 0, sizeof settings);
    settings.struct_size = sizeof settings;
    settings.every_ns = 5000000;
    settings.removed_held_ns = 1000000;
    ok("watch", capbuf_registry_watch(registry, &settings, &watch, &error));
    while (!held || !two_names) {
        ok("event", capbuf_watch_next(watch, INT64_C(60000000000), &event, &error));
        held |= strstr(capbuf_text_data(event, NULL), "removed and held") != NULL;
        two_names |= strstr(capbuf_text_data(event, NULL), "source under two names") != NULL;
        print_text("events", event);
    }
    capbuf_watch_free(watch);
}

int main(int argc, char **argv) {
    capbuf_registry_options options;
    capbuf_registry *none = NULL;
    capbuf_capture_options capture_options;
    capbuf_capture *capture = NULL;
    capbuf_report *report = NULL;
    capbuf_text *text = NULL;
    char camera[MAX_BYTES];
    if (argc != 3 || !read_line(camera)) {
        die("usage: secret_leak_probe FOLDER CLIPS");
    }
    while (count < MAX_SOURCES && read_line(sources[count])) {
        count++;
    }
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.domains_folder = argv[1];
    options.domains_folder_len = strlen(argv[1]);
    options.track_allocations = 1;
    ok("open", capbuf_registry_open("cameras", 7, &options, &registry, &error));
    probe_every_source();
    expect_failure("invalid argument", capbuf_registry_open(sources[0], strlen(sources[0]), &options, &none, &error));
    probe_reads_and_writes(argv[2]);
    memset(&capture_options, 0, sizeof capture_options);
    capture_options.struct_size = sizeof capture_options;
    capture_options.open_deadline_ns = INT64_C(10000000000);
    expect_failure("capture failed", capbuf_capture_start(registry, camera, strlen(camera), &capture_options, &capture, &error));
    probe_station(camera);
    probe_watch();
    ok("report", capbuf_registry_allocation_report(registry, &report, &error));
    print_section("report", capbuf_report_text(report, NULL));
    print_section("report as json", capbuf_report_json(report, NULL));
    capbuf_report_free(report);
    ok("metrics", capbuf_registry_metrics(registry, &text, &error));
    print_text("metrics", text);
    ok("metrics", capbuf_registry_domain_metrics(registry, &text, &error));
    print_text("metrics of the domain", text);
    printf("## done\n");
    fflush(stdout);
    /* The domain stays open until `run` has inspected it from outside. */
    while (getchar() != EOF) {
    }
    return 0;
}
