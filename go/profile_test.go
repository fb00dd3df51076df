package capbuf

import (
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
)

//go:noinline
func profiledCaller(r *Registry) (*CaptureBuffer, error) {
	return r.GetOrAllocate("rtsp://me:sesame@cam/1", minute)
}

//go:noinline
func secondProfiledCaller(r *Registry) (*CaptureBuffer, error) {
	return r.Get("rtsp://me:sesame@cam/1")
}

// profileStacks returns the stacks of the profile that contain a function, by kind.
func profileStacks(t *testing.T, function string) (rings, handles int) {
	t.Helper()
	var text strings.Builder
	if err := pprof.Lookup("capbuf").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "sesame") {
		t.Error("the profile contains a password")
	}
	for _, stack := range strings.Split(text.String(), "\n\n") {
		var count int
		if _, err := fmt.Sscanf(stack[strings.Index(stack, "\n")+1:], "%d @", &count); err != nil {
			fmt.Sscanf(stack, "%d @", &count)
		}
		if !strings.Contains(stack, function+"+") {
			continue
		}
		if strings.Contains(stack, ".liveRing+") {
			rings += count
		}
		if strings.Contains(stack, ".openHandle+") {
			handles += count
		}
	}
	return rings, handles
}

func wantStacks(t *testing.T, function string, rings, handles int) {
	t.Helper()
	if r, h := profileStacks(t, function); r != rings || h != handles {
		t.Errorf("%s has %d rings and %d handles, not %d and %d", function, r, h, rings, handles)
	}
}

func TestProfileHasTheStacksOfLiveRingsAndHandles(t *testing.T) {
	r := tracking(t)
	first := must(profiledCaller(r))(t)
	second := must(profiledCaller(r))(t)
	other := must(secondProfiledCaller(r))(t)
	wantStacks(t, "profiledCaller", 1, 2)
	wantStacks(t, "secondProfiledCaller", 0, 1)
	first.Close()
	first.Close()
	other.Close()
	wantStacks(t, "profiledCaller", 1, 1)
	wantStacks(t, "secondProfiledCaller", 0, 0)
	// A new ring of the source has the stack of its own allocation.
	if err := r.Remove("rtsp://me:sesame@cam/1"); err != nil {
		t.Fatal(err)
	}
	wantStacks(t, "profiledCaller", 0, 1)
	third := must(profiledCaller(r))(t)
	wantStacks(t, "profiledCaller", 1, 2)
	second.Close()
	third.Close()
	wantStacks(t, "profiledCaller", 1, 0)
	r.Close()
	wantStacks(t, "profiledCaller", 0, 0)
}

func TestProfileHasNoRingOfAClosedRegistry(t *testing.T) {
	r := tracking(t)
	b := must(profiledCaller(r))(t)
	r.Close()
	r.profiled(b)
	b.Close()
	if known := len(r.rings.rings); known != 0 {
		t.Errorf("%d rings stay in the profile", known)
	}
}

func TestProfileKeepsNoForgottenHandle(t *testing.T) {
	r := tracking(t)
	must(profiledCaller(r))(t)
	until(t, "the collector closes the handle", func() bool {
		runtime.GC()
		_, handles := profileStacks(t, "profiledCaller")
		return handles == 0
	})
}

func TestProfileIsEmptyWithoutTracking(t *testing.T) {
	r := must(Private())(t)
	defer r.Close()
	b := must(profiledCaller(r))(t)
	defer b.Close()
	wantStacks(t, "profiledCaller", 0, 0)
}
