package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_redact
// #cgo nocallback capbuf_go_redact
import "C"

import (
	"time"
	"unsafe"
)

// nothing stands in for the bytes of an empty text: a null pointer would mean that there is no text.
var nothing byte

// text is a string as C takes it, for the time of one call.
func text(s string) (*C.char, C.size_t) {
	if len(s) == 0 {
		return (*C.char)(unsafe.Pointer(&nothing)), 0
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// told gets a text out of C by a call that puts it into memory of a size and tells its length.
func told(call func(out *C.char, size C.size_t) C.capbuf_go_outcome) (string, error) {
	for size := 256; ; {
		out := make([]byte, size)
		outcome := call((*C.char)(unsafe.Pointer(unsafe.SliceData(out))), C.size_t(size))
		if outcome.status == C.CAPBUF_OK {
			return string(out[:outcome.number]), nil
		}
		err := failed(outcome)
		if err.Code != Code(C.CAPBUF_TOO_SMALL) || int(outcome.number) < size {
			return "", err
		}
		size = int(outcome.number) + 1
	}
}

// Redact shows a source without the user and password of a URL and without the values of parameters that look like secrets: for logs
// and file names. What is no UTF-8 is not shown at all.
//
// Any goroutine. Allocates.
func Redact(source string) string {
	in, size := text(source)
	shown, err := told(func(out *C.char, outSize C.size_t) C.capbuf_go_outcome {
		return C.capbuf_go_redact(in, size, out, outSize)
	})
	if err != nil {
		return "***"
	}
	return shown
}

// Version is the version of the library that is linked: "0.1.0".
//
// Any goroutine.
func Version() string {
	return C.GoString(C.capbuf_version())
}

// emptyCall is the way into C and back, for measuring what it costs.
func emptyCall() uint32 {
	return uint32(C.capbuf_abi_version())
}

// fromUTC makes a time of ns of UTC.
func fromUTC(ns C.int64_t) time.Time {
	return time.Unix(0, int64(ns)).UTC()
}

// toUTC makes ns of UTC of a time; false for one that they can't count, which are those before 1678 and after 2262.
func toUTC(t time.Time) (C.int64_t, bool) {
	const most = int64(1<<63-1) / int64(time.Second)
	if seconds := t.Unix(); seconds <= -most || seconds >= most {
		return 0, false
	}
	return C.int64_t(t.UnixNano()), true
}
