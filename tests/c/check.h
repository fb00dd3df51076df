/* Shared by the programs of this folder: checks that print their line, and short constructors. */

#ifndef CHECK_H
#define CHECK_H

/* For nanosleep. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <capbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

/* Checks that `call` returns `status`; prints what it returned instead, with the message. */
#define EXPECT(status, call)                                                    \
    do {                                                                        \
        capbuf_error *error = NULL;                                             \
        capbuf_status got = (call);                                             \
        if (got != (status)) {                                                  \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, capbuf_status_name(got)); \
            if (error != NULL) {                                                \
                fprintf(stderr, "%s\n", capbuf_error_message(error));           \
            }                                                                   \
            exit(1);                                                            \
        }                                                                       \
        CHECK((error != NULL) == (got != CAPBUF_OK));                           \
        CHECK(got == CAPBUF_OK || capbuf_error_code(error) == got);             \
        CHECK(got == CAPBUF_OK || strlen(capbuf_error_message(error)) > 0);     \
        capbuf_error_free(error);                                               \
    } while (0)

#define RATE 8000

static inline capbuf_spec mono_s16(double seconds) {
    capbuf_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    spec.seconds = seconds;
    spec.sample_rate_hz = RATE;
    spec.channels = 1;
    spec.sample_format = CAPBUF_FORMAT_S16;
    return spec;
}

/* Lets other threads run before a condition is checked again. */
static inline void pause_briefly(void) {
    const struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, NULL);
}

static inline capbuf_span frames(int64_t first, int64_t end) {
    capbuf_span span;
    memset(&span, 0, sizeof span);
    span.kind = CAPBUF_SPAN_FRAMES;
    span.first = first;
    span.end = end;
    return span;
}

#endif
