/* DEBUG_BUFFER_ALLOC alone has the report of a private registry printed to stderr: at the end of
 * the process, at SIGUSR2. A handler of the host stays in place. */

#define _DEFAULT_SOURCE
#include "check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t arrived;

static void on_signal(int number) {
    (void)number;
    arrived = 1;
}

static void begin(void) {
    static capbuf_registry *registry;
    static capbuf_buffer *buffer;
    capbuf_spec spec = mono_s16(1);
    EXPECT(CAPBUF_OK, capbuf_registry_private(NULL, &registry, &error));
    EXPECT(CAPBUF_OK, capbuf_registry_get_or_allocate(registry, "mic", 3, &spec, &buffer, &error));
}

/* Runs in a process of its own, whose output the test reads. */
static int child(const char *scenario) {
    if (strcmp(scenario, "handled") == 0) {
        signal(SIGUSR2, on_signal);
        begin();
        raise(SIGUSR2);
        CHECK(arrived);
        struct sigaction now;
        CHECK(sigaction(SIGUSR2, NULL, &now) == 0 && now.sa_handler == on_signal);
        return 0;
    }
    if (strcmp(scenario, "ignored") == 0) {
        signal(SIGUSR2, SIG_IGN);
    }
    begin();
    if (strcmp(scenario, "forks") == 0) {
        pid_t forked = fork();
        if (forked == 0) {
            exit(0);
        }
        int status = 0;
        CHECK(waitpid(forked, &status, 0) == forked && status == 0);
    }
    if (strcmp(scenario, "ignored") == 0) {
        raise(SIGUSR2);
    }
    if (strcmp(scenario, "signalled") == 0) {
        raise(SIGUSR2);
        /* Until the parent has read the report. */
        CHECK(getchar() == EOF);
    }
    if (strcmp(scenario, "at once") == 0) {
        _exit(0);
    }
    return 0;
}

/* Runs a scenario with a closed pipe as stderr. It has to end with 0, not by SIGPIPE. */
static void survives_closed_pipe(char *self, const char *value) {
    int out[2];
    CHECK(pipe(out) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        setenv("DEBUG_BUFFER_ALLOC", value, 1);
        signal(SIGPIPE, SIG_DFL);
        dup2(out[1], 2);
        close(out[0]);
        close(out[1]);
        char *arguments[] = {self, "child", "plain", NULL};
        execv(self, arguments);
        _exit(127);
    }
    close(out[0]);
    close(out[1]);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static int count(const char *text, const char *part) {
    int found = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) {
        found++;
    }
    return found;
}

/* Returns how many reports a scenario prints. It has to end with 0. */
static int reports(char *self, char *scenario, const char *value) {
    int in[2], out[2];
    CHECK(pipe(in) == 0 && pipe(out) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        setenv("DEBUG_BUFFER_ALLOC", value, 1);
        dup2(in[0], 0);
        dup2(out[1], 2);
        close(in[1]);
        close(out[0]);
        char *arguments[] = {self, "child", scenario, NULL};
        execv(self, arguments);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    static char text[1 << 16];
    size_t size = 0;
    int is_open = 1;
    for (;;) {
        ssize_t more = read(out[0], text + size, sizeof text - 1 - size);
        if (more <= 0) {
            break;
        }
        size += (size_t)more;
        text[size] = 0;
        if (is_open && strstr(text, "at SIGUSR2:\n") != NULL) {
            is_open = 0;
            close(in[1]);
        }
    }
    text[size] = 0;
    if (is_open) {
        close(in[1]);
    }
    close(out[0]);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    int found = count(text, "attempts 1, allocations 1, live buffers 1");
    if (status != 0) {
        fprintf(stderr, "%s: %s", scenario, text);
    }
    CHECK(status == 0);
    CHECK((count(text, "switches nothing") == 1) == (strcmp(value, "maybe") == 0));
    return found;
}

int main(int count_of_arguments, char **arguments) {
    if (count_of_arguments > 2 && strcmp(arguments[1], "child") == 0) {
        return child(arguments[2]);
    }
    CHECK(reports(arguments[0], "plain", "true") == 1);
    CHECK(reports(arguments[0], "plain", "false") == 0);
    CHECK(reports(arguments[0], "plain", "maybe") == 0);
    CHECK(reports(arguments[0], "handled", "true") == 1);
    CHECK(reports(arguments[0], "ignored", "true") == 1);
    CHECK(reports(arguments[0], "signalled", "true") == 2);
    /* The sanitizer takes for leaks what only the stacks of other threads point to, which a forked
     * child has not. */
#ifndef __SANITIZE_ADDRESS__
    CHECK(reports(arguments[0], "forks", "true") == 1);
#endif
    CHECK(reports(arguments[0], "at once", "true") == 0);
    survives_closed_pipe(arguments[0], "true");
    survives_closed_pipe(arguments[0], "maybe");
    puts("ok");
    return 0;
}
