package capbuf

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// otherProcess is this test binary in another process, with a role. It prints lines, and continues
// when it reads one.
type otherProcess struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

func start(t testing.TB, role, folder string) *otherProcess {
	t.Helper()
	command := exec.Command(must(os.Executable())(t), "-test.run=^$")
	command.Env = append(os.Environ(), "CAPBUF_TEST_ROLE="+role, "CAPBUF_DIR="+folder)
	command.Stderr = os.Stderr
	in := must(command.StdinPipe())(t)
	out := must(command.StdoutPipe())(t)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	return &otherProcess{command, in, bufio.NewScanner(out)}
}

func (p *otherProcess) line(t testing.TB) string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatal("the other process ended: ", p.out.Err())
	}
	return p.out.Text()
}

func (p *otherProcess) proceed() {
	io.WriteString(p.in, "\n")
}

// playRole runs the other process.
func playRole(role string) int {
	if strings.HasPrefix(role, "prints ") {
		return printingRole(role)
	}
	input := bufio.NewScanner(os.Stdin)
	fail := func(err error) int {
		fmt.Println("failed:", err)
		return 1
	}
	r, err := Open("birds", WithGrace(time.Hour))
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	spec := spec16
	switch role {
	case "racer":
		fmt.Println("ready")
		input.Scan()
		b, err := r.GetOrAllocate("mic", spec16)
		if err != nil {
			return fail(err)
		}
		defer b.Close()
		stats, err := r.Stats()
		if err != nil {
			return fail(err)
		}
		fmt.Println(b.ID(), stats.RingsAllocated)
		input.Scan()
	case "writer", "recorder":
		if role == "recorder" {
			spec.Lifetime = WhileOpen
		}
		b, err := r.GetOrAllocate("mic", spec)
		if err != nil {
			return fail(err)
		}
		w, err := b.Writer()
		if err != nil {
			return fail(err)
		}
		for first := uint64(0); ; first += 800 {
			if err := w.WriteInt16(ramp(first, 800)); err != nil {
				return fail(err)
			}
			fmt.Println(b.ID())
			if !input.Scan() {
				return 0
			}
		}
	default:
		return race(r, role)
	}
	return 0
}

// race does what the race detector must find, which ends the process.
func race(r *Registry, role string) int {
	b, _ := r.GetOrAllocate("mic", spec16)
	w, _ := b.Writer()
	w.WriteInt16(ramp(0, 800))
	samples, done := make([]int16, 100), make(chan bool)
	switch role {
	case "modifies samples during a write":
		go func() { w.WriteInt16(samples); done <- true }()
		samples[50] = 1
	case "reads samples during a read":
		go func() { ReadInto(b, SpanFrames(0, 100), samples); done <- true }()
		samples[0] += samples[99]
	case "reads an old window":
		first := true
		for window := range WindowsOf[int16](context.Background(), b, WindowOptions{WindowFrames: 100, HopFrames: 100}) {
			if !first {
				break
			}
			first = false
			go func() { samples[0] = window.Samples[99]; done <- true }()
		}
	}
	<-done
	return 0
}

// sharedFolder returns a folder for the domains of one test.
func sharedFolder(t testing.TB) string {
	t.Helper()
	folder := must(os.MkdirTemp("/dev/shm", "capbuf-go-test-"))(t)
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func TestRacingProcessesAllocateOnce(t *testing.T) {
	folder := sharedFolder(t)
	var racers []*otherProcess
	for range 4 {
		racers = append(racers, start(t, "racer", folder))
	}
	for _, racer := range racers {
		racer.line(t)
	}
	for _, racer := range racers {
		racer.proceed()
	}
	ids, rings := map[string]bool{}, 0
	for _, racer := range racers {
		id, allocated, _ := strings.Cut(racer.line(t), " ")
		ids[id] = true
		rings += must(strconv.Atoi(allocated))(t)
	}
	if len(ids) != 1 || rings != 1 {
		t.Errorf("%d buffers, %d rings allocated", len(ids), rings)
	}
}

func TestAudioOfAnotherProcessIsRead(t *testing.T) {
	folder := sharedFolder(t)
	writer := start(t, "writer", folder)
	id := writer.line(t)
	r := must(Open("birds", WithFolder(folder)))(t)
	defer r.Close()
	if r.Domain() != "birds" || !strings.HasPrefix(r.Path(), folder) || !r.Contains("mic") {
		t.Errorf("domain %q in %q", r.Domain(), r.Path())
	}
	b := must(r.Get("mic"))(t)
	defer b.Close()
	if strconv.FormatUint(b.ID(), 10) != id {
		t.Errorf("buffer %d here, %s there", b.ID(), id)
	}
	writer.proceed()
	segment := must(b.ReadFrames(deadline(t), 0, 1600))(t)
	wantRamp(t, segment.Int16(), 0)
	_, err := b.Writer()
	if detail := wantError(t, err, ErrWriterBusy); detail.HolderPID != writer.command.Process.Pid {
		t.Errorf("the writer is %d, the error has %d", writer.command.Process.Pid, detail.HolderPID)
	}
	if status := must(b.Status())(t); status.Processes != 2 || status.WriterPID != writer.command.Process.Pid {
		t.Errorf("%+v", status)
	}
	if domains := must(Domains(WithFolder(folder)))(t); len(domains) != 1 || domains[0].Name != "birds" ||
		domains[0].Buffers != 1 || domains[0].Processes != 2 {
		t.Errorf("%+v", domains)
	}
}

func TestNextWriterContinuesAfterKilledOne(t *testing.T) {
	folder := sharedFolder(t)
	writer := start(t, "writer", folder)
	writer.line(t)
	r := must(Open("birds", WithFolder(folder)))(t)
	defer r.Close()
	b := must(r.Get("mic"))(t)
	defer b.Close()
	if err := writer.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	writer.command.Wait()
	w := writerOf(t, b)
	if next := must(w.NextFrame())(t); next != 800 {
		t.Fatalf("the next frame is %d", next)
	}
	if err := w.WriteInt16(ramp(800, 800)); err != nil {
		t.Fatal(err)
	}
	segment := must(b.ReadFrames(deadline(t), 0, 1600))(t)
	wantRamp(t, segment.Int16(), 0)
	if len(segment.Gaps) != 1 || segment.Gaps[0].FirstFrame != 800 || segment.Gaps[0].Reason != GapWriterChanged {
		t.Errorf("gaps: %+v", segment.Gaps)
	}
	if err := r.Sweep(); err != nil {
		t.Error(err)
	}
}

func TestBufferOfAKilledRecorderStaysForItsGraceTime(t *testing.T) {
	folder := sharedFolder(t)
	recorder := start(t, "recorder", folder)
	recorder.line(t)
	if err := recorder.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	recorder.command.Wait()
	r := must(Open("birds", WithFolder(folder)))(t)
	defer r.Close()
	if err := r.Sweep(); err != nil {
		t.Error(err)
	}
	b := must(r.Get("mic"))(t)
	defer b.Close()
	if left := must(b.Status())(t).OrphanedLeft; left <= 0 || left > time.Hour {
		t.Errorf("%v left", left)
	}
	w := writerOf(t, b)
	defer w.Close()
	if next := must(w.NextFrame())(t); next != 800 {
		t.Errorf("the next frame is %d", next)
	}
	if left := must(b.Status())(t).OrphanedLeft; left >= 0 {
		t.Errorf("%v left of a buffer that is recorded", left)
	}
}

func TestGraceTimeOutsideItsLimitsIsRefused(t *testing.T) {
	folder := sharedFolder(t)
	for _, grace := range []time.Duration{-1, -2, 169 * time.Hour} {
		_, err := Open("birds", WithFolder(folder), WithGrace(grace))
		wantError(t, err, ErrInvalidArgument)
	}
	must(Open("birds", WithFolder(folder), WithGrace(0)))(t).Close()
}

func TestRemovedDomainIsNotListed(t *testing.T) {
	folder := sharedFolder(t)
	r := must(Open("birds", WithFolder(folder)))(t)
	b := must(r.GetOrAllocate("mic", spec16))(t)
	r.Close()
	b.Close()
	if err := RemoveDomain("birds", WithFolder(folder)); err != nil {
		t.Fatal(err)
	}
	if domains := must(Domains(WithFolder(folder)))(t); len(domains) != 0 {
		t.Errorf("%+v", domains)
	}
	wantError(t, RemoveDomain("birds", WithFolder(folder)), ErrNotFound)
}

func TestOpenDefaultUsesTheEnvironment(t *testing.T) {
	t.Setenv("CAPBUF_DIR", sharedFolder(t))
	r := must(OpenDefault())(t)
	defer r.Close()
	if r.Domain() != "default" {
		t.Errorf("the domain is %q", r.Domain())
	}
	t.Setenv("CAPBUF_DOMAIN", "owls")
	owls := must(OpenDefault())(t)
	defer owls.Close()
	if owls.Domain() != "owls" {
		t.Errorf("the domain is %q", owls.Domain())
	}
}

func TestDomainAccessibleToOthersIsRefused(t *testing.T) {
	folder := sharedFolder(t)
	r := must(Open("birds", WithFolder(folder)))(t)
	r.Close()
	if err := os.Chmod(r.Path(), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := Open("birds", WithFolder(folder))
	wantError(t, err, ErrForbidden)
}

func TestInvalidDomainNameIsRefused(t *testing.T) {
	for _, name := range []string{"", "..", "../birds", "a/b", "\x00", "\xff"} {
		_, err := Open(name, WithFolder(sharedFolder(t)))
		wantError(t, err, ErrInvalidArgument)
	}
}
