package capbuf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func tracking(t testing.TB) *Registry {
	t.Helper()
	r := must(Private(WithAllocationTracking(true)))(t)
	t.Cleanup(func() { r.Close() })
	return r
}

// here returns the line of its call.
func here() int {
	_, _, line, _ := runtime.Caller(1)
	return line
}

// Four initialization paths and a reconnecting stream: each requests its buffer and returns the
// line.
func atStartup(r *Registry, source string) (*CaptureBuffer, error, int) {
	b, err := r.GetOrAllocate(source, minute)
	return b, err, here() - 1
}

func onSettingsChange(r *Registry, source string) (*CaptureBuffer, error, int) {
	b, err := r.GetOrAllocate(source, minute)
	return b, err, here() - 1
}

func onStreamStart(r *Registry, source string) (*CaptureBuffer, error, int) {
	b, err := r.GetOrAllocate(source, minute)
	return b, err, here() - 1
}

func onDemand(r *Registry, source string) (*CaptureBuffer, error, int) {
	b, err := r.GetOrAllocate(source, minute)
	return b, err, here() - 1
}

func onReconnect(r *Registry, source string) (*CaptureBuffer, error, int) {
	b, err := r.GetOrAllocate(source, minute)
	return b, err, here() - 1
}

func TestInitializationPathsAndReconnectsAllocateOnce(t *testing.T) {
	r := tracking(t)
	const source, reconnects = "rtsp://me:sesame@cam/1", 10
	// A watch checks all the time and must find nothing.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var found []Anomaly
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for event, err := range r.Watch(ctx, WatchSettings{Every: 5 * time.Millisecond}) {
			if err == nil {
				found = append(found, event)
			}
		}
	}()
	wanted := map[int]uint64{}
	var mutex sync.Mutex
	var begin, done sync.WaitGroup
	begin.Add(1)
	for _, path := range []func(*Registry, string) (*CaptureBuffer, error, int){atStartup, onSettingsChange, onStreamStart, onDemand} {
		done.Add(1)
		go func() {
			defer done.Done()
			begin.Wait()
			b, err, line := path(r, source)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { b.Close() })
			mutex.Lock()
			defer mutex.Unlock()
			wanted[line]++
		}()
	}
	begin.Done()
	done.Wait()
	for range reconnects {
		b, err, line := onReconnect(r, source)
		if err != nil {
			t.Fatal(err)
		}
		wanted[line]++
		w := must(b.Writer())(t)
		if err := w.WriteInt16(ramp(0, 480)); err != nil {
			t.Fatal(err)
		}
		w.Close()
		b.Close()
	}
	report := must(r.AllocationReport())(t)
	cancel()
	<-watched
	if totals := report.Totals; totals.Attempts != 4+reconnects || totals.Allocations != 1 || totals.LiveBuffers != 1 ||
		totals.LiveAudioBytes != 5_760_000 {
		t.Errorf("%+v", totals)
	}
	if len(found) > 0 || len(report.Anomalies) > 0 {
		t.Errorf("normal operation raises %v %v", found, report.Anomalies)
	}
	reported := report.Source("rtsp://***@cam/1")
	if reported == nil || len(report.Sources) != 1 || reported.AudioBytes != 5_760_000 {
		t.Fatalf("%s", report)
	}
	for _, site := range reported.CallSites {
		if site.Language != "Go" || filepath.Base(site.File) != "track_test.go" || site.PID != os.Getpid() ||
			site.Attempts != wanted[site.Line] {
			t.Errorf("%+v; wanted %v", site, wanted)
		}
		delete(wanted, site.Line)
	}
	if len(wanted) > 0 {
		t.Errorf("lines %v are missing in\n%s", wanted, report)
	}
	if text := report.String(); !strings.Contains(text, "attempts 14, allocations 1, live buffers 1 (5.76 MB of audio") ||
		!strings.Contains(text, "track_test.go:") || strings.Contains(text+report.JSON(), "sesame") {
		t.Error(text)
	}
}

func TestStackBeginsAtTheCaller(t *testing.T) {
	r := tracking(t)
	b, err, line := onDemand(r, "mic")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stack := must(r.AllocationReport())(t).Source("mic").Stacks[0]
	if len(stack.Frames) < 2 || stack.Outcome != "allocated" || stack.Thread == 0 {
		t.Fatalf("%+v", stack)
	}
	if top := stack.Frames[0]; top.Line != line || !strings.HasSuffix(top.Function, "capbuf.onDemand") {
		t.Errorf("%+v", top)
	}
	if below := stack.Frames[1]; !strings.HasSuffix(below.Function, "TestStackBeginsAtTheCaller") {
		t.Errorf("%+v", below)
	}
}

func TestReportCountsAttemptsByResult(t *testing.T) {
	r := must(Private(WithBudget(10_000_000)))(t)
	defer r.Close()
	if r.IsAllocationTracking() {
		t.Error("tracking is enabled by default")
	}
	if report := must(r.AllocationReport())(t); report.AttemptsKnown || !strings.Contains(report.String(), "attempts unknown") {
		t.Error("attempts are known without tracking: ", report)
	}
	r.EnableAllocationTracking(true)
	if report := must(r.AllocationReport())(t); !report.AttemptsKnown || report.Totals.Attempts != 0 {
		t.Error("attempts are unknown: ", report)
	}
	held := must(r.Allocate("mic", minute))(t)
	line := here() - 1
	_, err := r.Allocate("mic", minute)
	wantError(t, err, ErrAlreadyExists)
	_, err = r.GetOrAllocate("mic", spec16)
	wantError(t, err, ErrSpecMismatch)
	_, err = r.Allocate("radio", minute)
	wantError(t, err, ErrOverBudget)
	if err := r.Remove("mic"); err != nil {
		t.Fatal(err)
	}
	report := must(r.AllocationReport())(t)
	if results := report.Totals.Results; results != (AllocationResults{Allocated: 1, Refused: 1, SpecMismatch: 1, OverBudget: 1, Removed: 1}) {
		t.Errorf("%+v", results)
	}
	holders := report.Source("mic").Holders
	if report.Totals.RemovedAndHeld != 1 || len(holders) != 1 {
		t.Fatalf("%s", report)
	}
	if h := holders[0]; h.PID != os.Getpid() || h.Language != "Go" || h.Line != line || !h.IsRemoved {
		t.Errorf("%+v", h)
	}
	held.Close()
	// The thread that commits memory ahead may hold it for a moment.
	until(t, "the removed buffer has no holder", func() bool { return must(r.AllocationReport())(t).Totals.RemovedAndHeld == 0 })
	r.EnableAllocationTracking(false)
	must(r.GetOrAllocate("mic", spec16))(t).Close()
	if report := must(r.AllocationReport())(t); report.Totals.Attempts != 4 || r.IsAllocationTracking() {
		t.Errorf("%s", report)
	}
	r.Close()
	_, err = r.AllocationReport()
	wantError(t, err, ErrClosed)
	wantError(t, r.EnableAllocationTracking(true), ErrClosed)
	_, err = r.MetricsText()
	wantError(t, err, ErrClosed)
}

func TestPoolReusesMemoryWithoutItsAudio(t *testing.T) {
	r := must(Private(WithPool(10_000_000, time.Minute), WithAllocationTracking(true)))(t)
	defer r.Close()
	b := must(r.Allocate("mic", spec16))(t)
	w := must(b.Writer())(t)
	if err := w.WriteInt16(ramp(1, 8000)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	b.Close()
	if err := r.Remove("mic"); err != nil {
		t.Fatal(err)
	}
	// The thread that commits memory ahead may hold the first ring for a moment.
	until(t, "a ring is reused", func() bool {
		b = must(r.Allocate("radio", spec16))(t)
		if must(r.AllocationReport())(t).Totals.Results.Reused > 0 {
			return true
		}
		b.Close()
		if err := r.Remove("radio"); err != nil {
			t.Fatal(err)
		}
		return false
	})
	defer b.Close()
	if oldest, newest, err := b.Frames(); oldest != 0 || newest != 0 || err != nil {
		t.Error("old audio is readable: ", oldest, newest, err)
	}
	_, err := Private(WithPool(1, -1))
	wantError(t, err, ErrInvalidArgument)
}

func TestTrimPoolFreesThePool(t *testing.T) {
	r := must(Private(WithPool(10_000_000, time.Hour)))(t)
	defer r.Close()
	must(r.Allocate("mic", spec16))(t).Close()
	if err := r.Remove("mic"); err != nil {
		t.Fatal(err)
	}
	until(t, "the ring is in the pool", func() bool { return must(r.AllocationReport())(t).Pool.Rings == 1 })
	// The ring stays in the pool while it is being overwritten.
	until(t, "the pool is empty", func() bool {
		if err := r.TrimPool(); err != nil {
			t.Fatal(err)
		}
		return must(r.AllocationReport())(t).Pool.Rings == 0
	})
	want := PoolStats{LimitBytes: 10_000_000, Misses: 1, Kept: 1, Trimmed: 1}
	if pool := must(r.AllocationReport())(t).Pool; pool != want {
		t.Errorf("%+v", pool)
	}
}

func TestTextAndJSONAreOfOneSnapshot(t *testing.T) {
	r := tracking(t)
	stop, ended := make(chan struct{}), make(chan struct{})
	defer func() {
		close(stop)
		<-ended
	}()
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				if b, err := r.GetOrAllocate("mic", spec16); err == nil {
					b.Close()
				}
			}
		}
	}()
	for range 20 {
		report := must(r.AllocationReport())(t)
		if line := fmt.Sprintf("attempts %d, ", report.Totals.Attempts); !strings.Contains(report.String(), line) {
			t.Fatalf("no %q in\n%s", line, report)
		}
	}
}

func TestReportNamesWhereACaptureWasStarted(t *testing.T) {
	r := tracking(t)
	c := must(StartCapture(deadline(t), r, "tone:440", CaptureOptions{Duration: time.Second}))(t)
	line := here() - 1
	defer c.Stop()
	sites := must(r.AllocationReport())(t).Source("tone:440").CallSites
	if len(sites) != 1 || sites[0].Line != line || filepath.Base(sites[0].File) != "track_test.go" {
		t.Errorf("%+v", sites)
	}
}

func TestWatchYieldsAnomalies(t *testing.T) {
	r := private(t)
	allocated(t, r, "rtsp://me:sesame@cam/1", spec16)
	allocated(t, r, "rtsp://cam/1/", spec16)
	for event, err := range r.Watch(deadline(t), WatchSettings{Every: 5 * time.Millisecond}) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind != "source under two names" || event.Severity != "notice" || event.Count != 1 || event.First.IsZero() {
			t.Errorf("%+v", event)
		}
		if strings.Contains(event.String(), "sesame") || !strings.Contains(event.String(), event.Advice) {
			t.Error(event)
		}
		if inReport := must(r.AllocationReport())(t).Anomalies; len(inReport) != 1 ||
			inReport[0].Evidence != event.Evidence || inReport[0].First != event.First {
			t.Errorf("%+v", inReport)
		}
		break
	}
}

func TestWatchEndsWithContextRegistryOrInvalidSettings(t *testing.T) {
	lastError := func(r *Registry, ctx context.Context, settings WatchSettings) (last error) {
		for _, err := range r.Watch(ctx, settings) {
			last = err
		}
		return last
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := lastError(private(t), ctx, WatchSettings{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r := private(t)
	go r.Close()
	wantError(t, lastError(r, deadline(t), WatchSettings{}), ErrClosed)
	for _, wrong := range []WatchSettings{{Every: -1}, {BudgetShare: 1.5}, {RateTolerance: -1}} {
		wantError(t, lastError(private(t), deadline(t), wrong), ErrInvalidArgument)
	}
}

func TestMetricsCoverRegistryOrDomain(t *testing.T) {
	folder := sharedFolder(t)
	r := must(Open("birds", WithFolder(folder)))(t)
	defer r.Close()
	r.EnableAllocationTracking(true)
	allocated(t, r, "rtsp://me:sesame@cam/1", spec16)
	other := must(Open("birds", WithFolder(folder)))(t)
	defer other.Close()
	const allocations = `capbuf_allocation_attempts_total{result="allocated"} `
	own, whole := must(other.MetricsText())(t), must(other.DomainMetricsText())(t)
	if !strings.Contains(own, allocations+"0") || !strings.Contains(whole, allocations+"1") || strings.Contains(own+whole, "sesame") {
		t.Errorf("%s\n%s", own, whole)
	}
}

func TestReportFieldsMatchItsJSON(t *testing.T) {
	r := tracking(t)
	allocated(t, r, "mic", spec16)
	report := must(r.AllocationReport())(t)
	// Each field of this package has the same name in the library's JSON.
	var again, whole map[string]any
	if err := errors.Join(json.Unmarshal(must(json.Marshal(report))(t), &again), json.Unmarshal([]byte(report.JSON()), &whole)); err != nil {
		t.Fatal(err)
	}
	for name := range again {
		if _, ok := whole[name]; !ok {
			t.Errorf("the library's report has no %s", name)
		}
	}
}

// Switches all registries of a domain as `capbuf track` does: see the layout in capbuf::docs.
func switchTracking(t *testing.T, domain string, on byte) {
	t.Helper()
	file := must(os.OpenFile(filepath.Join(domain, ".switches"), os.O_RDWR, 0))(t)
	defer file.Close()
	size := must(file.Stat())(t).Size()
	for at := int64(8); at < size; at += 16 {
		if _, err := file.WriteAt([]byte{on}, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTrackingIsSwitchedByAnotherProcess(t *testing.T) {
	r := must(Open("switched"))(t)
	defer r.Close()
	if r.IsAllocationTracking() {
		t.Error("tracking is enabled by default")
	}
	switchTracking(t, r.Path(), 1)
	until(t, "a request is recorded with its Go stack", func() bool {
		must(r.GetOrAllocate("mic", spec16))(t).Close()
		source := must(r.AllocationReport())(t).Source("mic")
		return len(source.CallSites) > 0 && slices.ContainsFunc(source.CallSites, func(site CallSite) bool {
			return site.Language == "Go" && strings.HasSuffix(site.File, "track_test.go")
		})
	})
	if !r.IsAllocationTracking() {
		t.Error("tracking is not enabled")
	}
	switchTracking(t, r.Path(), 0)
	if r.IsAllocationTracking() {
		t.Error("tracking is still enabled")
	}
}
