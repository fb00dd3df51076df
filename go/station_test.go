package capbuf

import (
	"fmt"
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

// delivers waits until a source has audio.
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

func TestAStationTellsWhatItChanged(t *testing.T) {
	r := private(t)
	s := station(t, r)
	reconfigured := func(want Changes, sources ...SourceConfig) {
		t.Helper()
		if got := must(s.Reconfigure(sources))(t); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v instead of %+v", got, want)
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
		t.Error("what was to stay is gone, or the other way round")
	}
	if removed := must(nest.IsRemoved())(t); !removed {
		t.Error("the ring of the other length is still there")
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
		t.Error("closing removed a buffer")
	}
}

func TestAConfigurationThatCanNotBeChangesNothing(t *testing.T) {
	r := private(t)
	s := station(t, r)
	must(s.Reconfigure(tones(2, "nest")))(t)
	wrong := []struct {
		source SourceConfig
		kind   error
		says   string
	}{
		{SourceConfig{Name: "yard", Locator: "rtsp://me:sesame@/"}, ErrCaptureFailed, "yard"},
		{SourceConfig{Name: "nest", Locator: "tone:1"}, ErrCaptureFailed, "twice"},
		{SourceConfig{Locator: "tone:x"}, ErrCaptureFailed, "tone:x"},
		{SourceConfig{}, ErrCaptureFailed, "empty"},
		{SourceConfig{Locator: "tone:1", WhenGone: 2}, ErrInvalidArgument, "when_gone is 2"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{Channels: -1}}, ErrInvalidArgument, "channels"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{GainDB: 101}}, ErrCaptureFailed, "gain"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{Mix: 1 << 20}}, ErrInvalidArgument, "mix_channel"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{GiveUpAfter: -1}}, ErrInvalidArgument, "failures"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{RetryAfter: -1}}, ErrInvalidArgument, "retry_after_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{RetryAtMostAfter: -1}}, ErrInvalidArgument, "retry_at_most_after_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{ThenRetryEvery: -1}}, ErrInvalidArgument, "then_retry_every_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{NothingFor: -1}}, ErrInvalidArgument, "nothing_for_ns"},
		{SourceConfig{Locator: "tone:1", Options: CaptureOptions{SilenceFor: -1}}, ErrInvalidArgument, "silence_for_ns"},
	}
	for _, wrong := range wrong {
		_, err := s.Reconfigure(append(tones(2, "nest"), wrong.source))
		detail := wantError(t, err, wrong.kind)
		if !strings.Contains(detail.Message, wrong.says) || strings.Contains(detail.Message, "sesame") {
			t.Error(detail)
		}
	}
	if sources := must(s.Sources())(t); len(sources) != 1 || sources[0].Name != "nest" {
		t.Errorf("%+v", sources)
	}
}

func TestWhatAStationAllocatesIsAskedForByWhoReconfigured(t *testing.T) {
	r := must(Private(WithAllocationTracking(true)))(t)
	defer r.Close()
	must(station(t, r).Reconfigure(tones(2, "nest")))(t)
	delivers(t, r, "nest")
	report := must(r.AllocationReport())(t).Source("nest")
	if len(report.CallSites) == 0 || report.CallSites[0].Language != "Go" ||
		!strings.HasSuffix(report.CallSites[0].Function, "TestWhatAStationAllocatesIsAskedForByWhoReconfigured") {
		t.Errorf("%+v", report.CallSites)
	}
}

func TestAStationOfNothingIsAnError(t *testing.T) {
	_, err := NewStation(nil)
	wantError(t, err, ErrInvalidArgument)
	r := must(Private())(t)
	s := must(NewStation(r))(t)
	r.Close()
	_, err = NewStation(r)
	wantError(t, err, ErrClosed)
	// It does without its registry's handle.
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

func TestWhatIsShownOfAStationHasNoPasswords(t *testing.T) {
	const url, shown = "rtsp://me:sesame@nest/", "rtsp://***@nest/"
	config := SourceConfig{Name: "nest", Locator: url}
	status := SourceStatus{Name: url, State: CaptureRunning}
	changes := Changes{Started: []string{url, "pond"}}
	for _, told := range []any{config, &config, []SourceConfig{config}, status, []SourceStatus{status}, changes, &changes} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, told); !strings.Contains(text, shown) || strings.Contains(text, "sesame") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
	if config.Locator != url || changes.Started[0] != url {
		t.Error("what is shown was changed")
	}
}
