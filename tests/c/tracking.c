/* Four initialisation paths and a reconnecting stream request one source: one ring is allocated,
 * and the report lists each call site of this file. */

#include "check.h"

#define SOURCE "rtsp://me:sesame@cam/1"
#define RECONNECTS 10
#define MINUTE INT64_C(60000000000)

static capbuf_spec minute(void) {
    capbuf_spec spec = mono_s16(60);
    spec.sample_rate_hz = 48000;
    return spec;
}

/* Requests the buffer in place, so that each use is a call site of its own, and stores its line. */
#define REQUEST(registry, line)                                                                                 \
    do {                                                                                                        \
        capbuf_spec spec = minute();                                                                            \
        capbuf_buffer *buffer = NULL;                                                                           \
        (line) = __LINE__;                                                                                      \
        EXPECT(CAPBUF_OK, capbuf_registry_get_or_allocate(registry, SOURCE, strlen(SOURCE), &spec, &buffer, &error));\
        capbuf_buffer_free(buffer);                                                                             \
    } while (0)

static int startup_line, settings_line, stream_line, demand_line, reconnect_line;

static __attribute__((noinline)) void at_startup(capbuf_registry *registry) {
    REQUEST(registry, startup_line);
}

static __attribute__((noinline)) void on_settings_change(capbuf_registry *registry) {
    REQUEST(registry, settings_line);
}

static __attribute__((noinline)) void on_stream_start(capbuf_registry *registry) {
    REQUEST(registry, stream_line);
}

static __attribute__((noinline)) void on_demand(capbuf_registry *registry) {
    REQUEST(registry, demand_line);
}

static __attribute__((noinline)) void on_reconnect(capbuf_registry *registry) {
    REQUEST(registry, reconnect_line);
}

static void expect_part(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "no %s in\n%s\n", part, text);
        exit(1);
    }
}

static void expect_site(const char *text, int attempts, int line, const char *function) {
    char site[200];
    snprintf(site, sizeof site, "%d x ", attempts);
    expect_part(text, site);
    snprintf(site, sizeof site, "tracking.c:%d ", line);
    expect_part(text, site);
    expect_part(text, function);
}

static capbuf_watch *start_watch(capbuf_registry *registry) {
    capbuf_watch_settings settings;
    capbuf_watch *watch = NULL;
    memset(&settings, 0, sizeof settings);
    settings.struct_size = sizeof settings;
    settings.every_ns = 5000000;
    EXPECT(CAPBUF_OK, capbuf_registry_watch(registry, &settings, &watch, &error));
    return watch;
}

static void one_ring_for_every_request(void) {
    capbuf_registry *registry = NULL;
    capbuf_watch *watch;
    capbuf_report *report = NULL;
    capbuf_text *text = NULL;
    capbuf_spec spec = minute();
    capbuf_buffer *planted = NULL;
    size_t len = 0;
    bool is_tracking = true;
    int i;

    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_is_allocation_tracking(registry, &is_tracking, &error));
    CHECK(!is_tracking);
    EXPECT(CAPBUF_OK, capbuf_registry_enable_allocation_tracking(registry, 1, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_is_allocation_tracking(registry, &is_tracking, &error));
    CHECK(is_tracking);
    watch = start_watch(registry);
    at_startup(registry);
    on_settings_change(registry);
    on_stream_start(registry);
    on_demand(registry);
    for (i = 0; i < RECONNECTS; i++) {
        on_reconnect(registry);
    }
    EXPECT(CAPBUF_OK, capbuf_registry_allocation_report(registry, &report, &error));
    expect_part(capbuf_report_text(report, NULL), "attempts 14, allocations 1, live buffers 1 (5.76 MB of audio");
    expect_part(capbuf_report_text(report, NULL), "rtsp://***@cam/1: attempts 14, allocations 1, live 1, 5.76 MB");
    expect_site(capbuf_report_text(report, NULL), 1, startup_line, "at_startup");
    expect_site(capbuf_report_text(report, NULL), 1, settings_line, "on_settings_change");
    expect_site(capbuf_report_text(report, NULL), 1, stream_line, "on_stream_start");
    expect_site(capbuf_report_text(report, NULL), 1, demand_line, "on_demand");
    expect_site(capbuf_report_text(report, NULL), RECONNECTS, reconnect_line, "on_reconnect");
    CHECK(strstr(capbuf_report_text(report, NULL), "sesame") == NULL);
    /* The JSON is of the same snapshot. */
    expect_part(capbuf_report_json(report, &len), "\"live_audio_bytes\": 5760000");
    expect_part(capbuf_report_json(report, &len), "\"language\": \"C\"");
    CHECK(strstr(capbuf_report_json(report, &len), "sesame") == NULL);
    CHECK(len == strlen(capbuf_report_json(report, NULL)));
    capbuf_report_free(report);
    CHECK(capbuf_report_text(NULL, &len) == NULL);
    EXPECT(CAPBUF_OK, capbuf_registry_metrics(registry, &text, &error));
    expect_part(capbuf_text_data(text, NULL), "capbuf_allocation_attempts_total{result=\"already_there\"} 13");
    CHECK(strstr(capbuf_text_data(text, NULL), "sesame") == NULL);
    capbuf_text_free(text);

    /* The requests are no anomaly: the first event is of the second name, planted after them. */
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "rtsp://cam/1/", 13, &spec, &planted, &error));
    EXPECT(CAPBUF_OK, capbuf_watch_next(watch, MINUTE, &text, &error));
    expect_part(capbuf_text_data(text, NULL), "source under two names");
    capbuf_text_free(text);
    capbuf_watch_free(watch);
    capbuf_buffer_free(planted);
    capbuf_registry_free(registry);
}

static void watch_reports_a_source_under_two_names(void) {
    capbuf_registry *registry = NULL;
    capbuf_buffer *one = NULL, *other = NULL;
    capbuf_spec spec = minute();
    capbuf_watch *watch;
    capbuf_text *event = NULL;
    size_t len = 0;

    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, SOURCE, strlen(SOURCE), &spec, &one, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "rtsp://cam/1/", 13, &spec, &other, &error));
    watch = start_watch(registry);
    EXPECT(CAPBUF_OK, capbuf_watch_next(watch, MINUTE, &event, &error));
    expect_part(capbuf_text_data(event, &len), "source under two names");
    CHECK(len == strlen(capbuf_text_data(event, NULL)) && strstr(capbuf_text_data(event, NULL), "sesame") == NULL);
    capbuf_text_free(event);
    capbuf_watch_free(watch);
    capbuf_buffer_free(one);
    capbuf_buffer_free(other);
    capbuf_registry_free(registry);
}

/* Returns whether the pool holds exactly `rings` rings. */
static bool pool_has(const capbuf_registry *registry, int rings) {
    capbuf_report *report = NULL;
    char part[40];
    bool has;
    snprintf(part, sizeof part, "\"rings\": %d", rings);
    EXPECT(CAPBUF_OK, capbuf_registry_allocation_report(registry, &report, &error));
    has = strstr(capbuf_report_json(report, NULL), part) != NULL;
    capbuf_report_free(report);
    return has;
}

/* The pool takes the memory of a removed buffer, and trimming releases it. */
static void trimming_empties_the_pool(void) {
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
    while (!pool_has(registry, 1)) {
        pause_briefly();
    }
    /* The memory is overwritten with zeros first, and stays in the pool until then. */
    while (pool_has(registry, 1)) {
        EXPECT(CAPBUF_OK, capbuf_registry_trim_pool(registry, &error));
        pause_briefly();
    }
    CHECK(pool_has(registry, 0));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_trim_pool(NULL, &error));
    capbuf_registry_free(registry);
}

int main(void) {
    one_ring_for_every_request();
    trimming_empties_the_pool();
    watch_reports_a_source_under_two_names();
    puts("ok");
    return 0;
}
