/*
 * A microphone without hardware: an ALSA plugin (ioplug) that hears raw files.
 *
 *     pcm_type.virtual_mic { lib "/absolute/libasound_module_pcm_virtual_mic.so" }
 *     pcm.vmic {
 *         type virtual_mic
 *         signals {                       the formats that it offers, and what it hears in each:
 *             S16_LE "/absolute/s16"      raw samples of that format, mono, played in a loop
 *         }
 *         rate 48000                      the nominal sample rate; or a list of rates, [ 44100 48000 ]
 *         rate_max 96000                  offers a range of rates; optional
 *         channels_min 1                  channels, all with the same signal; 1 to 2 by default
 *         channels_max 2
 *         apart 1                         delivers each channel on its own, not interleaved; optional
 *         ppm 0                           how much faster than nominal its clock runs, in parts per million
 *         epoch_ns 1700000000000000000    the UTC time at which the signal's first sample sounds;
 *                                         by default the moment of the first start
 *         monotonic 1                     its timestamps are of the monotonic clock, as a sound card's are,
 *                                         not of the wall clock, as a plugin's are; optional
 *         control "/absolute/control"     a file whose first letter makes it fail; optional
 *     }
 *
 * The letters: `X` one overrun, and another each time the file's text changes (X1, X2, ...); `S` a
 * stall: neither frames nor errors while the letter is there; `U` unplugged: an open device fails
 * for good, and opening fails; `B` opening fails as busy; `Z` suspended until the letter is gone.
 * Any other letter, or no file, is no failure.
 *
 * The signal is a function of time, like sound in a room: audio that is not read in time is lost,
 * and the next frame is the one that sounds then. So an overrun loses as much as a card would lose,
 * a stall ends in an overrun, and with `epoch_ns` the true time of each frame is known.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "configuration.h"

enum { NS_PER_SECOND = 1000000000, CONTROL_MAX = 16 };

/*
 * For mono s16 at 48 kHz: a period of at least 5 ms, the choice of clients without a wish, and a
 * buffer of at least 800 ms, so that a busy machine causes no overruns.
 */
enum { PERIOD_BYTES_MIN = 480, PERIOD_BYTES_MAX = 1 << 16, BUFFER_BYTES_MIN = 76800, BUFFER_BYTES_MAX = 1 << 18 };

enum { SIGNALS_MAX = 64 };

/* What is heard in one format. */
typedef struct {
    snd_pcm_format_t format;
    const uint8_t *samples;
    size_t bytes;
} signal_file;

typedef struct {
    snd_pcm_ioplug_t io; /* its poll_fd is the timer that paces the reader */

    signal_file signals[SIGNALS_MAX];
    unsigned signal_count;
    double clock_error;
    int64_t epoch_ns;     /* CLOCK_MONOTONIC when signal[0] sounds, or EPOCH_AT_START */

    char *control;             /* path, or NULL */
    char obeyed[CONTROL_MAX];  /* the last text that made an overrun */
    bool overrunning;          /* no frame is delivered until the reader's buffer has overflowed */
    bool unplugged;

    uint64_t first;    /* the signal's frame that was frame 0 of this run; a run begins at each start */
    uint64_t captured; /* frames of this run delivered to the reader */
    bool monotonic;    /* timestamps are of the monotonic clock */
    snd_pcm_uframes_t wake_frames; /* the number of unread frames at which the reader wakes */
} virtual_mic;

static const int64_t EPOCH_AT_START = INT64_MIN;

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* Returns the monotonic time of a UTC time. */
static int64_t monotonic_at(int64_t utc_ns) {
    int64_t best_ns = INT64_MAX, offset_ns = 0;
    /* The two clocks cannot be read at once: takes the attempt with the shortest interruption. */
    for (int i = 0; i < 10; i++) {
        int64_t before_ns = now_ns(CLOCK_MONOTONIC);
        int64_t utc_now_ns = now_ns(CLOCK_REALTIME);
        int64_t took_ns = now_ns(CLOCK_MONOTONIC) - before_ns;
        if (took_ns < best_ns) {
            best_ns = took_ns;
            offset_ns = before_ns + took_ns / 2 - utc_now_ns;
        }
    }
    return utc_ns + offset_ns;
}

/* Returns the number of frames that have sounded since the epoch. */
static uint64_t sounded(const virtual_mic *mic) {
    int64_t elapsed_ns = now_ns(CLOCK_MONOTONIC) - mic->epoch_ns;
    double frames_per_ns = (double)mic->io.rate * (1.0 + mic->clock_error) / NS_PER_SECOND;
    return elapsed_ns > 0 ? (uint64_t)((double)elapsed_ns * frames_per_ns) : 0;
}

/* Reads the control file's text; empty without a file. */
static void read_control(const char *path, char text[CONTROL_MAX]) {
    memset(text, 0, CONTROL_MAX);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (read(fd, text, CONTROL_MAX - 1) < 0)
        text[0] = 0;
    close(fd);
}

/* Captures up to now: returns the frames of this run to deliver, or -EPIPE if the reader's buffer
 * overflowed. */
static snd_pcm_sframes_t capture(virtual_mic *mic) {
    if (mic->io.state != SND_PCM_STATE_RUNNING || mic->unplugged)
        return (snd_pcm_sframes_t)mic->captured;

    char text[CONTROL_MAX];
    read_control(mic->control, text);
    if (text[0] == 'U') {
        mic->unplugged = true;
        snd_pcm_ioplug_set_state(&mic->io, SND_PCM_STATE_DISCONNECTED);
        return (snd_pcm_sframes_t)mic->captured;
    }
    if (text[0] == 'Z') {
        snd_pcm_ioplug_set_state(&mic->io, SND_PCM_STATE_SUSPENDED);
        return -ESTRPIPE;
    }
    if (text[0] == 'S')
        return (snd_pcm_sframes_t)mic->captured;
    if (text[0] == 'X' && strcmp(text, mic->obeyed) != 0) {
        memcpy(mic->obeyed, text, CONTROL_MAX);
        mic->overrunning = true;
    }

    uint64_t heard = sounded(mic) - mic->first;
    if (heard - mic->io.appl_ptr >= mic->io.buffer_size) {
        mic->overrunning = false;
        return -EPIPE;
    }
    if (!mic->overrunning)
        mic->captured = heard;
    return (snd_pcm_sframes_t)mic->captured;
}

/* The callbacks of alsa-lib. */

static int mic_prepare(snd_pcm_ioplug_t *io) {
    virtual_mic *mic = io->private_data;
    mic->captured = 0;
    return mic->unplugged ? -ENODEV : 0;
}

static int mic_start(snd_pcm_ioplug_t *io) {
    virtual_mic *mic = io->private_data;
    if (mic->unplugged)
        return -ENODEV;
    if (mic->epoch_ns == EPOCH_AT_START)
        mic->epoch_ns = now_ns(CLOCK_MONOTONIC);
    mic->first = sounded(mic);
    mic->captured = 0;
    mic->overrunning = false;

    /* Four ticks a period: with one, a slow clock would just miss its period and wait for another.
     * */
    int64_t tick_ns = (int64_t)io->period_size * NS_PER_SECOND / io->rate / 4;
    struct timespec tick = {.tv_sec = tick_ns / NS_PER_SECOND, .tv_nsec = tick_ns % NS_PER_SECOND};
    struct itimerspec pace = {.it_interval = tick, .it_value = tick};
    return timerfd_settime(io->poll_fd, 0, &pace, NULL) < 0 ? -errno : 0;
}

static int mic_stop(snd_pcm_ioplug_t *io) {
    struct itimerspec never = {0};
    return timerfd_settime(io->poll_fd, 0, &never, NULL) < 0 ? -errno : 0;
}

static snd_pcm_sframes_t mic_pointer(snd_pcm_ioplug_t *io) {
    snd_pcm_sframes_t captured = capture(io->private_data);
    return captured < 0 ? captured : (snd_pcm_sframes_t)(captured % (snd_pcm_sframes_t)io->buffer_size);
}

static int mic_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params) {
    virtual_mic *mic = io->private_data;
    if (mic->monotonic)
        snd_pcm_sw_params_set_tstamp_type(io->pcm, params, SND_PCM_TSTAMP_TYPE_MONOTONIC);
    return snd_pcm_sw_params_get_avail_min(params, &mic->wake_frames);
}

static int mic_poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned count, unsigned short *revents) {
    virtual_mic *mic = io->private_data;
    (void)fds, (void)count;
    snd_pcm_sframes_t captured = capture(mic);
    if (mic->unplugged)
        *revents = POLLERR | POLLNVAL; /* as the kernel reports an unplugged card */
    else if (captured < 0 || io->state == SND_PCM_STATE_XRUN || io->state == SND_PCM_STATE_SUSPENDED)
        *revents = POLLIN | POLLERR; /* and an overrun, or that it is suspended */
    else if ((uint64_t)captured - io->appl_ptr >= mic->wake_frames)
        *revents = POLLIN;
    else {
        /* Reading the tick puts the reader back to sleep until the next one. */
        uint64_t ticks;
        (void)!read(io->poll_fd, &ticks, sizeof ticks);
        *revents = 0;
    }
    return 0;
}

static const signal_file *heard_in(const virtual_mic *mic, snd_pcm_format_t format) {
    for (unsigned i = 0; i < mic->signal_count; i++)
        if (mic->signals[i].format == format)
            return &mic->signals[i];
    return NULL;
}

static snd_pcm_sframes_t mic_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                      snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
    virtual_mic *mic = io->private_data;
    /* The reader's position alone names the frames: through mmap, the same frames may be
     * transferred again. */
    uint64_t frame = mic->first + io->appl_ptr;
    const signal_file *signal = heard_in(mic, io->format);
    size_t bytes = (size_t)snd_pcm_format_physical_width(io->format) / 8;
    if (!signal || !bytes)
        return -EINVAL;
    if (io->access == SND_PCM_ACCESS_MMAP_INTERLEAVED || io->access == SND_PCM_ACCESS_MMAP_NONINTERLEAVED)
        frame += (offset + io->buffer_size - io->appl_ptr % io->buffer_size) % io->buffer_size;

    for (unsigned channel = 0; channel < io->channels; channel++) {
        size_t step = areas[channel].step / 8;
        char *to = (char *)areas[channel].addr + areas[channel].first / 8 + step * offset;
        for (snd_pcm_uframes_t i = 0; i < size; i++, to += step)
            memcpy(to, signal->samples + (frame + i) % (signal->bytes / bytes) * bytes, bytes);
    }
    return (snd_pcm_sframes_t)size;
}

static void mic_free(virtual_mic *mic) {
    if (mic->io.poll_fd >= 0)
        close(mic->io.poll_fd);
    for (unsigned i = 0; i < mic->signal_count; i++)
        munmap((void *)mic->signals[i].samples, mic->signals[i].bytes);
    free(mic->control);
    free(mic);
}

static int mic_close(snd_pcm_ioplug_t *io) {
    mic_free(io->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t CALLBACKS = {
    .prepare = mic_prepare,
    .start = mic_start,
    .stop = mic_stop,
    .pointer = mic_pointer,
    .sw_params = mic_sw_params,
    .poll_revents = mic_poll_revents,
    .transfer = mic_transfer,
    .close = mic_close,
};

/* Opening: signals, hardware parameters. */

static int map_signal(signal_file *to, const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size < (off_t)sizeof(double)) {
        SNDERR("virtual_mic: no signal in %s", path);
        if (fd >= 0)
            close(fd);
        return -ENOENT;
    }
    to->bytes = (size_t)status.st_size;
    void *samples = mmap(NULL, to->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (samples == MAP_FAILED)
        return -ENOMEM;
    to->samples = samples;
    return 0;
}

static int map_signals(virtual_mic *mic, snd_config_t *from) {
    snd_config_iterator_t each, next;
    snd_config_for_each(each, next, from) {
        snd_config_t *node = snd_config_iterator_entry(each);
        const char *id, *path;
        signal_file *to = &mic->signals[mic->signal_count];
        if (mic->signal_count == SIGNALS_MAX || snd_config_get_id(node, &id) < 0 || snd_config_get_string(node, &path) < 0)
            return -EINVAL;
        to->format = snd_pcm_format_value(id);
        if (to->format == SND_PCM_FORMAT_UNKNOWN) {
            SNDERR("virtual_mic: '%s' is no format", id);
            return -EINVAL;
        }
        int err = map_signal(to, path);
        if (err < 0)
            return err;
        mic->signal_count++;
    }
    return mic->signal_count ? 0 : -EINVAL;
}

static int offer_rates(snd_pcm_ioplug_t *io, const configuration *want) {
    if (want->rate_max)
        return snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, want->rates[0], (unsigned)want->rate_max);
    return snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_RATE, want->rate_count, want->rates);
}

static int offer(virtual_mic *mic, const configuration *want) {
    static const unsigned interleaved[] = {SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED};
    static const unsigned apart[] = {SND_PCM_ACCESS_RW_NONINTERLEAVED, SND_PCM_ACCESS_MMAP_NONINTERLEAVED};
    unsigned formats[SIGNALS_MAX];
    for (unsigned i = 0; i < mic->signal_count; i++)
        formats[i] = (unsigned)mic->signals[i].format;
    /* As many frames for more channels. */
    unsigned more = want->channels_max > 2 ? (unsigned)want->channels_max / 2 : 1;
    snd_pcm_ioplug_t *io = &mic->io;
    int err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, want->apart ? apart : interleaved);
    if (err >= 0)
        err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, mic->signal_count, formats);
    if (err >= 0)
        err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, (unsigned)want->channels_min,
                                              (unsigned)want->channels_max);
    if (err >= 0)
        err = offer_rates(io, want);
    if (err >= 0)
        err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, PERIOD_BYTES_MIN,
                                              PERIOD_BYTES_MAX * more);
    if (err >= 0)
        err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, BUFFER_BYTES_MIN,
                                              BUFFER_BYTES_MAX * more);
    return err;
}

SND_PCM_PLUGIN_DEFINE_FUNC(virtual_mic) {
    (void)root;
    configuration want = {
        .rates = {48000}, .rate_count = 1, .channels_min = 1, .channels_max = 2, .epoch_ns = EPOCH_AT_START};
    int err = read_configuration(conf, &want);
    if (err < 0)
        return err;
    if (stream != SND_PCM_STREAM_CAPTURE)
        return -EINVAL;

    char text[CONTROL_MAX];
    read_control(want.control, text);
    if (text[0] == 'U')
        return -ENODEV;
    if (text[0] == 'B')
        return -EBUSY;

    virtual_mic *mic = calloc(1, sizeof *mic);
    if (!mic)
        return -ENOMEM;
    memcpy(mic->obeyed, text, CONTROL_MAX); /* an overrun requested before opening is past */
    mic->clock_error = (double)want.ppm * 1e-6;
    /* Read once: steps of the system's clock do not move the sound. */
    mic->monotonic = want.monotonic != 0;
    mic->epoch_ns = want.epoch_ns == EPOCH_AT_START ? EPOCH_AT_START : monotonic_at(want.epoch_ns);
    mic->wake_frames = 1;
    mic->io.version = SND_PCM_IOPLUG_VERSION;
    mic->io.name = "Virtual microphone";
    mic->io.callback = &CALLBACKS;
    mic->io.private_data = mic;
    mic->io.poll_events = POLLIN;
    mic->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (mic->io.poll_fd < 0)
        err = -errno;
    if (err >= 0 && want.control && !(mic->control = strdup(want.control)))
        err = -ENOMEM;
    if (err >= 0)
        err = map_signals(mic, want.signals);
    if (err >= 0)
        err = snd_pcm_ioplug_create(&mic->io, name, stream, mode);
    if (err < 0) {
        mic_free(mic);
        return err;
    }

    err = offer(mic, &want);
    if (err < 0) {
        snd_pcm_ioplug_delete(&mic->io); /* closes, which frees */
        return err;
    }
    *pcmp = mic->io.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(virtual_mic);
