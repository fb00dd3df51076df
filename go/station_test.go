package capbuf

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// tones configures a source for each name.
func tones(seconds int, names ...string) []SourceConfig {
	var sources []SourceConfig
	for _, name := range names {
		options := CaptureOptions{Duration: time.Duration(seconds) * time.Second, SampleRateHz: 8000, Channels: 1, Format: S16}
		sources = append(sources, SourceConfig{Name: name, Locator: "tone:440", Options: options})
	}
	return sources
}

func station(t *testing.T, r *Registry) *Station {
	t.Helper()
	s := must(NewStation(r))(t)
	t.Cleanup(func() { s.Close() })
	return s
}

// delivers waits until the sources have audio.
func delivers(t *testing.T, r *Registry, names ...string) {
	t.Helper()
	for _, name := range names {
		until(t, name+" has audio", func() bool {
			b, err := r.Get(name)
			if err != nil {
				return false
			}
			defer b.Close()
			_, newest, err := b.Frames()
			return err == nil && newest > 0
		})
	}
}

func TestReconfigureReturnsTheChanges(t *testing.T) {
	r := private(t)
	s := station(t, r)
	reconfigured := func(want Changes, sources ...SourceConfig) {
		t.Helper()
		if got := must(s.Reconfigure(sources))(t); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	reconfigured(Changes{})
	three := tones(2, "kept", "nest", "yard")
	three[0].WhenGone = WhenGoneKeep
	reconfigured(Changes{Started: []string{"kept", "nest", "yard"}}, three...)
	delivers(t, r, "kept", "nest", "yard")
	reconfigured(Changes{Unchanged: []string{"kept", "nest", "yard"}}, three...)
	sources := must(s.Sources())(t)
	if len(sources) != 3 {
		t.Fatalf("%+v", sources)
	}
	history := sources[1].History
	if len(history) != 2 || history[0].State != CaptureStarting || history[1].State != CaptureRunning || history[1].At.Before(history[0].At) {
		t.Errorf("%+v", history)
	}
	if want := (SourceStatus{"nest", CaptureRunning, "running", 0, true, history}); !reflect.DeepEqual(sources[1], want) {
		t.Errorf("%+v", sources)
	}

	nest := must(r.Get("nest"))(t)
	defer nest.Close()
	reconfigured(Changes{Resized: []string{"nest"}, Stopped: []string{"kept", "yard"}}, tones(3, "nest")...)
	if r.Contains("yard") || !r.Contains("kept") {
		t.Error("the kept buffer was removed, or the other was not")
	}
	if removed := must(nest.IsRemoved())(t); !removed {
		t.Error("the ring of the old length was not removed")
	}
	other := tones(3, "nest")
	other[0].Options.Channels = 2
	reconfigured(Changes{Reformatted: []string{"nest"}}, other...)
	delivers(t, r, "nest")
	other[0].Locator = "tone:880"
	reconfigured(Changes{Restarted: []string{"nest"}}, other...)
	delivers(t, r, "nest")
	s.Close()
	if !r.Contains("nest") {
		t.Error("Close removed a buffer")
	}
}

func TestInvalidConfigurationChangesNothing(t *testing.T) {
	r := private(t)
	s := station(t, r)
	must(s.Reconfigure(tones(2, "nest")))(t)
	wrong := []struct {
		source  SourceConfig
		kind    error
		message string
	}{
		{SourceConfig{Name: "yard", Locator: "rtsp://me:sesame@/"}, ErrCaptureFailed, "yard"},
		{SourceConfig{Name: "nest", Locator: "tone:1"}, ErrCaptureFailed, "twice"},
		{SourceConfig{Locator: "tone:x"}, ErrCaptureFailed, "tone:x"},
		{SourceConfig{}, ErrCaptureFailed, "empty"},
		{SourceConfig{Locator: "tone:1", WhenGone: 2}, ErrInvalidArgument, "when_gone is 2"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{Channels: -1}}, ErrInvalidArgument, "channels"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{GainDB: 101}}, ErrCaptureFailed, "gain"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{Latency: -61 * time.Second}}, ErrCaptureFailed, "-60000000000 to 60000000000"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{Mix: 1 << 20}}, ErrInvalidArgument, "mix_channel"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{GiveUpAfter: -1}}, ErrInvalidArgument, "failures"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{RetryAfter: -1}}, ErrInvalidArgument, "retry_after_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{RetryAtMostAfter: -1}}, ErrInvalidArgument, "retry_at_most_after_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{ThenRetryEvery: -1}}, ErrInvalidArgument, "then_retry_every_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{NothingFor: -1}}, ErrInvalidArgument, "nothing_for_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{SilenceFor: -1}}, ErrInvalidArgument, "silence_for_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{WrongRate: 2}}, ErrInvalidArgument, "wrong_rate is 2"},
	}
	for _, wrong := range wrong {
		_, err := s.Reconfigure(append(tones(2, "nest"), wrong.source))
		detail := wantError(t, err, wrong.kind)
		if !strings.Contains(detail.Message, wrong.message) || strings.Contains(detail.Message, "sesame") {
			t.Error(detail)
		}
	}
	if sources := must(s.Sources())(t); len(sources) != 1 || sources[0].Name != "nest" {
		t.Errorf("%+v", sources)
	}
}

func TestStationAllocatesForTheCallerOfReconfigure(t *testing.T) {
	r := must(Private(WithAllocationTracking(true)))(t)
	defer r.Close()
	must(station(t, r).Reconfigure(tones(2, "nest")))(t)
	delivers(t, r, "nest")
	report := must(r.AllocationReport())(t).Source("nest")
	if len(report.CallSites) == 0 || report.CallSites[0].Language != "Go" ||
		!strings.HasSuffix(report.CallSites[0].Function, "TestStationAllocatesForTheCallerOfReconfigure") {
		t.Errorf("%+v", report.CallSites)
	}
}

func TestStationOfNilOrClosedRegistryIsAnError(t *testing.T) {
	_, err := NewStation(nil)
	wantError(t, err, ErrInvalidArgument)
	r := must(Private())(t)
	s := must(NewStation(r))(t)
	r.Close()
	_, err = NewStation(r)
	wantError(t, err, ErrClosed)
	// A station outlives the handle of its registry.
	must(s.Reconfigure(tones(2, "nest")))(t)
	s.Close()
	for _, s := range []*Station{s, {}} {
		_, err = s.Reconfigure(nil)
		wantError(t, err, ErrClosed)
		_, err = s.Sources()
		wantError(t, err, ErrClosed)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStationTypesPrintNoCredentials(t *testing.T) {
	const url, redacted = "rtsp://me:sesame@nest/", "rtsp://***@nest/"
	config := SourceConfig{Name: "nest", Locator: url}
	status := SourceStatus{Name: url, State: CaptureRunning}
	changes := Changes{Started: []string{url, "pond"}}
	for _, value := range []any{config, &config, []SourceConfig{config}, status, []SourceStatus{status}, changes, &changes} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, value); !strings.Contains(text, redacted) || strings.Contains(text, "sesame") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
	if config.Locator != url || changes.Started[0] != url {
		t.Error("printing changed a value")
	}
}

func TestSourcesOfARegistryIncludeThoseWithoutABuffer(t *testing.T) {
	r := must(Open("sources"))(t)
	t.Cleanup(func() { r.Close() })
	s := station(t, r)
	absent := SourceConfig{Name: "rtsp://me:sesame@nest/1", Locator: "file:/no/such/file.wav"}
	must(s.Reconfigure(append(tones(2, "yard"), absent)))(t)
	delivers(t, r, "yard")
	var sources []SourceInfo
	until(t, "the absent source has a reason", func() bool {
		sources = must(r.Sources())(t)
		return len(sources) == 2 && sources[0].Reason != ""
	})
	nest, yard := sources[0], sources[1]
	if nest.Source != absent.Name || nest.HasBuffer || nest.State == CaptureRunning || !strings.Contains(nest.Reason, "file.wav") {
		t.Errorf("%+v", nest)
	}
	if nest.Since.IsZero() || nest.RecorderPID != os.Getpid() || nest.RecorderProgram == "" {
		t.Errorf("%+v", nest)
	}
	if yard.Source != "yard" || !yard.HasBuffer || yard.State != CaptureRunning || yard.Reason != "" {
		t.Errorf("%+v", yard)
	}
	if text := fmt.Sprintf("%v %#v", nest, nest); strings.Contains(text, "sesame") {
		t.Error(text)
	}
	r.Close()
	if _, err := r.Sources(); err != ErrClosed {
		t.Error(err)
	}
}
