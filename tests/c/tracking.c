/* Four ways to come up, and a stream that reconnects: all ask for one source, and one ring is made. The report tells so, with the
 * places in this file. */

#include "check.h"

#define SOURCE "rtsp://me:sesame@cam/1"
#define RECONNECTS 10

static capbuf_spec minute(void) {
    capbuf_spec spec = mono_s16(60);
    spec.sample_rate_hz = 48000;
    return spec;
}

/* Asks where it stands, so that each place is a call site of its own, and remembers the line. */
#define ASK(registry, line)                                                                                     \
    do {                                                                                                        \
        capbuf_spec spec = minute();                                                                            \
        capbuf_buffer *buffer = NULL;                                                                           \
        (line) = __LINE__;                                                                                      \
        EXPECT(CAPBUF_OK, capbuf_registry_get_or_allocate(registry, SOURCE, strlen(SOURCE), &spec, &buffer, &error)); \
        capbuf_buffer_free(buffer);                                                                             \
    } while (0)

static int startup_line, settings_line, stream_line, demand_line, reconnect_line;

static __attribute__((noinline)) void at_startup(capbuf_registry *registry) {
    ASK(registry, startup_line);
}

static __attribute__((noinline)) void on_settings_change(capbuf_registry *registry) {
    ASK(registry, settings_line);
}

static __attribute__((noinline)) void on_stream_start(capbuf_registry *registry) {
    ASK(registry, stream_line);
}

static __attribute__((noinline)) void on_demand(capbuf_registry *registry) {
    ASK(registry, demand_line);
}

static __attribute__((noinline)) void on_reconnect(capbuf_registry *registry) {
    ASK(registry, reconnect_line);
}

static void has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "no %s in\n%s\n", part, text);
        exit(1);
    }
}

static void has_site(const char *text, int attempts, int line, const char *function) {
    char site[200];
    snprintf(site, sizeof site, "%d x ", attempts);
    has(text, site);
    snprintf(site, sizeof site, "tracking.c:%d ", line);
    has(text, site);
    has(text, function);
}

static capbuf_watch *watch_often(capbuf_registry *registry) {
    capbuf_watch_settings settings;
    capbuf_watch *watch = NULL;
    memset(&settings, 0, sizeof settings);
    settings.struct_size = sizeof settings;
    settings.every_ns = 5000000;
    EXPECT(CAPBUF_OK, capbuf_registry_watch(registry, &settings, &watch, &error));
    return watch;
}

static void the_story(void) {
    capbuf_registry *registry = NULL;
    capbuf_watch *watch;
    capbuf_report *report = NULL;
    capbuf_text *text = NULL;
    size_t len = 0;
    bool is_tracking = true;
    int i;

    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_is_allocation_tracking(registry, &is_tracking, &error));
    CHECK(!is_tracking);
    EXPECT(CAPBUF_OK, capbuf_registry_enable_allocation_tracking(registry, 1, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_is_allocation_tracking(registry, &is_tracking, &error));
    CHECK(is_tracking);
    watch = watch_often(registry);
    at_startup(registry);
    on_settings_change(registry);
    on_stream_start(registry);
    on_demand(registry);
    for (i = 0; i < RECONNECTS; i++) {
        on_reconnect(registry);
    }
    /* Looks again and again, and nothing is wrong. */
    EXPECT(CAPBUF_TIMED_OUT, capbuf_watch_next(watch, 100000000, &text, &error));
    CHECK(text == NULL);
    capbuf_watch_free(watch);

    EXPECT(CAPBUF_OK, capbuf_registry_allocation_report(registry, &report, &error));
    has(capbuf_report_text(report, NULL), "attempts 14, allocations 1, live buffers 1 (5.76 MB of audio");
    has(capbuf_report_text(report, NULL), "rtsp://***@cam/1: attempts 14, allocations 1, live 1, 5.76 MB");
    has_site(capbuf_report_text(report, NULL), 1, startup_line, "at_startup");
    has_site(capbuf_report_text(report, NULL), 1, settings_line, "on_settings_change");
    has_site(capbuf_report_text(report, NULL), 1, stream_line, "on_stream_start");
    has_site(capbuf_report_text(report, NULL), 1, demand_line, "on_demand");
    has_site(capbuf_report_text(report, NULL), RECONNECTS, reconnect_line, "on_reconnect");
    CHECK(strstr(capbuf_report_text(report, NULL), "sesame") == NULL);
    /* The same look. */
    has(capbuf_report_json(report, &len), "\"live_audio_bytes\": 5760000");
    has(capbuf_report_json(report, &len), "\"language\": \"C\"");
    CHECK(strstr(capbuf_report_json(report, &len), "sesame") == NULL);
    CHECK(len == strlen(capbuf_report_json(report, NULL)));
    capbuf_report_free(report);
    CHECK(capbuf_report_text(NULL, &len) == NULL);
    EXPECT(CAPBUF_OK, capbuf_registry_metrics(registry, &text, &error));
    has(capbuf_text_data(text, NULL), "capbuf_allocation_attempts_total{result=\"already_there\"} 13");
    CHECK(strstr(capbuf_text_data(text, NULL), "sesame") == NULL);
    capbuf_text_free(text);
    capbuf_registry_free(registry);
}

static void what_is_wrong_is_told(void) {
    capbuf_registry *registry = NULL;
    capbuf_buffer *one = NULL, *other = NULL;
    capbuf_spec spec = minute();
    capbuf_watch *watch;
    capbuf_text *event = NULL;
    size_t len = 0;

    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, SOURCE, strlen(SOURCE), &spec, &one, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "rtsp://cam/1/", 13, &spec, &other, &error));
    watch = watch_often(registry);
    EXPECT(CAPBUF_OK, capbuf_watch_next(watch, INT64_C(60000000000), &event, &error));
    has(capbuf_text_data(event, &len), "source under two names");
    CHECK(len == strlen(capbuf_text_data(event, NULL)) && strstr(capbuf_text_data(event, NULL), "sesame") == NULL);
    capbuf_text_free(event);
    capbuf_watch_free(watch);
    capbuf_buffer_free(one);
    capbuf_buffer_free(other);
    capbuf_registry_free(registry);
}

/* Whether the memory of so many removed buffers is kept. */
static bool keeps(const capbuf_registry *registry, int rings) {
    capbuf_report *report = NULL;
    char part[40];
    bool does;
    snprintf(part, sizeof part, "\"rings\": %d", rings);
    EXPECT(CAPBUF_OK, capbuf_registry_allocation_report(registry, &report, &error));
    does = strstr(capbuf_report_json(report, NULL), part) != NULL;
    capbuf_report_free(report);
    return does;
}

/* A removed buffer's memory is kept, and given back when that is asked. */
static void what_is_kept_is_given_back(void) {
    capbuf_registry_options options;
    capbuf_registry *registry = NULL;
    capbuf_buffer *buffer = NULL;
    capbuf_spec spec = minute();

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.pool_bytes = 100000000;
    EXPECT(CAPBUF_OK, capbuf_registry_private(&options, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, SOURCE, strlen(SOURCE), &spec, &buffer, &error));
    capbuf_buffer_free(buffer);
    EXPECT(CAPBUF_OK, capbuf_registry_remove(registry, SOURCE, strlen(SOURCE), &error));
    while (!keeps(registry, 1)) {
        pause_briefly();
    }
    /* It is overwritten first, and stays as long as that takes. */
    while (keeps(registry, 1)) {
        EXPECT(CAPBUF_OK, capbuf_registry_trim_pool(registry, &error));
        pause_briefly();
    }
    CHECK(keeps(registry, 0));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_trim_pool(NULL, &error));
    capbuf_registry_free(registry);
}

int main(void) {
    the_story();
    what_is_kept_is_given_back();
    what_is_wrong_is_told();
    puts("ok");
    return 0;
}
