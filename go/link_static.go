//go:build !capbuf_pkgconfig

package capbuf

// The library is the one that `cargo build --release -p capbuf-ffi` makes in this tree, linked statically; a -L in CGO_LDFLAGS names
// another folder to look in first. What it needs of the system is what `cargo rustc -p capbuf-ffi --release -- --print
// native-static-libs` says.

// #cgo CFLAGS: -I${SRCDIR}/../include
// #cgo LDFLAGS: -L${SRCDIR}/../target/release -l:libcapbuf_ffi.a -lasound -lgcc_s -lutil -lrt -lpthread -lm -ldl
import "C"
