/* The host in C: host FOLDER. See README.md for its orders. */

#define _POSIX_C_SOURCE 200809L
#include "host.h"

int main(int argc, char **argv) {
    char line[256];
    if (argc != 2) {
        return 2;
    }
    open_domain(argv[1]);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        obey(line);
    }
    return 0;
}
