//go:build !capbuf_pkgconfig

package capbuf

// Links statically what `cargo build --release -p capbuf-ffi` builds in this tree. A -L in
// CGO_LDFLAGS names another folder to search first. The system libraries are those that `cargo
// rustc -p capbuf-ffi --release -- --print native-static-libs` prints.

// #cgo CFLAGS: -I${SRCDIR}/../include
// #cgo LDFLAGS: -L${SRCDIR}/../target/release -l:libcapbuf_ffi.a -lasound -lgcc_s -lutil -lrt -lpthread -lm -ldl
import "C"
