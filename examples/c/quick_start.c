#include <capbuf.h>
#include <stdio.h>

int main(void) {
    capbuf_registry *registry;
    capbuf_capture *capture;
    capbuf_buffer *buffer;
    capbuf_segment *segment;
    /* The first half second at 48 kHz; the read waits up to 10 s for it. */
    capbuf_span span = {.kind = CAPBUF_SPAN_FRAMES, .first = 0, .end = 24000};
    capbuf_read_options options = {.struct_size = sizeof options, .wait_ns = 10000000000};
    if (capbuf_registry_open(NULL, 0, NULL, &registry, NULL) != CAPBUF_OK ||
        capbuf_capture_start(registry, "tone:440", 8, NULL, &capture, NULL) != CAPBUF_OK ||
        capbuf_capture_buffer(capture, &buffer, NULL) != CAPBUF_OK ||
        capbuf_buffer_read_segment(buffer, &span, &options, &segment, NULL) != CAPBUF_OK ||
        capbuf_segment_overwrite_clip(segment, "tone.wav", 8, NULL, NULL) != CAPBUF_OK) {
        return 1; /* Pass a capbuf_error ** as the last argument to get a message. */
    }
    puts("wrote half a second to tone.wav");
    capbuf_segment_free(segment);
    capbuf_buffer_free(buffer);
    capbuf_capture_free(capture);
    capbuf_registry_free(registry);
    return 0;
}
