package compat

import (
	"capbuf.dev/capbuf"
)

// ReconfigureRTSPStreams records these streams and no others. It starts new streams, stops those
// that are no longer listed and removes their buffers, and leaves unchanged ones alone. An invalid
// stream refuses the whole list, and nothing changes. A lost stream is reopened.
//
// The URLs are the sources of the buffers, which [InitCaptureBuffers] or this call allocates. The
// original takes its settings and channels instead, and reads the streams itself. Here a
// [capbuf.Station] does, and a stream can be any source that it records.
//
// Blocks until streams are stopped, five seconds at most; new ones are opened in the background.
// Errors: capbuf.ErrCaptureFailed with the invalid stream; capbuf.ErrInvalidArgument.
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
		// The stream becomes the writer: release this process's own.
		s.forget(url)
	}
	station, err := s.openStation()
	if err != nil {
		return capbuf.Changes{}, err
	}
	changes, err := station.Reconfigure(sources)
	for _, gone := range changes.Stopped {
		s.forget(gone)
	}
	return changes, err
}

// openStation returns the station of these buffers.
func (s *set) openStation() (*capbuf.Station, error) {
	s.makingStation.Lock()
	defer s.makingStation.Unlock()
	if s.station != nil {
		return s.station, nil
	}
	station, err := capbuf.NewStation(s.registry)
	s.station = station
	return station, err
}

// stopStation stops recording into these buffers.
func (s *set) stopStation() {
	s.makingStation.Lock()
	defer s.makingStation.Unlock()
	if s.station != nil {
		s.station.Close()
	}
}
