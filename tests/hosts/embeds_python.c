/* Links the library and embeds a Python that imports the package: two copies of the library in one
 * process, each with its own globals. A race and a read run in both copies, first in Python, then
 * in C; each replies.
 *
 *     embeds_python FOLDER PYTHON HOST_PY
 */

#include <Python.h>

#include "host.h"

/* Calls a function of host.py with a text; the caller frees the text that it returns. */
static char *in_python(PyObject *module, const char *function, const char *text) {
    PyObject *result = PyObject_CallMethod(module, function, "s", text);
    char *reply;
    if (result == NULL) {
        PyErr_Print();
        exit(1);
    }
    reply = strdup(result == Py_None ? "" : PyUnicode_AsUTF8(result));
    Py_DECREF(result);
    return reply;
}

int main(int argc, char **argv) {
    PyConfig config;
    PyObject *module;
    char line[256];
    if (argc != 4) {
        return 2;
    }
    PyConfig_InitPythonConfig(&config);
    PyConfig_SetBytesString(&config, &config.executable, argv[2]);
    if (PyStatus_Exception(Py_InitializeFromConfig(&config))) {
        return 1;
    }
    PyConfig_Clear(&config);
    PyRun_SimpleString("import sys");
    snprintf(line, sizeof line, "sys.path.insert(0, r'''%s''')", argv[3]);
    PyRun_SimpleString(line);
    module = PyImport_ImportModule("host");
    if (module == NULL) {
        PyErr_Print();
        return 1;
    }
    free(in_python(module, "open_domain", argv[1]));
    open_domain(argv[1]);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *reply;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "race", 4) == 0 || strncmp(line, "read", 4) == 0) {
            reply = in_python(module, "obey", line);
            printf("%s\n", reply);
            free(reply);
        }
        obey(line);
        fflush(stdout);
    }
    return 0;
}
