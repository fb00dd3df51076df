/* The library is loaded, used by a thread that frees all and ends, and unloaded: fifty times. */

#define _POSIX_C_SOURCE 199309L

#include <capbuf.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static void *library;

/* The address of a function, by way of an object pointer as POSIX allows. */
#define FIND(name) *(void **)&name = dlsym(library, "capbuf_" #name); CHECK(name != NULL)

static void *use(void *folder) {
    __typeof__(&capbuf_registry_open) registry_open;
    __typeof__(&capbuf_registry_free) registry_free;
    __typeof__(&capbuf_registry_get_or_allocate) registry_get_or_allocate;
    __typeof__(&capbuf_registry_remove) registry_remove;
    __typeof__(&capbuf_registry_watch) registry_watch;
    __typeof__(&capbuf_watch_free) watch_free;
    __typeof__(&capbuf_buffer_free) buffer_free;
    capbuf_registry_options options;
    capbuf_spec spec;
    capbuf_registry *registry = NULL;
    capbuf_watch *watch = NULL;
    capbuf_buffer *buffer = NULL;

    FIND(registry_open);
    FIND(registry_free);
    FIND(registry_get_or_allocate);
    FIND(registry_remove);
    FIND(registry_watch);
    FIND(watch_free);
    FIND(buffer_free);
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.domains_folder = folder;
    options.domains_folder_len = strlen(folder);
    memset(&spec, 0, sizeof spec);
    spec.struct_size = sizeof spec;
    spec.seconds = 10;
    spec.sample_rate_hz = 48000;
    spec.channels = 1;
    spec.sample_format = CAPBUF_FORMAT_S16;
    CHECK(registry_open("dlclose", 7, &options, &registry, NULL) == CAPBUF_OK);
    CHECK(registry_get_or_allocate(registry, "mic", 3, &spec, &buffer, NULL) == CAPBUF_OK);
    CHECK(registry_watch(registry, NULL, &watch, NULL) == CAPBUF_OK);
    watch_free(watch);
    CHECK(registry_remove(registry, "mic", 3, NULL) == CAPBUF_OK);
    buffer_free(buffer);
    registry_free(registry);
    return NULL;
}

/* Uses the library on a thread, which ends before the library is unloaded, or after it. */
static void load_and_unload(char *folder, int ends_first) {
    pthread_t thread;
    library = dlopen("libcapbuf.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    if (ends_first) {
        CHECK(pthread_create(&thread, NULL, use, folder) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    } else {
        use(folder);
    }
    CHECK(dlclose(library) == 0);
}

/* Unloads on a thread, whose thread-locals are freed after that. */
static void *unload_within(void *folder) {
    load_and_unload(folder, 0);
    return NULL;
}

int main(int count, char **arguments) {
    int round, status;
    CHECK(count == 2);
    for (round = 0; round < 50; round++) {
        const struct timespec moment = {0, 2000000};
        pthread_t thread;
        pid_t child;
        load_and_unload(arguments[1], 1);
        CHECK(pthread_create(&thread, NULL, unload_within, arguments[1]) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        /* The fork handler is called after the library was unloaded. */
        child = fork();
        if (child == 0) {
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        /* Helper threads are asleep, or wake up meanwhile. */
        nanosleep(&moment, NULL);
    }
    puts("ok");
    return 0;
}
