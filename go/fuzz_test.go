package capbuf

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"
)

// wantKnown fails for an error that no argument may cause.
func wantKnown(t *testing.T, err error) {
	t.Helper()
	for _, defect := range []error{ErrNullArgument, ErrMisaligned, ErrPanicked, ErrAllocationPanicked, ErrCorrupt} {
		if errors.Is(err, defect) {
			t.Fatal(err)
		}
	}
	var detail *Error
	if err != nil && (!errors.As(err, &detail) || detail.Message == "") {
		t.Fatalf("an error without a message: %v", err)
	}
}

func FuzzSpecIsAllocatedOrRefused(f *testing.F) {
	f.Add("mic", int64(time.Second), uint64(0), 48000, 1, uint32(S16), uint32(0))
	f.Add("", int64(-1), uint64(1), 0, 65, uint32(9), uint32(2))
	f.Add("rtsp://user:secret@host/\xff", int64(math.MaxInt64), uint64(math.MaxUint64), math.MaxInt, math.MinInt, uint32(4), uint32(1))
	f.Add("a\x00b", int64(1), uint64(0), 768000, 64, uint32(S24), uint32(1))
	r, err := Private(WithBudget(1 << 22))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string, duration int64, frames uint64, rate, channels int, format, lifetime uint32) {
		spec := Spec{time.Duration(duration), frames, rate, channels, SampleFormat(format), Lifetime(lifetime)}
		b, err := r.GetOrAllocate(source, spec)
		wantKnown(t, err)
		if err != nil {
			if r.Contains(source) {
				t.Fatalf("%q was refused but has a buffer", source)
			}
			return
		}
		defer b.Close()
		if got := b.Spec(); got.SampleRateHz != rate || got.Channels != channels || !r.Contains(source) {
			t.Fatalf("%+v became %+v", spec, got)
		}
		if err := r.Remove(source); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzReadReturnsRequestedFramesOrAnError(f *testing.F) {
	r, err := Private()
	if err != nil {
		f.Fatal(err)
	}
	b, err := r.GetOrAllocate("mic", spec16)
	if err != nil {
		f.Fatal(err)
	}
	w, err := b.Writer()
	if err != nil {
		f.Fatal(err)
	}
	if err := w.WriteInt16At(ramp(0, 12000), morning); err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), int64(5000), int64(6000), uint32(0))
	f.Add(uint8(1), morning.UnixNano()+1e9, morning.UnixNano()+2e9, uint32(Available))
	f.Add(uint8(2), int64(0), int64(time.Second), uint32(FillGaps))
	f.Add(uint8(0), int64(-1), int64(math.MaxInt64), uint32(As(9)))
	f.Add(uint8(1), int64(math.MinInt64), int64(math.MaxInt64), uint32(math.MaxUint32))
	f.Fuzz(func(t *testing.T, kind uint8, first, end int64, options uint32) {
		span := SpanLast(time.Duration(end))
		switch kind % 3 {
		case 0:
			span = SpanFrames(uint64(first), uint64(end))
		case 1:
			span = SpanTime(time.Unix(0, first), time.Unix(0, end))
		}
		room := make([]int16, 8192)
		info, err := ReadInto(b, span, room, ReadOption(options))
		wantKnown(t, err)
		if err == nil {
			wantRamp(t, room[:info.Frames], info.FirstFrame)
		}
		segment, err := b.newSegment(span, newReadOptions([]ReadOption{ReadOption(options)}))
		wantKnown(t, err)
		if err == nil && len(segment.Bytes()) != int(segment.Frames)*segment.Format.Bytes() {
			t.Fatalf("%d bytes are %+v", len(segment.Bytes()), segment.Extracted)
		}
	})
}

func FuzzSplitWritesAreJoined(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5}, uint8(3), int64(0), uint32(1), int64(5))
	f.Add([]byte{}, uint8(0), int64(math.MinInt64), uint32(0), int64(-1))
	f.Add(make([]byte, 40000), uint8(255), int64(math.MaxInt64), uint32(7), int64(math.MaxInt64))
	r, err := Private()
	if err != nil {
		f.Fatal(err)
	}
	b, err := r.GetOrAllocate("mic", spec16)
	if err != nil {
		f.Fatal(err)
	}
	w, err := b.Writer()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, bytes []byte, cut uint8, at int64, reason uint32, gap int64) {
		// Gap drops the incomplete frame of an earlier round.
		wantKnown(t, w.Gap(GapRequested))
		wantKnown(t, w.GapFor(GapReason(reason), time.Duration(gap)))
		begin, err := w.NextFrame()
		wantKnown(t, err)
		split := min(int(cut), len(bytes))
		if _, err := w.Write(bytes[:split]); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteBytesAt(bytes[split:], time.Unix(0, at)); err != nil {
			wantError(t, err, ErrInvalidArgument)
			bytes = bytes[:split]
		}
		end, err := w.NextFrame()
		wantKnown(t, err)
		if end-begin != uint64(len(bytes)/2) {
			t.Fatalf("%d bytes became %d frames", len(bytes), end-begin)
		}
		if end > begin && end-begin <= 1000 {
			room := make([]int16, end-begin)
			if _, err := ReadInto(b, SpanFrames(begin, end), room); err != nil {
				t.Fatal(err)
			}
			for i, sample := range room {
				if sample != int16(binary.LittleEndian.Uint16(bytes[2*i:])) {
					t.Fatalf("frame %d is %d", i, sample)
				}
			}
		}
	})
}

func FuzzRedactDoesNotFail(f *testing.F) {
	for _, source := range []string{"rtsp://user:pass@host/a?token=x", "device:default", "", "\xff", "http://@@@//"} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) { Redact(source) })
}
