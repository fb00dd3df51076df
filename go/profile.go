package capbuf

import (
	"hash/maphash"
	"runtime/pprof"
	"sync"
	"unsafe"
)

// profile is the profile "capbuf" of runtime/pprof: see [Registry.EnableAllocationTracking].
var profile = func() *pprof.Profile {
	// Another copy of this package may be in the program.
	if known := pprof.Lookup("capbuf"); known != nil {
		return known
	}
	return pprof.NewProfile("capbuf")
}()

// profileKey stands for a ring or a handle in the profile, which keeps what it contains alive.
type profileKey struct{ _ byte }

// liveRing and openHandle add the caller's stack to the profile, with themselves as its innermost
// frame, which names the kind of the stack.
//
//go:noinline
func liveRing() *profileKey {
	key := new(profileKey)
	profile.Add(key, 0)
	return key
}

//go:noinline
func openHandle() *profileKey {
	key := new(profileKey)
	profile.Add(key, 0)
	return key
}

// sourceSeed is for hashes of sources: %v of a registry shows its fields, and no password.
var sourceSeed = maphash.MakeSeed()

// profiledRings has the rings of a registry that are in the profile, by the hash of their source.
type profiledRings struct {
	mutex sync.Mutex
	rings map[uint64]profiledRing
	// No ring is added once the registry is closed.
	closed bool
}

type profiledRing struct {
	id  uint64
	key *profileKey
}

// profiled adds a new handle to the profile, until it is closed, and its ring, if that is new to
// this registry. It does nothing while tracking is disabled.
func (r *Registry) profiled(b *CaptureBuffer) *CaptureBuffer {
	if !r.tracks.Load() {
		return b
	}
	key, free := openHandle(), b.handle.free
	b.handle.free = func(pointer unsafe.Pointer) {
		profile.Remove(key)
		free(pointer)
	}
	r.rings.mutex.Lock()
	defer r.rings.mutex.Unlock()
	if r.rings.closed {
		return b
	}
	source := maphash.String(sourceSeed, b.source)
	known, isKnown := r.rings.rings[source]
	if isKnown && known.id == b.id {
		return b
	}
	if isKnown {
		profile.Remove(known.key)
	}
	if r.rings.rings == nil {
		r.rings.rings = map[uint64]profiledRing{}
	}
	r.rings.rings[source] = profiledRing{b.id, liveRing()}
	return b
}

// remove takes the ring of a source out of the profile.
func (p *profiledRings) remove(source string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	hash := maphash.String(sourceSeed, source)
	if known, isKnown := p.rings[hash]; isKnown {
		profile.Remove(known.key)
		delete(p.rings, hash)
	}
}

// close takes all rings out of the profile, for good.
func (p *profiledRings) close() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.closed = true
	for _, known := range p.rings {
		profile.Remove(known.key)
	}
	clear(p.rings)
}
