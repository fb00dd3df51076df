//go:build capbuf_pkgconfig

package capbuf

// The library is the installed one, as pkg-config finds it.

// #cgo pkg-config: capbuf
import "C"
