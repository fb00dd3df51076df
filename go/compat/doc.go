// Package compat implements the functions of the original recorder's buffer package, by the same
// names, on capbuf. Programs written for that package work with it unchanged.
//
// Each source has one ring, however many goroutines request it at once. Audio is mono.
// bytesPerSample is 2, 3 or 4; samples are little-endian signed integers. Durations are whole
// seconds. Buffers belong to this process; with [UseRegistry] they can belong to a domain that
// other processes share.
//
// It differs from the original on purpose: requesting an existing source with another format or
// length is an error; a read returns the whole span of the requested time, or an error; gaps are
// filled with silence, so that a clip keeps its length; passwords in sources are not printed.
//
// All functions are safe for concurrent use.
package compat
