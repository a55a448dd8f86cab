package cache

import (
	"hash/maphash"
	"net/netip"
)

const (
	sources      = 1024 // that are told apart
	networkOfIP6 = 64   // bits by which IPv6 sources are told apart
)

// shares bound what callers of one source can have at a time: an IPv4 address,
// or a /64 of IPv6. Sources are told apart by a keyed hash of 1,024 values: two
// may have one share, and nobody can choose with whom.
type shares struct {
	of   [sources]chan struct{}
	seed maphash.Seed
}

func newShares(each int) *shares {
	s := &shares{seed: maphash.MakeSeed()}
	for i := range s.of {
		s.of[i] = make(chan struct{}, each)
	}
	return s
}

// share gives the share of an address.
func (s *shares) share(from netip.Addr) chan struct{} { return s.of[s.source(from)] }

// source gives which share an address has.
func (s *shares) source(from netip.Addr) uint64 {
	return maphash.Comparable(s.seed, sourceOf(from)) % sources
}

// sourceOf gives what stands for all addresses of a source.
func sourceOf(from netip.Addr) netip.Addr {
	if from.Is6() {
		if network, err := from.WithZone("").Prefix(networkOfIP6); err == nil {
			return network.Addr()
		}
	}
	return from
}
