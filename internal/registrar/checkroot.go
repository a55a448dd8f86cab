package registrar

import (
	"context"
	"slices"

	"credence/internal/credential"
	"credence/internal/registry"
)

// CheckRoot looks at the record that makes the store a registry, and whether
// this configuration can serve it: is it the one that is demanded, are the
// peppers there and the right ones? The root is nil where there is none that
// can be read.
func (r *Registrar) CheckRoot(ctx context.Context) (*registry.Root, []Fault, error) {
	entries, err := r.store.Read(ctx, registry.RootRef)
	if err != nil {
		return nil, nil, err
	}
	root, ok := entries[0].Record.(*registry.Root)
	if !ok {
		return nil, []Fault{noRoot(entries[0])}, nil
	}
	if want := r.options.RegistryID; want != "" && root.ID != want {
		return root, []Fault{{Kind: AnotherRegistry, Key: registry.RootRef.Key(), Other: want}}, nil
	}
	return root, append(r.checkDigests(root), r.checkPeppers(root)...), nil
}

// noRoot says what stands where the root should.
func noRoot(entry registry.Entry) Fault {
	fault := Fault{Kind: NoRegistry, Key: registry.RootRef.Key()}
	if !entry.Absent() {
		fault.Kind, fault.Err = Unreadable, entry.Invalid
	}
	return fault
}

// checkDigests tells of kinds that tokens are stored by and that no server
// accepts.
func (r *Registrar) checkDigests(root *registry.Root) (faults []Fault) {
	accepted := r.options.Digests
	if len(accepted) == 0 {
		return nil
	}
	for i, kind := range root.Digests {
		if slices.Contains(accepted, kind) {
			continue
		}
		fault := Fault{Kind: DigestExcluded, Key: registry.RootRef.Key(), Other: string(kind)}
		if i == 0 {
			fault.Kind = NewestExcluded
		}
		faults = append(faults, fault)
	}
	return faults
}

// checkPeppers tells of each pepper that a server needs whether it is there,
// and the right one.
func (r *Registrar) checkPeppers(root *registry.Root) (faults []Fault) {
	tell := func(kind FaultKind, of credential.DigestKind) {
		faults = append(faults, Fault{Kind: kind, Key: registry.RootRef.Key(), Other: string(of)})
	}
	asked := r.options.Digests
	if len(asked) == 0 {
		asked = root.Digests
	}
	for _, kind := range asked {
		if kind == credential.PlainDigest {
			continue
		}
		got, err := r.options.Peppers.Check(kind)
		want, known := root.Checks[kind]
		switch {
		case err != nil:
			tell(PepperMissing, kind)
		case !known:
			tell(PepperUnproven, kind)
		case got != want:
			tell(PepperDiffers, kind)
		}
	}
	for _, kind := range r.options.Peppers.Kinds() {
		if !slices.Contains(root.Digests, kind) && kind != credential.PlainDigest {
			tell(PepperUnused, kind)
		}
	}
	return faults
}
