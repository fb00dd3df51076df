/* The orders of the host in C. */

#ifndef HOST_H
#define HOST_H

#include <capbuf.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SOURCES 64
#define MAX_FRAMES 80000

static capbuf_registry *registry;
static capbuf_buffer *buffers[MAX_SOURCES];
static capbuf_writer *writer;
static int16_t samples[MAX_FRAMES];

static void ok(capbuf_status status, capbuf_error *error) {
    if (status != CAPBUF_OK) {
        fprintf(stderr, "%s: %s\n", capbuf_status_name(status), error == NULL ? "" : capbuf_error_message(error));
        exit(1);
    }
}

static void open_domain(const char *folder) {
    capbuf_registry_options options;
    capbuf_error *error = NULL;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.domains_folder = folder;
    options.domains_folder_len = strlen(folder);
    ok(capbuf_registry_open("hosts", 5, &options, &registry, &error), error);
}

static void race(size_t sources) {
    capbuf_spec spec = {sizeof spec, 10, 0, 8000, 1, CAPBUF_FORMAT_S16, CAPBUF_LIFETIME_UNTIL_REMOVED};
    capbuf_registry_stats stats = {sizeof stats, 0, 0, 0, 0, 0};
    capbuf_error *error = NULL;
    char name[32];
    size_t i;
    for (i = 0; i < sources && i < MAX_SOURCES; i++) {
        snprintf(name, sizeof name, "source %zu", i);
        ok(capbuf_registry_get_or_allocate(registry, name, strlen(name), &spec, &buffers[i], &error), error);
    }
    ok(capbuf_registry_get_stats(registry, &stats, &error), error);
    printf("%" PRIu64, stats.rings_allocated);
    for (i = 0; i < sources && i < MAX_SOURCES; i++) {
        uint64_t id;
        ok(capbuf_buffer_id(buffers[i], &id, &error), error);
        printf(" %016" PRIx64, id);
    }
    printf("\n");
}

static void take(void) {
    capbuf_error *error = NULL;
    capbuf_error_detail detail = {sizeof detail, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    capbuf_status status = capbuf_buffer_writer(buffers[0], &writer, &error);
    if (status == CAPBUF_WRITER_BUSY) {
        ok(capbuf_error_numbers(error, &detail), NULL);
        capbuf_error_free(error);
        printf("busy %" PRIu32 "\n", detail.holder_pid);
        return;
    }
    ok(status, error);
    printf("taken\n");
}

static void write_frames(size_t frames) {
    capbuf_error *error = NULL;
    uint64_t next;
    size_t i;
    ok(capbuf_writer_next_frame(writer, &next, &error), error);
    for (i = 0; i < frames && i < MAX_FRAMES; i++) {
        samples[i] = (int16_t)(uint16_t)((next + i) * 40503);
    }
    ok(capbuf_writer_write(writer, samples, frames, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error), error);
    ok(capbuf_writer_next_frame(writer, &next, &error), error);
    printf("%" PRIu64 "\n", next);
}

static void read_frames(int64_t first, int64_t end) {
    capbuf_span span = {CAPBUF_SPAN_FRAMES, 0, 0, 0};
    capbuf_error *error = NULL;
    FILE *hash;
    span.first = first;
    span.end = end;
    ok(capbuf_buffer_read(buffers[0], &span, NULL, samples, MAX_FRAMES, NULL, &error), error);
    fflush(stdout);
    hash = popen("sha256sum | cut -c1-64", "w");
    if (hash == NULL || fwrite(samples, sizeof samples[0], (size_t)(end - first), hash) != (size_t)(end - first) ||
        pclose(hash) != 0) {
        exit(1);
    }
}

static void obey(const char *line) {
    size_t number = 0;
    int64_t first = 0, end = 0;
    if (sscanf(line, "race %zu", &number) == 1) {
        race(number);
    } else if (strncmp(line, "take", 4) == 0) {
        take();
    } else if (sscanf(line, "write %zu", &number) == 1) {
        write_frames(number);
    } else if (sscanf(line, "read %" SCNd64 " %" SCNd64, &first, &end) == 2) {
        read_frames(first, end);
    } else {
        fprintf(stderr, "unknown order %s\n", line);
        exit(1);
    }
    fflush(stdout);
}

#endif
