//go:build capbuf_pkgconfig

package capbuf

// Links the installed library, as pkg-config finds it.

// #cgo pkg-config: capbuf
import "C"
