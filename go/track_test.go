package capbuf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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

// here is the line that it is called on.
func here() int {
	_, _, line, _ := runtime.Caller(1)
	return line
}

// Four ways to come up, and a stream that reconnects: each asks for the buffer that it needs, and tells where.
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

func TestFourWaysToInitialiseAndAReconnectLoopAllocateOnce(t *testing.T) {
	r := tracking(t)
	const source, reconnects = "rtsp://me:sesame@cam/1", 10
	// A watch looks all the time, and is to find nothing.
	ctx, cancel := context.WithCancel(context.Background())
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
	for _, way := range []func(*Registry, string) (*CaptureBuffer, error, int){atStartup, onSettingsChange, onStreamStart, onDemand} {
		done.Add(1)
		go func() {
			defer done.Done()
			begin.Wait()
			b, err, line := way(r, source)
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
		if err := w.WriteInt16(position(0, 480)); err != nil {
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
		t.Errorf("a normal day raises %v %v", found, report.Anomalies)
	}
	told := report.Source("rtsp://***@cam/1")
	if told == nil || len(report.Sources) != 1 || told.AudioBytes != 5_760_000 {
		t.Fatalf("%s", report)
	}
	for _, site := range told.CallSites {
		if site.Language != "Go" || filepath.Base(site.File) != "track_test.go" || site.PID != os.Getpid() ||
			site.Attempts != wanted[site.Line] {
			t.Errorf("%+v; wanted %v", site, wanted)
		}
		delete(wanted, site.Line)
	}
	if len(wanted) > 0 {
		t.Errorf("not told of: %v in\n%s", wanted, report)
	}
	if text := report.String(); !strings.Contains(text, "attempts 14, allocations 1, live buffers 1 (5.76 MB of audio") ||
		!strings.Contains(text, "track_test.go:") || strings.Contains(text+report.JSON(), "sesame") {
		t.Error(text)
	}
}

func TestAStackIsTheCallersOwn(t *testing.T) {
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
	if below := stack.Frames[1]; !strings.HasSuffix(below.Function, "TestAStackIsTheCallersOwn") {
		t.Errorf("%+v", below)
	}
}

func TestWhatCameOfEachAttemptIsTold(t *testing.T) {
	r := must(Private(WithBudget(10_000_000)))(t)
	defer r.Close()
	if r.IsAllocationTracking() {
		t.Error("it tracks unasked")
	}
	r.EnableAllocationTracking(true)
	held := must(r.Allocate("mic", minute))(t)
	taken := here() - 1
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
	if h := holders[0]; h.PID != os.Getpid() || h.Language != "Go" || h.Line != taken || !h.IsRemoved {
		t.Errorf("%+v", h)
	}
	held.Close()
	// The helper that commits memory ahead may hold it for a moment.
	until(t, "nobody holds it", func() bool { return must(r.AllocationReport())(t).Totals.RemovedAndHeld == 0 })
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

func TestARemovedBuffersMemoryIsUsedAgainAndShowsNothingOfIt(t *testing.T) {
	r := must(Private(WithPool(10_000_000, time.Minute), WithAllocationTracking(true)))(t)
	defer r.Close()
	b := must(r.Allocate("mic", spec16))(t)
	w := must(b.Writer())(t)
	if err := w.WriteInt16(position(1, 8000)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	b.Close()
	if err := r.Remove("mic"); err != nil {
		t.Fatal(err)
	}
	// The helper that commits memory ahead may hold the first one for a moment.
	until(t, "something is used again", func() bool {
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
		t.Error("there is old audio: ", oldest, newest, err)
	}
	_, err := Private(WithPool(1, -1))
	wantError(t, err, ErrInvalidArgument)
}

func TestWhatIsKeptOfRemovedBuffersIsGivenBackWhenThatIsAsked(t *testing.T) {
	r := must(Private(WithPool(10_000_000, time.Hour)))(t)
	defer r.Close()
	must(r.Allocate("mic", spec16))(t).Close()
	if err := r.Remove("mic"); err != nil {
		t.Fatal(err)
	}
	until(t, "it is kept", func() bool { return must(r.AllocationReport())(t).Pool.Rings == 1 })
	// It is overwritten first, and stays as long as that takes.
	until(t, "it is given back", func() bool {
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

func TestTheTextOfAReportAndItsJSONAreOfOneLook(t *testing.T) {
	r := tracking(t)
	stop, ended := make(chan struct{}), make(chan struct{})
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
	close(stop)
	<-ended
}

func TestACaptureIsToldWhereItWasStarted(t *testing.T) {
	r := tracking(t)
	c := must(StartCapture(deadline(t), r, "tone:440", CaptureOptions{Duration: time.Second}))(t)
	line := here() - 1
	defer c.Stop()
	sites := must(r.AllocationReport())(t).Source("tone:440").CallSites
	if len(sites) != 1 || sites[0].Line != line || filepath.Base(sites[0].File) != "track_test.go" {
		t.Errorf("%+v", sites)
	}
}

func TestWhatIsWrongIsToldWhileItIs(t *testing.T) {
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

func TestAWatchEndsWithItsContextItsRegistryOrAWrongSetting(t *testing.T) {
	ending := func(r *Registry, ctx context.Context, settings WatchSettings) (last error) {
		for _, err := range r.Watch(ctx, settings) {
			last = err
		}
		return last
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := ending(private(t), ctx, WatchSettings{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r := private(t)
	go r.Close()
	wantError(t, ending(r, deadline(t), WatchSettings{}), ErrClosed)
	for _, wrong := range []WatchSettings{{Every: -1}, {BudgetShare: 1.5}, {RateTolerance: -1}} {
		wantError(t, ending(private(t), deadline(t), wrong), ErrInvalidArgument)
	}
}

func TestMetricsAreThoseOfTheRegistryOrTheDomain(t *testing.T) {
	folder := sharedFolder(t)
	r := must(Open("birds", WithFolder(folder)))(t)
	defer r.Close()
	r.EnableAllocationTracking(true)
	allocated(t, r, "rtsp://me:sesame@cam/1", spec16)
	other := must(Open("birds", WithFolder(folder)))(t)
	defer other.Close()
	const made = `capbuf_allocation_attempts_total{result="allocated"} `
	own, whole := must(other.MetricsText())(t), must(other.DomainMetricsText())(t)
	if !strings.Contains(own, made+"0") || !strings.Contains(whole, made+"1") || strings.Contains(own+whole, "sesame") {
		t.Errorf("%s\n%s", own, whole)
	}
}

func TestAReportIsReadWhole(t *testing.T) {
	r := tracking(t)
	allocated(t, r, "mic", spec16)
	report := must(r.AllocationReport())(t)
	// What this package reads is in the JSON by the same names.
	var again, whole map[string]any
	if err := errors.Join(json.Unmarshal(must(json.Marshal(report))(t), &again), json.Unmarshal([]byte(report.JSON()), &whole)); err != nil {
		t.Fatal(err)
	}
	for name := range again {
		if _, ok := whole[name]; !ok {
			t.Errorf("no %s in the library's report", name)
		}
	}
}
