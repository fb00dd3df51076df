/* A forked child may read; all else is FORKED at once, and its parent's rings are unharmed. */

#define _DEFAULT_SOURCE /* For usleep and setenv. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIC "mic", 3
#define LARGE (4 * RATE)

static capbuf_registry *registry;
static capbuf_buffer *mic;
static capbuf_writer *writer;
static capbuf_writer *busy_writer;
static capbuf_station *station;
static capbuf_watch *watch;
static int16_t samples[LARGE];
static volatile int stop;

static void *allocate_and_remove(void *number) {
    const capbuf_spec spec = mono_s16(1);
    while (!stop) {
        capbuf_buffer *buffer = NULL;
        EXPECT(CAPBUF_OK, capbuf_registry_get_or_allocate(registry, number, 2, &spec, &buffer, &error));
        capbuf_buffer_free(buffer);
        EXPECT(CAPBUF_OK, capbuf_registry_remove(registry, number, 2, &error));
    }
    return NULL;
}

static void *write_much(void *unused) {
    (void)unused;
    while (!stop) {
        EXPECT(CAPBUF_OK, capbuf_writer_write(busy_writer, samples, LARGE, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    }
    return NULL;
}

static void report(void) {
    capbuf_text *text = NULL;
    EXPECT(CAPBUF_OK, capbuf_registry_metrics(registry, &text, &error));
    capbuf_text_free(text);
}

static void *report_often(void *unused) {
    (void)unused;
    while (!stop) {
        report();
    }
    return NULL;
}

/* What a child does, one of these each time. */
static void operation(int number) {
    const capbuf_spec spec = mono_s16(1);
    capbuf_buffer *buffer = NULL;
    capbuf_writer *other = NULL;
    capbuf_text *text = NULL;
    capbuf_source_list *list = NULL;
    size_t count = 0;
    int16_t read[RATE];
    const capbuf_span span = frames(0, RATE);
    switch (number) {
    case 0: {
        capbuf_status status = capbuf_registry_get(registry, "c0", 2, &buffer, NULL);
        CHECK(status == CAPBUF_OK || status == CAPBUF_NOT_FOUND);
        capbuf_buffer_free(buffer);
        break;
    }
    case 1: EXPECT(CAPBUF_FORKED, capbuf_registry_allocate(registry, "new", 3, &spec, &buffer, &error)); break;
    case 2: EXPECT(CAPBUF_FORKED, capbuf_registry_get_or_allocate(registry, "new", 3, &spec, &buffer, &error)); break;
    case 3: EXPECT(CAPBUF_FORKED, capbuf_registry_remove(registry, "c0", 2, &error)); break;
    case 4: EXPECT(CAPBUF_FORKED, capbuf_buffer_writer(mic, &other, &error)); break;
    case 5: EXPECT(CAPBUF_FORKED, capbuf_writer_write(busy_writer, samples, LARGE, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error)); break;
    case 6: EXPECT(CAPBUF_FORKED, capbuf_writer_gap(writer, CAPBUF_GAP_REQUESTED, CAPBUF_DURATION_UNKNOWN, &error)); break;
    case 7: EXPECT(CAPBUF_FORKED, capbuf_station_reconfigure(station, NULL, 0, NULL, NULL, &error)); break;
    case 8: EXPECT(CAPBUF_FORKED, capbuf_station_stop(station, &error)); break;
    case 9: EXPECT(CAPBUF_FORKED, capbuf_station_sources(station, &list, &count, &error)); break;
    case 10: EXPECT(CAPBUF_FORKED, capbuf_watch_next(watch, INT64_MAX, &text, &error)); break;
    case 11: report(); break;
    case 12:
        EXPECT(CAPBUF_OK, capbuf_buffer_read(mic, &span, NULL, read, RATE, NULL, &error));
        CHECK(memcmp(read, samples, sizeof read) == 0);
        break;
    default:
        capbuf_station_free(station);
        capbuf_watch_free(watch);
        capbuf_writer_free(busy_writer);
        capbuf_writer_free(writer);
        capbuf_buffer_free(mic);
        capbuf_registry_free(registry);
        break;
    }
}

#define OPERATIONS 14

/* Waits for a child to end; kills it if it hangs. */
static void wait_for(pid_t child) {
    int status = 0, waited;
    for (waited = 0; waitpid(child, &status, WNOHANG) == 0; waited++) {
        if (waited > 60000) {
            kill(child, SIGKILL);
            CHECK(!"the child hangs");
        }
        pause_briefly();
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void storm(void) {
    const capbuf_spec spec = mono_s16(4);
    capbuf_watch_settings settings;
    capbuf_buffer *busy = NULL;
    pthread_t threads[4];
    int16_t read[2 * RATE];
    const capbuf_span span = frames(0, 2 * RATE);
    int round, number, at;
    for (at = 0; at < LARGE; at++) {
        samples[at] = (int16_t)(at * 40503);
    }
    EXPECT(CAPBUF_OK, capbuf_registry_open("forks", 5, NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, MIC, &spec, &mic, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "busy", 4, &spec, &busy, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_writer(mic, &writer, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_writer(busy, &busy_writer, &error));
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples, RATE, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_OK, capbuf_station_new(registry, &station, &error));
    memset(&settings, 0, sizeof settings);
    settings.struct_size = sizeof settings;
    EXPECT(CAPBUF_OK, capbuf_registry_watch(registry, &settings, &watch, &error));
    CHECK(pthread_create(&threads[0], NULL, allocate_and_remove, (void *)"c0") == 0);
    CHECK(pthread_create(&threads[1], NULL, allocate_and_remove, (void *)"c1") == 0);
    CHECK(pthread_create(&threads[2], NULL, report_often, NULL) == 0);
    CHECK(pthread_create(&threads[3], NULL, write_much, NULL) == 0);
    for (round = 0; round < 5; round++) {
        for (number = 0; number < OPERATIONS; number++) {
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                operation(number);
                _exit(0);
            }
            wait_for(child);
        }
    }
    stop = 1;
    for (number = 0; number < 4; number++) {
        CHECK(pthread_join(threads[number], NULL) == 0);
    }
    EXPECT(CAPBUF_OK, capbuf_writer_write(writer, samples + RATE, RATE, CAPBUF_FORMAT_S16, CAPBUF_TIME_NOW, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_read(mic, &span, NULL, read, 2 * RATE, NULL, &error));
    CHECK(memcmp(read, samples, sizeof read) == 0);
    EXPECT(CAPBUF_OK, capbuf_registry_remove(registry, MIC, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_remove(registry, "busy", 4, &error));
    capbuf_buffer_free(busy);
    operation(OPERATIONS - 1);
}

/* In a process that has closed its standard streams no file of the library takes their numbers. */
static void closed_streams_stay_closed(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const capbuf_spec spec = mono_s16(1);
        int number, round;
        for (number = 0; number < 3; number++) {
            close(number);
        }
        for (round = 0; round < 2; round++) {
            capbuf_registry *own = NULL;
            capbuf_buffer *buffer = NULL;
            capbuf_writer *held = NULL;
            struct stat file;
            if (capbuf_registry_open("closed", 6, NULL, &own, NULL) != CAPBUF_OK
                || capbuf_registry_get_or_allocate(own, MIC, &spec, &buffer, NULL) != CAPBUF_OK
                || capbuf_buffer_writer(buffer, &held, NULL) != CAPBUF_OK) {
                _exit(2);
            }
            for (number = 0; number < 3; number++) {
                if (fstat(number, &file) == 0) {
                    _exit(3);
                }
            }
            capbuf_writer_free(held);
            capbuf_registry_remove(own, MIC, NULL);
            capbuf_buffer_free(buffer);
            capbuf_registry_free(own);
        }
        _exit(0);
    }
    wait_for(child);
}

/* A child waits for none of its parent's captures. Five seconds for each would be two minutes. */
static void captures_of_the_parent_hold_up_no_child(void) {
    enum { CAPTURES = 24 };
    capbuf_registry *own = NULL;
    capbuf_capture *captures[CAPTURES];
    char source[16];
    int number;
    pid_t child;
    EXPECT(CAPBUF_OK, capbuf_registry_open("captures", 8, NULL, &own, &error));
    for (number = 0; number < CAPTURES; number++) {
        snprintf(source, sizeof source, "tone:%d", 400 + number);
        EXPECT(CAPBUF_OK, capbuf_capture_start(own, source, strlen(source), NULL, &captures[number], &error));
    }
    child = fork();
    CHECK(child >= 0);
    for (number = 0; number < CAPTURES; number++) {
        if (child == 0) {
            capbuf_capture_free(captures[number]);
        }
    }
    if (child == 0) {
        capbuf_registry_free(own);
        _exit(0);
    }
    wait_for(child);
    for (number = 0; number < CAPTURES; number++) {
        capbuf_buffer *buffer = NULL;
        snprintf(source, sizeof source, "tone:%d", 400 + number);
        EXPECT(CAPBUF_OK, capbuf_registry_get(own, source, strlen(source), &buffer, &error));
        capbuf_buffer_free(buffer);
        capbuf_capture_free(captures[number]);
        EXPECT(CAPBUF_OK, capbuf_registry_remove(own, source, strlen(source), &error));
    }
    capbuf_registry_free(own);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    CHECK(setenv("CAPBUF_DIR", argv[1], 1) == 0);
    closed_streams_stay_closed();
    storm();
    captures_of_the_parent_hold_up_no_child();
    puts("ok");
    return 0;
}
