/* Waits for a loud window, then cuts the clip around it. */
#include <capbuf.h>
#include <stdio.h>

enum { WINDOW_FRAMES = 24000 }; /* 0.5 s at 48 kHz */

/* Ends at the first error. Pass a capbuf_error ** as the last argument to get a message. */
#define CHECK(call) if ((call) != CAPBUF_OK) return 1

static int is_loud(const float *samples) {
    for (int i = 0; i < WINDOW_FRAMES; i++)
        if (samples[i] > 0.1f) return 1;
    return 0;
}

int main(void) {
    static float samples[WINDOW_FRAMES];
    capbuf_registry *registry;
    capbuf_capture *capture;
    capbuf_buffer *buffer;
    capbuf_windows *windows;
    capbuf_window window = {.struct_size = sizeof window};
    capbuf_window_options options = {.struct_size = sizeof options, .window_frames = WINDOW_FRAMES, .hop_frames = 12000};
    CHECK(capbuf_registry_open(NULL, 0, NULL, &registry, NULL));
    CHECK(capbuf_capture_start(registry, "tone:440", 8, NULL, &capture, NULL));
    CHECK(capbuf_capture_buffer(capture, &buffer, NULL));
    CHECK(capbuf_buffer_windows(buffer, &options, &windows, NULL));
    do {
        CHECK(capbuf_windows_next(windows, samples, WINDOW_FRAMES, CAPBUF_FORMAT_F32, 10000000000, &window, NULL));
    } while (!is_loud(samples));
    /* A slow detector may spend seconds here: the audio is still in memory. */
    CHECK(capbuf_buffer_overwrite_clip(buffer, window.start_utc_ns, 0, 1000000000, "loud.wav", 8, NULL, NULL));
    puts("wrote the second from the loud window on to loud.wav");
    capbuf_windows_free(windows), capbuf_buffer_free(buffer), capbuf_capture_free(capture), capbuf_registry_free(registry);
    return 0;
}
