/* The cost of calls from C: the same operations as in calls.rs. */

#define _POSIX_C_SOURCE 200809L
#include <capbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 400
#define RATE 48000

static int16_t ring[60 * RATE], room[3 * RATE];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void must(capbuf_status status) {
    if (status != CAPBUF_OK) {
        fprintf(stderr, "%s\n", capbuf_status_name(status));
        exit(1);
    }
}

#define MINIMUM(name, calls, call)                          \
    do {                                                    \
        double minimum = 1e300;                             \
        int round, i;                                       \
        for (round = 0; round < ROUNDS; round++) {          \
            double begin = now(), took;                     \
            for (i = 0; i < (calls); i++) {                 \
                call;                                       \
            }                                               \
            took = (now() - begin) / (calls);               \
            minimum = took < minimum ? took : minimum;      \
        }                                                   \
        printf("%s %.2f\n", name, minimum);                 \
    } while (0)

int main(void) {
    capbuf_registry *registry;
    capbuf_buffer *buffer;
    capbuf_writer *writer;
    capbuf_spec spec = {.struct_size = sizeof spec, .seconds = 60, .sample_rate_hz = RATE, .channels = 1,
                        .sample_format = CAPBUF_FORMAT_S16};
    capbuf_span span = {.kind = CAPBUF_SPAN_FRAMES, .first = 56 * RATE, .end = 59 * RATE};
    bool contains;
    int64_t at = 60000000000;

    must(capbuf_registry_private(NULL, &registry, NULL));
    must(capbuf_registry_allocate(registry, "mic", 3, &spec, &buffer, NULL));
    must(capbuf_buffer_writer(buffer, &writer, NULL));
    must(capbuf_writer_write(writer, ring, 60 * RATE, CAPBUF_FORMAT_S16, 0, NULL));

    MINIMUM("contains", 10000, must(capbuf_registry_contains(registry, "mic", 3, &contains, NULL)));
    MINIMUM("copy-3s", 100, memcpy(room, ring + 56 * RATE, sizeof room); __asm__ volatile("" ::: "memory"));
    MINIMUM("read-3s", 100, must(capbuf_buffer_read(buffer, &span, NULL, room, 3 * RATE, NULL, NULL)));
    MINIMUM("write-10ms", 5000,
            must(capbuf_writer_write(writer, ring, 480, CAPBUF_FORMAT_S16, at, NULL)); at += 10000000);

    capbuf_writer_free(writer), capbuf_buffer_free(buffer), capbuf_registry_free(registry);
    return 0;
}
