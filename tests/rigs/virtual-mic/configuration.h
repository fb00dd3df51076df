/* The settings of the virtual microphone, read from ALSA's configuration; see virtual_mic.c. */
#ifndef VIRTUAL_MIC_CONFIGURATION_H
#define VIRTUAL_MIC_CONFIGURATION_H

#include <alsa/asoundlib.h>
#include <stdint.h>

enum { RATES_MAX = 32, CHANNELS_MAX = 128 };

typedef struct {
    snd_config_t *signals;
    const char *control;
    unsigned rates[RATES_MAX], rate_count;
    int64_t rate_max, channels_min, channels_max, apart, ppm, epoch_ns, monotonic;
} configuration;

static int get_whole_number(snd_config_t *node, int64_t *to) {
    long small;
    long long large;
    if (snd_config_get_integer(node, &small) == 0)
        *to = small;
    else if (snd_config_get_integer64(node, &large) == 0)
        *to = large;
    else
        return -EINVAL;
    return 0;
}

static int get_rates(snd_config_t *node, configuration *to) {
    int64_t rate = 0;
    if (snd_config_get_type(node) != SND_CONFIG_TYPE_COMPOUND) {
        to->rate_count = 1;
        int err = get_whole_number(node, &rate);
        to->rates[0] = (unsigned)rate;
        return err < 0 || rate <= 0 ? -EINVAL : 0;
    }
    snd_config_iterator_t each, next;
    to->rate_count = 0;
    snd_config_for_each(each, next, node) {
        if (get_whole_number(snd_config_iterator_entry(each), &rate) < 0 || rate <= 0 || to->rate_count == RATES_MAX)
            return -EINVAL;
        to->rates[to->rate_count++] = (unsigned)rate;
    }
    return to->rate_count ? 0 : -EINVAL;
}

static int read_configuration(snd_config_t *from, configuration *to) {
    snd_config_iterator_t each, next;
    snd_config_for_each(each, next, from) {
        snd_config_t *node = snd_config_iterator_entry(each);
        const char *id;
        int err = 0;
        if (snd_config_get_id(node, &id) < 0 || !strcmp(id, "type") || !strcmp(id, "hint") || !strcmp(id, "comment"))
            continue;
        const struct {
            const char *id;
            int64_t *to;
        } numbers[] = {
            {"rate_max", &to->rate_max}, {"channels_min", &to->channels_min}, {"channels_max", &to->channels_max},
            {"apart", &to->apart},       {"ppm", &to->ppm},                   {"epoch_ns", &to->epoch_ns},
            {"monotonic", &to->monotonic},
        };
        if (!strcmp(id, "signals"))
            to->signals = node;
        else if (!strcmp(id, "control"))
            err = snd_config_get_string(node, &to->control);
        else if (!strcmp(id, "rate"))
            err = get_rates(node, to);
        else {
            err = -EINVAL;
            for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
                if (!strcmp(id, numbers[i].id))
                    err = get_whole_number(node, numbers[i].to);
        }
        if (err < 0) {
            SNDERR("virtual_mic: '%s' is unknown or has a wrong type", id);
            return -EINVAL;
        }
    }
    if (!to->signals || to->channels_min < 1 || to->channels_max < to->channels_min || to->channels_max > CHANNELS_MAX) {
        SNDERR("virtual_mic: needs signals, and 1 to %d channels", CHANNELS_MAX);
        return -EINVAL;
    }
    return 0;
}

#endif
