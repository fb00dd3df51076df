// Package compat has the functions of the original recorder's buffer package by their names, over capbuf: a drop-in for programs that
// are written against those.
//
// One ring is made for each source, however many goroutines ask for it at once. Audio is mono; bytesPerSample is 2, 3 or 4, and samples
// are signed integers, the lowest byte first. Durations are whole seconds. Buffers belong to this process, unless [UseRegistry] says
// otherwise: then they are those of a domain, and other processes see them.
//
// What differs from the original, on purpose: a source that is there with another shape is an error; a read gives all of what was
// asked, of the right time, or an error; what is missing because the source was lost is silence, so that a clip keeps its length; a
// password in a source is not shown.
//
// All functions may be called from any goroutine at the same time.
package compat
