package capbuf

// #include "calls.h"
import "C"

// DomainInfo describes a domain, without opening it.
type DomainInfo struct {
	// Name is the name of the domain, for [Open].
	Name string
	// Buffers counts its buffers.
	Buffers uint64
	// Bytes is the size of their memory.
	Bytes uint64
	// Processes counts the living processes that have it open.
	Processes uint64
	// HasDead reports whether dead processes left something: see [Registry.Sweep].
	HasDead bool
}

// Domains lists the domains of this user, sorted by name. It uses only [WithFolder] of the options.
//
// Safe for concurrent use. Makes system calls. Errors: ErrForbidden, ErrSystem.
func Domains(options ...Option) ([]DomainInfo, error) {
	o := newOptions(options)
	folder, folderSize := o.folderText()
	var list *C.capbuf_domain_list
	var count C.size_t
	var detail *C.capbuf_error
	status := C.capbuf_domain_list_new(folder, folderSize, &list, &count, &detail)
	if err := failure(status, detail); err != nil {
		return nil, err
	}
	defer C.capbuf_domain_list_free(list)
	domains := make([]DomainInfo, count)
	for number := range domains {
		info := C.capbuf_domain_info{struct_size: C.sizeof_capbuf_domain_info}
		name, err := textFrom(func(out *textOut) C.capbuf_status {
			return C.capbuf_domain_list_get(list, C.size_t(number), out.bytes, out.size, &out.length, &info, &out.detail)
		})
		if err != nil {
			return nil, err
		}
		domains[number] = DomainInfo{name, uint64(info.buffers), uint64(info.bytes), uint64(info.processes), info.has_dead != 0}
	}
	return domains, nil
}

// RemoveDomain removes all buffers of a domain, as [Registry.Remove] does, and its folder if no
// process has it open. It uses only [WithFolder] of the options.
//
// Safe for concurrent use. Makes system calls. Errors: ErrNotFound, ErrInvalidArgument,
// ErrForbidden, ErrSystem.
func RemoveDomain(name string, options ...Option) error {
	o := newOptions(options)
	folder, folderSize := o.folderText()
	domain, size := text(name)
	var detail *C.capbuf_error
	status := C.capbuf_domain_remove(domain, size, folder, folderSize, &detail)
	return failure(status, detail)
}
