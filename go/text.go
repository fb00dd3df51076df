package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_redact
// #cgo nocallback capbuf_redact
import "C"

import (
	"time"
	"unsafe"
)

// emptyText stands for the bytes of an empty string, as a null pointer would mean no text at all.
var emptyText byte

// text converts a string for the duration of one C call.
func text(s string) (*C.char, C.size_t) {
	if len(s) == 0 {
		return (*C.char)(unsafe.Pointer(&emptyText)), 0
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// textOut is the memory that a C call writes a text to.
type textOut struct {
	bytes  *C.char
	size   C.size_t
	length C.size_t
	detail *C.capbuf_error
}

// textFrom returns the text that call writes. It repeats the call with more memory if it is too
// long.
func textFrom(call func(out *textOut) C.capbuf_status) (string, error) {
	for size := 256; ; {
		bytes := make([]byte, size)
		out := textOut{bytes: (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes))), size: C.size_t(size)}
		status := call(&out)
		if status == C.CAPBUF_OK {
			return string(bytes[:out.length]), nil
		}
		err := newError(status, out.detail)
		if status != C.CAPBUF_TOO_SMALL || int(out.length) < size {
			return "", err
		}
		size = int(out.length) + 1
	}
}

// takeText copies a text that the library allocated, and frees it.
func takeText(text *C.capbuf_text) string {
	defer C.capbuf_text_free(text)
	var size C.size_t
	bytes := C.capbuf_text_data(text, &size)
	return C.GoStringN(bytes, C.int(size))
}

// Redact returns the source without the secrets of a URL, for logs and file names: scheme, host and
// port stay, and of the path and the parameters what is common; the rest is "***". It returns "***"
// for a source that is not UTF-8.
//
// Safe for concurrent use. Allocates.
func Redact(source string) string {
	in, size := text(source)
	redacted, err := textFrom(func(out *textOut) C.capbuf_status {
		return C.capbuf_redact(in, size, out.bytes, out.size, &out.length, &out.detail)
	})
	if err != nil {
		return "***"
	}
	return redacted
}

// Version returns the version of the linked library, such as "0.1.0".
//
// Safe for concurrent use.
func Version() string {
	return C.GoString(C.capbuf_version())
}

// emptyCall calls C and does nothing there, to measure the cost of a call.
func emptyCall() uint32 {
	return uint32(C.capbuf_abi_version())
}

func fromUTC(ns C.int64_t) time.Time {
	return time.Unix(0, int64(ns)).UTC()
}

// toUTC returns the ns since 1970. It returns false before 1678 and after 2262, where they
// overflow.
func toUTC(t time.Time) (C.int64_t, bool) {
	const most = int64(1<<63-1) / int64(time.Second)
	if seconds := t.Unix(); seconds <= -most || seconds >= most {
		return 0, false
	}
	return C.int64_t(t.UnixNano()), true
}
