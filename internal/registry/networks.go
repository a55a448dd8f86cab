package registry

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"
)

// Networks is an allowlist. The zero Networks is absent: it allows any peer.
// A list that is present is never empty. Nothing changes one once it is made,
// so that any number of checks may ask it at once.
type Networks struct{ list *networkList } // most records have none

// A networkList is an allowlist that is present.
type networkList struct {
	prefixes []netip.Prefix // in the order of the record, which is written back so
	table    *bart.Lite     // the same to ask, where the list is long; else nil
}

// longList is from how many networks on a list has a table. A table answers in
// the same time however many it holds, and faster than a walk from two or three
// networks on. But each is 40 to 90 bytes a network, and most lists are short:
// eight networks are walked in 30 ns, a few hundredths of a check.
const longList = 9

// ParseNetworks reads networks separated by single spaces.
func ParseNetworks(text string) (Networks, error) {
	var prefixes []netip.Prefix
	for word := range strings.SplitSeq(text, " ") {
		prefix, err := ParseNetwork(word)
		if err != nil {
			return Networks{}, err
		}
		prefixes = append(prefixes, prefix)
	}
	return NetworksOf(prefixes...), nil
}

// NetworksOf makes an allowlist of prefixes as ParseNetwork gives them.
func NetworksOf(prefixes ...netip.Prefix) Networks {
	if len(prefixes) == 0 {
		return Networks{}
	}
	// They are the caller's own, or have room that a record kept for long has no use for.
	list := &networkList{prefixes: slices.Clone(prefixes)}
	if len(prefixes) >= longList {
		list.table = new(bart.Lite)
		for _, prefix := range prefixes {
			list.table.Insert(prefix)
		}
	}
	return Networks{list}
}

// Present tells whether there is a list at all.
func (n Networks) Present() bool { return n.list != nil }

// Contains tells whether an address, unmapped and without zone, is in one of
// the networks. IPv4 networks hold no IPv6 address, nor the other way round,
// and no network holds an address with a zone.
func (n Networks) Contains(addr netip.Addr) bool {
	if n.list == nil {
		return false
	}
	if n.list.table != nil {
		return addr.Zone() == "" && n.list.table.Contains(addr) // the table looks past zones
	}
	for _, prefix := range n.list.prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Prefixes gives the networks in their order.
func (n Networks) Prefixes() []netip.Prefix {
	if n.list == nil {
		return nil
	}
	return slices.Clone(n.list.prefixes)
}

// String gives the networks as ParseNetworks reads them; empty when absent.
func (n Networks) String() string {
	var words []string
	for _, prefix := range n.Prefixes() {
		words = append(words, prefix.String())
	}
	return strings.Join(words, " ")
}
