/* A thread is cancelled in calls that wait: each ends as usual, and the thread after them. */

#include "check.h"

#include <pthread.h>

#define SECOND INT64_C(1000000000)
#define BRIEFLY (SECOND / 100)

static const char *folder;

/* Requests the cancellation of this thread, which takes effect at its next cancellation point. */
static void cancel_self(void) {
    CHECK(pthread_cancel(pthread_self()) == 0);
}

static void a_domain_is_used(void) {
    capbuf_registry_options options;
    capbuf_registry *registry = NULL;
    capbuf_buffer *buffer = NULL, *again = NULL;
    capbuf_text *report = NULL;
    const capbuf_spec spec = mono_s16(2);
    bool contains = false;

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.domains_folder = folder;
    options.domains_folder_len = strlen(folder);
    cancel_self();
    EXPECT(CAPBUF_OK, capbuf_registry_open("cancel", 6, &options, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_contains(registry, "mic", 3, &contains, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_get_or_allocate(registry, "mic", 3, &spec, &buffer, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_get(registry, "mic", 3, &again, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_metrics(registry, &report, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_remove(registry, "mic", 3, &error));
    capbuf_text_free(report);
    capbuf_buffer_free(again);
    capbuf_buffer_free(buffer);
    capbuf_registry_free(registry);
}

static void audio_is_waited_for(void) {
    const capbuf_spec spec = mono_s16(2);
    const capbuf_span span = frames(0, 800);
    capbuf_registry *registry = NULL;
    capbuf_buffer *buffer = NULL;
    capbuf_windows *windows = NULL;
    capbuf_window_options window;
    capbuf_window position;
    capbuf_read_options wait;
    capbuf_watch *watch = NULL;
    capbuf_trigger *trigger = NULL;
    capbuf_trigger_options clips;
    capbuf_text *text = NULL;
    int16_t samples[800];

    memset(&wait, 0, sizeof wait);
    wait.struct_size = sizeof wait;
    wait.wait_ns = BRIEFLY;
    memset(&window, 0, sizeof window);
    window.struct_size = sizeof window;
    window.window_frames = 800;
    window.hop_frames = 800;
    memset(&position, 0, sizeof position);
    position.struct_size = sizeof position;
    memset(&clips, 0, sizeof clips);
    clips.struct_size = sizeof clips;
    clips.folder = folder;
    clips.folder_len = strlen(folder);

    cancel_self();
    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_allocate(registry, "mic", 3, &spec, &buffer, &error));
    EXPECT(CAPBUF_TIMED_OUT, capbuf_buffer_read(buffer, &span, &wait, samples, 800, NULL, &error));
    EXPECT(CAPBUF_OK, capbuf_buffer_windows(buffer, &window, &windows, &error));
    EXPECT(CAPBUF_TIMED_OUT, capbuf_windows_next(windows, samples, 800, CAPBUF_FORMAT_S16, BRIEFLY, &position, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_watch(registry, NULL, &watch, &error));
    EXPECT(CAPBUF_TIMED_OUT, capbuf_watch_next(watch, BRIEFLY, &text, &error));
    EXPECT(CAPBUF_OK, capbuf_trigger_begin(registry, "mic", 3, &clips, &trigger, &error));
    EXPECT(CAPBUF_TIMED_OUT, capbuf_trigger_next(trigger, BRIEFLY, &text, NULL, &error));
    /* These join a thread. */
    capbuf_trigger_free(trigger);
    capbuf_watch_free(watch);
    capbuf_windows_free(windows);
    capbuf_buffer_free(buffer);
    capbuf_registry_free(registry);
}

static void a_source_is_captured(void) {
    capbuf_registry *registry = NULL;
    capbuf_capture *capture = NULL;

    cancel_self();
    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_capture_start(registry, "tone:440", 8, NULL, &capture, &error));
    EXPECT(CAPBUF_OK, capbuf_capture_stop(capture, &error));
    capbuf_capture_free(capture);
    capbuf_registry_free(registry);
}

static void *run(void *calls) {
    void (*const *call)(void) = calls;
    int state = -1;
    (*call)();
    /* The thread can still be cancelled as it was before: now. */
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    CHECK(state == PTHREAD_CANCEL_ENABLE);
    pthread_testcancel();
    return NULL;
}

int main(int count, char **arguments) {
    static void (*const calls[])(void) = {a_domain_is_used, audio_is_waited_for, a_source_is_captured};
    size_t i;
    CHECK(count == 2);
    folder = arguments[1];
    for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        pthread_t thread;
        void *result = NULL;
        CHECK(pthread_create(&thread, NULL, run, (void *)&calls[i]) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
    }
    puts("ok");
    return 0;
}
