// Measures the writer's tail of a ring behind Go's mutex: the job of tails.rs.
package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	rate    = 48_000
	chunk   = 480
	each    = 100 * time.Microsecond
	readers = 4
	seconds = 15
)

type ring struct {
	sync.Mutex
	memory []int16
	next   int
}

func (r *ring) put(samples []int16) {
	r.Lock()
	defer r.Unlock()
	copied := copy(r.memory[r.next:], samples)
	copy(r.memory, samples[copied:])
	r.next = (r.next + len(samples)) % len(r.memory)
}

func (r *ring) last(out []int16) {
	r.Lock()
	defer r.Unlock()
	begin := (r.next + len(r.memory) - len(out)) % len(r.memory)
	copied := copy(out, r.memory[begin:])
	copy(out[copied:], r.memory)
}

func main() {
	milliseconds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	r := &ring{memory: make([]int16, 60*rate)}
	samples := make([]int16, chunk)
	for range len(r.memory) / chunk {
		r.put(samples)
	}
	var stop atomic.Bool
	var done sync.WaitGroup
	for range readers {
		done.Add(1)
		go func() {
			defer done.Done()
			out := make([]int16, seconds*rate)
			for !stop.Load() {
				r.last(out)
			}
		}()
	}
	var took []int64
	begin := time.Now()
	for due := begin.Add(each); due.Sub(begin) < time.Duration(milliseconds)*time.Millisecond; due = due.Add(each) {
		time.Sleep(time.Until(due))
		before := time.Now()
		r.put(samples)
		took = append(took, time.Since(before).Nanoseconds())
	}
	stop.Store(true)
	done.Wait()
	slices.Sort(took)
	at := func(quantile float64) int64 { return took[int(quantile*float64(len(took)-1))] }
	fmt.Println(at(0.5), at(0.99), at(0.999))
}
