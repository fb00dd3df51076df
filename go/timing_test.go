package capbuf

import "testing"

func TestTimesHaveTheirClockAndUncertainty(t *testing.T) {
	b := allocated(t, private(t), "mic", spec16)
	if status := must(b.Status())(t); status.Timing != (Timing{}) {
		t.Errorf("before the first write: %+v", status.Timing)
	}
	w := writerOf(t, b)
	if err := w.WriteInt16At(ramp(0, 4000), morning); err != nil {
		t.Fatal(err)
	}
	status, segment := must(b.Status())(t), must(b.ReadFrames(deadline(t), 0, 4000))(t)
	if status.Timing != segment.Timing || segment.Timing.Clock != ClockDevice || segment.Timing.Latency != 0 {
		t.Errorf("%+v of the newest frame, %+v of all", status.Timing, segment.Timing)
	}
	if name := segment.Timing.Clock.String(); name != "device" {
		t.Errorf("the clock is %q", name)
	}
	if err := w.WriteInt16(ramp(4000, 4000)); err != nil {
		t.Fatal(err)
	}
}
