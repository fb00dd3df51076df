/* A station is reconfigured: unchanged sources keep running, and an invalid configuration changes
 * nothing. */

#include "check.h"

#define SECOND INT64_C(1000000000)

static capbuf_source_config source(const char *name, const char *locator, const capbuf_capture_options *options) {
    capbuf_source_config source;
    memset(&source, 0, sizeof source);
    source.struct_size = sizeof source;
    source.name = name;
    source.name_len = name == NULL ? 0 : strlen(name);
    source.locator = locator;
    source.locator_len = strlen(locator);
    source.options = options;
    return source;
}

static capbuf_capture_options seconds(double length) {
    capbuf_capture_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.seconds = length;
    options.sample_rate_hz = RATE;
    options.channels = 1;
    options.sample_format = CAPBUF_FORMAT_S16;
    return options;
}

/* Checks change `number`: its kind and the name of its source. */
static void expect_change(const capbuf_change_list *changes, size_t number, uint32_t expected, const char *source) {
    char name[64];
    uint32_t change = 0;
    size_t len = 0;
    EXPECT(CAPBUF_OK, capbuf_change_list_get(changes, number, &change, name, sizeof name, &len, &error));
    CHECK(change == expected && strcmp(name, source) == 0 && len == strlen(source));
}

/* Waits until the buffer of a source has `end` frames. */
static void wait_for_audio(const capbuf_registry *registry, const char *name, int64_t end) {
    capbuf_span span = frames(0, end);
    capbuf_read_options options;
    capbuf_buffer *buffer = NULL;
    int16_t samples[800];
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.wait_ns = 60 * SECOND;
    /* The station opens the source in the background. */
    while (capbuf_registry_get(registry, name, strlen(name), &buffer, NULL) != CAPBUF_OK) {
        pause_briefly();
    }
    EXPECT(CAPBUF_OK, capbuf_buffer_read(buffer, &span, &options, samples, 800, NULL, &error));
    capbuf_buffer_free(buffer);
}

int main(void) {
    capbuf_registry *registry = NULL;
    capbuf_station *station = NULL;
    capbuf_change_list *changes = NULL;
    capbuf_source_list *sources = NULL;
    capbuf_source_info_list *infos = NULL;
    capbuf_source_info info;
    capbuf_source_status status;
    capbuf_transition transition;
    int64_t before_ns;
    capbuf_capture_options minute = seconds(60), longer = seconds(90);
    capbuf_source_config config[3];
    char text[128];
    uint32_t change = 77;
    size_t count = 0, at;
    bool contains = false;

    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_station_new(registry, &station, &error));
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, NULL, 0, &changes, &count, &error));
    CHECK(count == 0);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_change_list_get(changes, 0, &change, text, sizeof text, NULL, &error));
    CHECK(change == 77);
    capbuf_change_list_free(changes);

    config[0] = source("nest", "tone:440", &minute);
    config[1] = source("yard", "tone:880", &minute);
    config[1].when_gone = CAPBUF_WHEN_GONE_KEEP;
    config[2] = source(NULL, "tone:660", NULL);
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, config, 3, &changes, &count, &error));
    CHECK(count == 3);
    expect_change(changes, 0, CAPBUF_CHANGE_STARTED, "nest");
    expect_change(changes, 1, CAPBUF_CHANGE_STARTED, "tone:660");
    expect_change(changes, 2, CAPBUF_CHANGE_STARTED, "yard");
    EXPECT(CAPBUF_TOO_SMALL, capbuf_change_list_get(changes, 1, &change, text, 8, &count, &error));
    CHECK(count == 8 && change == 77);
    capbuf_change_list_free(changes);
    wait_for_audio(registry, "nest", 800);
    wait_for_audio(registry, "yard", 800);
    wait_for_audio(registry, "tone:660", 800);

    EXPECT(CAPBUF_OK, capbuf_station_sources(station, &sources, &count, &error));
    CHECK(count == 3);
    memset(&status, 0, sizeof status);
    status.struct_size = sizeof status;
    EXPECT(CAPBUF_OK, capbuf_source_list_get(sources, 2, text, sizeof text, NULL, &status, &error));
    CHECK(strcmp(text, "yard") == 0 && status.state == CAPBUF_STATE_RUNNING && status.has_buffer && status.restarts == 0);
    EXPECT(CAPBUF_OK, capbuf_source_list_state(sources, 2, text, sizeof text, NULL, &error));
    CHECK(strcmp(text, "running") == 0);
    /* The state changes up to now. */
    CHECK(status.transitions == 2);
    memset(&transition, 0, sizeof transition);
    transition.struct_size = sizeof transition;
    EXPECT(CAPBUF_OK, capbuf_source_list_transition(sources, 2, 0, text, sizeof text, &count, &transition, &error));
    CHECK(transition.state == CAPBUF_STATE_STARTING && count == 0);
    before_ns = transition.utc_ns;
    EXPECT(CAPBUF_OK, capbuf_source_list_transition(sources, 2, 1, text, sizeof text, NULL, &transition, &error));
    CHECK(transition.state == CAPBUF_STATE_RUNNING && transition.utc_ns >= before_ns && text[0] == '\0');
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_source_list_transition(sources, 2, 2, text, sizeof text, NULL, &transition, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_source_list_get(sources, 3, text, sizeof text, NULL, &status, &error));
    capbuf_source_list_free(sources);

    /* The registry lists the same sources, with their buffers; others only without a station. */
    EXPECT(CAPBUF_OK, capbuf_registry_sources(registry, &infos, &count, &error));
    CHECK(count == 3);
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    EXPECT(CAPBUF_OK, capbuf_source_info_list_get(infos, 1, text, sizeof text, NULL, &info, &error));
    CHECK(strcmp(text, "tone:660") == 0 && info.state == CAPBUF_STATE_RUNNING && info.has_buffer);
    CHECK(info.since_utc_ns > 0 && info.restarts == 0 && info.recorder_pid == 0);
    EXPECT(CAPBUF_OK, capbuf_source_info_list_reason(infos, 1, text, sizeof text, &count, &error));
    CHECK(count == 0);
    EXPECT(CAPBUF_OK, capbuf_source_info_list_program(infos, 1, text, sizeof text, &count, &error));
    CHECK(count == 0);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_source_info_list_get(infos, 3, text, sizeof text, NULL, &info, &error));
    EXPECT(CAPBUF_TOO_SMALL, capbuf_source_info_list_get(infos, 1, text, 3, NULL, &info, &error));
    capbuf_source_info_list_free(infos);

    /* One buffer becomes longer, one source is unchanged, one is gone. */
    config[0].options = &longer;
    config[1] = source("tone:660", "tone:660", NULL);
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, config, 2, &changes, &count, &error));
    CHECK(count == 3);
    expect_change(changes, 0, CAPBUF_CHANGE_UNCHANGED, "tone:660");
    expect_change(changes, 1, CAPBUF_CHANGE_RESIZED, "nest");
    expect_change(changes, 2, CAPBUF_CHANGE_STOPPED, "yard");
    capbuf_change_list_free(changes);
    EXPECT(CAPBUF_OK, capbuf_registry_contains(registry, "yard", 4, &contains, &error));
    CHECK(contains);
    longer.channels = 2;
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, config, 1, &changes, NULL, &error));
    expect_change(changes, 0, CAPBUF_CHANGE_REFORMATTED, "nest");
    expect_change(changes, 1, CAPBUF_CHANGE_STOPPED, "tone:660");
    capbuf_change_list_free(changes);
    EXPECT(CAPBUF_OK, capbuf_registry_contains(registry, "tone:660", 8, &contains, &error));
    CHECK(!contains);
    config[0].locator = "tone:441";
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, config, 1, &changes, NULL, &error));
    expect_change(changes, 0, CAPBUF_CHANGE_RESTARTED, "nest");
    capbuf_change_list_free(changes);
    wait_for_audio(registry, "nest", 400);

    /* Invalid configurations are refused as a whole and change nothing. */
    config[1] = source("x", "rtsp://me:sesame@/nowhere", NULL);
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_station_reconfigure(station, config, 2, NULL, NULL, &error));
    config[1] = config[0];
    EXPECT(CAPBUF_CAPTURE_FAILED, capbuf_station_reconfigure(station, config, 2, NULL, NULL, &error));
    config[1] = source("x", "tone:1", NULL);
    config[1].when_gone = 2;
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_station_reconfigure(station, config, 2, NULL, NULL, &error));
    config[1].when_gone = 0;
    config[1].struct_size += sizeof(size_t);
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_station_reconfigure(station, config, 2, NULL, NULL, &error));
    config[1].locator = NULL;
    config[1].struct_size = sizeof config[1];
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_station_reconfigure(station, config, 2, NULL, NULL, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_station_reconfigure(station, NULL, 2, NULL, NULL, &error));
    EXPECT(CAPBUF_OK, capbuf_station_sources(station, &sources, &count, &error));
    CHECK(count == 1);
    capbuf_source_list_free(sources);

    /* A source that can't be opened is listed with its reason. */
    config[0] = source("absent", "file:/no/such/file.wav", NULL);
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, config, 1, NULL, NULL, &error));
    do {
        pause_briefly();
        EXPECT(CAPBUF_OK, capbuf_registry_sources(registry, &infos, &count, &error));
        text[0] = '\0';
        for (at = 0; at < count; at++) {
            EXPECT(CAPBUF_OK, capbuf_source_info_list_get(infos, at, text, sizeof text, NULL, &info, &error));
            if (strcmp(text, "absent") == 0) {
                CHECK(!info.has_buffer);
                EXPECT(CAPBUF_OK, capbuf_source_info_list_reason(infos, at, text, sizeof text, NULL, &error));
                break;
            }
        }
        capbuf_source_info_list_free(infos);
    } while (strstr(text, "file.wav") == NULL);
    config[0] = source("nest", "tone:441", &longer);
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, config, 1, NULL, NULL, &error));
    wait_for_audio(registry, "nest", 400);

    EXPECT(CAPBUF_OK, capbuf_station_stop(station, &error));
    EXPECT(CAPBUF_OK, capbuf_station_sources(station, &sources, &count, &error));
    CHECK(count == 0);
    capbuf_source_list_free(sources);
    EXPECT(CAPBUF_OK, capbuf_registry_contains(registry, "nest", 4, &contains, &error));
    CHECK(contains);
    EXPECT(CAPBUF_OK, capbuf_station_reconfigure(station, config, 1, NULL, NULL, &error));
    /* Handles may be freed in any order; freeing the station stops its sources. */
    capbuf_registry_free(registry);
    capbuf_station_free(station);
    puts("ok");
    return 0;
}
