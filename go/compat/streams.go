package compat

import (
	"capbuf.dev/capbuf"
)

// ReconfigureRTSPStreams records these streams, and no others: what is unchanged is not touched, what is new is begun, and what is gone is
// stopped and its buffer removed. What can't be is refused as a whole, and nothing is changed. A stream that is lost is opened again.
//
// The buffers are found by the streams' URLs, and were allocated with [InitCaptureBuffers] or are now. The original takes its settings and
// channels here, as it reads the streams itself; in this package that is done by [capbuf.Station]. A stream may be whatever that can record.
//
// Blocks while streams are stopped, five seconds at most; new ones are opened in the background. Errors: capbuf.ErrCaptureFailed with
// the stream that can't be; capbuf.ErrInvalidArgument.
func ReconfigureRTSPStreams(durationSeconds, sampleRate, bytesPerSample int, urls []string) (capbuf.Changes, error) {
	spec, err := specOf(durationSeconds, sampleRate, bytesPerSample)
	if err != nil {
		return capbuf.Changes{}, err
	}
	s, err := buffers()
	if err != nil {
		return capbuf.Changes{}, err
	}
	options := capbuf.CaptureOptions{
		Duration: spec.Duration, SampleRateHz: spec.SampleRateHz, Channels: spec.Channels, Format: spec.Format,
	}
	sources := make([]capbuf.SourceConfig, 0, len(urls))
	for _, url := range urls {
		sources = append(sources, capbuf.SourceConfig{Locator: url, Options: options})
		// Who wrote to it until now is the stream.
		s.forget(url)
	}
	station, err := s.takeStation()
	if err != nil {
		return capbuf.Changes{}, err
	}
	changes, err := station.Reconfigure(sources)
	for _, gone := range changes.Stopped {
		s.forget(gone)
	}
	return changes, err
}

func (s *set) takeStation() (*capbuf.Station, error) {
	s.makingStation.Lock()
	defer s.makingStation.Unlock()
	if s.station != nil {
		return s.station, nil
	}
	station, err := capbuf.NewStation(s.registry)
	s.station = station
	return station, err
}

// stopStation ends what is recorded into these buffers.
func (s *set) stopStation() {
	s.makingStation.Lock()
	defer s.makingStation.Unlock()
	if s.station != nil {
		s.station.Close()
	}
}
