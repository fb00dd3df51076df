package capbuf

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"weak"
)

// printed holds the private registries that DEBUG_BUFFER_ALLOC alone tracks.
var printed struct {
	sync.Mutex
	registries []weak.Pointer[Registry]
	begin      sync.Once
}

// printAtSignal has the report of a private registry printed to stderr when SIGUSR2 arrives, in
// addition to what the program does then. A program that ignores the signal continues to. The
// runtime of Go handles all signals, so the library leaves this one to the package.
func printAtSignal(r *Registry) {
	if signal.Ignored(syscall.SIGUSR2) {
		return
	}
	printed.Lock()
	defer printed.Unlock()
	printed.registries = slices.DeleteFunc(printed.registries, func(p weak.Pointer[Registry]) bool { return p.Value() == nil })
	printed.registries = append(printed.registries, weak.Make(r))
	printed.begin.Do(func() {
		arrivals := make(chan os.Signal, 1)
		signal.Notify(arrivals, syscall.SIGUSR2)
		go func() {
			for range arrivals {
				printReports()
			}
		}()
	})
}

func printReports() {
	printed.Lock()
	registries := slices.Clone(printed.registries)
	printed.Unlock()
	for _, p := range registries {
		r := p.Value()
		if r == nil {
			continue
		}
		// A closed registry has printed its report.
		if report, err := r.AllocationReport(); err == nil {
			writeStderr(fmt.Sprintf("capbuf: DEBUG_BUFFER_ALLOC, at SIGUSR2:\n%s\n", report))
		}
	}
}

// writeStderr ignores errors. Package os would end the process if stderr is a closed pipe.
func writeStderr(text string) {
	for rest := []byte(text); len(rest) > 0; {
		n, err := syscall.Write(2, rest)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		rest = rest[n:]
	}
}
