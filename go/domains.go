package capbuf

// #include "calls.h"
//
// #cgo noescape capbuf_go_domain_get
import "C"

// DomainInfo is what there is to see of a domain from outside.
type DomainInfo struct {
	// Name is the domain's name, for [Open].
	Name string
	// Buffers is how many buffers it has.
	Buffers uint64
	// Bytes is what they take.
	Bytes uint64
	// Processes is how many living processes have it open.
	Processes uint64
	// HasDead tells whether there is something to sweep.
	HasDead bool
}

// Domains lists the domains of this user, by name. Of the options only [WithFolder] means something here.
//
// Any goroutine. Makes system calls. Errors: ErrForbidden, ErrSystem.
func Domains(options ...Option) ([]DomainInfo, error) {
	o := gather(options)
	folder, folderSize := o.folderText()
	outcome := C.capbuf_go_domain_list(folder, folderSize)
	if err := failure(outcome); err != nil {
		return nil, err
	}
	list := (*C.capbuf_domain_list)(outcome.handle)
	defer C.capbuf_domain_list_free(list)
	domains := make([]DomainInfo, outcome.number)
	for number := range domains {
		var info C.capbuf_domain_info
		name, err := told(func(out *C.char, size C.size_t) C.capbuf_go_outcome {
			return C.capbuf_go_domain_get(list, C.size_t(number), out, size, &info)
		})
		if err != nil {
			return nil, err
		}
		domains[number] = DomainInfo{name, uint64(info.buffers), uint64(info.bytes), uint64(info.processes), info.has_dead != 0}
	}
	return domains, nil
}

// RemoveDomain removes a domain: all its buffers, as [Registry.Remove] does, and its folder, if no process has it open. Of the
// options only [WithFolder] means something here.
//
// Any goroutine. Makes system calls. Errors: ErrNotFound, ErrInvalidArgument, ErrForbidden, ErrSystem.
func RemoveDomain(name string, options ...Option) error {
	o := gather(options)
	folder, folderSize := o.folderText()
	domain, size := text(name)
	return failure(C.capbuf_go_domain_remove(domain, size, folder, folderSize))
}
