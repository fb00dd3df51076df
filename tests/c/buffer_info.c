/* One call finds or allocates a buffer and describes it. */

#include "check.h"

static capbuf_buffer_info empty_info(void) {
    capbuf_buffer_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    return info;
}

static void lookup_describes_the_buffer(const capbuf_registry *registry) {
    capbuf_buffer *first = NULL, *second = NULL, *third = NULL;
    capbuf_buffer_info allocated = empty_info(), existing = empty_info(), found = empty_info();
    capbuf_spec spec = mono_s16(1.5);
    uint64_t id = 0;

    EXPECT(CAPBUF_OK,
           capbuf_registry_get_or_allocate_with_info(registry, "mic", 3, &spec, &first, &allocated, &error));
    CHECK(allocated.length_frames == 3 * RATE / 2 && allocated.seconds == 1.5);
    CHECK(allocated.sample_rate_hz == RATE && allocated.channels == 1);
    CHECK(allocated.sample_format == CAPBUF_FORMAT_S16 && allocated.lifetime == CAPBUF_LIFETIME_WHILE_OPEN);
    EXPECT(CAPBUF_OK, capbuf_buffer_id(first, &id, &error));
    CHECK(allocated.id == id);

    EXPECT(CAPBUF_OK,
           capbuf_registry_get_or_allocate_with_info(registry, "mic", 3, &spec, &second, &existing, &error));
    CHECK(memcmp(&allocated, &existing, sizeof existing) == 0);
    EXPECT(CAPBUF_OK, capbuf_registry_get_with_info(registry, "mic", 3, &third, &found, &error));
    CHECK(memcmp(&allocated, &found, sizeof found) == 0);
    found = empty_info();
    EXPECT(CAPBUF_OK, capbuf_buffer_get_info(third, &found, &error));
    CHECK(memcmp(&allocated, &found, sizeof found) == 0);
    capbuf_buffer_free(first);
    capbuf_buffer_free(second);
    capbuf_buffer_free(third);
}

/* An error writes neither the handle nor the info. */
static void error_leaves_results_untouched(const capbuf_registry *registry) {
    capbuf_buffer *buffer = NULL;
    capbuf_buffer_info info = empty_info(), unchanged = info;
    capbuf_spec spec = mono_s16(1.5), longer = mono_s16(3);

    EXPECT(CAPBUF_SPEC_MISMATCH,
           capbuf_registry_get_or_allocate_with_info(registry, "mic", 3, &longer, &buffer, &info, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT,
           capbuf_registry_get_or_allocate_with_info(registry, "mic", 3, NULL, &buffer, &info, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT,
           capbuf_registry_get_or_allocate_with_info(registry, "new", 3, &spec, &buffer, NULL, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT,
           capbuf_registry_get_or_allocate_with_info(registry, "new", 3, &spec, NULL, &info, &error));
    EXPECT(CAPBUF_NOT_FOUND, capbuf_registry_get_with_info(registry, "new", 3, &buffer, &info, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_registry_get_with_info(registry, "mic", 3, &buffer, NULL, &error));
    EXPECT(CAPBUF_NULL_ARGUMENT, capbuf_buffer_get_info(NULL, &info, &error));
    CHECK(buffer == NULL && memcmp(&info, &unchanged, sizeof info) == 0);
    info.struct_size = sizeof info - 1;
    EXPECT(CAPBUF_INVALID_ARGUMENT,
           capbuf_registry_get_or_allocate_with_info(registry, "new", 3, &spec, &buffer, &info, &error));
    EXPECT(CAPBUF_INVALID_ARGUMENT, capbuf_registry_get_with_info(registry, "mic", 3, &buffer, &info, &error));
    EXPECT(CAPBUF_NOT_FOUND, capbuf_registry_remove(registry, "new", 3, &error));
    CHECK(buffer == NULL);
}

static void tracking_reports_the_calling_line(const capbuf_registry *registry) {
    capbuf_buffer *buffer = NULL;
    capbuf_buffer_info info = empty_info();
    capbuf_spec spec = mono_s16(1.5);
    capbuf_report *report = NULL;
    char site[64];
    int line;

    EXPECT(CAPBUF_OK, capbuf_registry_enable_allocation_tracking(registry, 1, &error));
    line = __LINE__ + 1;
    EXPECT(CAPBUF_OK, capbuf_registry_get_or_allocate_with_info(registry, "mic", 3, &spec, &buffer, &info, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocation_report(registry, &report, &error));
    snprintf(site, sizeof site, "buffer_info.c:%d ", line);
    CHECK(strstr(capbuf_report_text(report, NULL), site) != NULL);
    capbuf_report_free(report);
    capbuf_buffer_free(buffer);
}

int main(void) {
    capbuf_registry *registry = NULL;

    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    lookup_describes_the_buffer(registry);
    error_leaves_results_untouched(registry);
    tracking_reports_the_calling_line(registry);
    capbuf_registry_free(registry);
    puts("ok");
    return 0;
}
