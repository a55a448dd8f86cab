package registry

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
)

// Networks is an allowlist. The zero Networks is absent: it allows any peer.
// A list that is present is never empty. Nothing changes one once it is made,
// so that any number of checks may ask it at once.
type Networks struct{ list *networkList } // most records have none

// A networkList is an allowlist that is present. A server has one for many a
// record, so it is kept as what a check asks, and as text for whoever writes
// the record back.
type networkList struct {
	text string     // the networks in the order of the record
	v4   []network4 // a short list: its networks, to be walked
	v6   []network6
	long *bart.Lite // a long one: the same as a trie; else nil
}

// A network4 is an IPv4 network, a network6 one of IPv6: the bits that an address
// must have, and which those are.
type (
	network4 struct{ bits, mask uint32 }
	network6 struct{ bits, mask [2]uint64 }
)

// longList is from how many networks on a list is a trie, which answers in the
// same time however many it holds. To walk sixteen takes no longer, and a trie
// takes 60 to 90 bytes a network.
const longList = 17

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
	list := &networkList{text: textOf(prefixes)}
	if len(prefixes) >= longList {
		list.long = new(bart.Lite)
		for _, prefix := range prefixes {
			list.long.Insert(prefix)
		}
		return Networks{list}
	}
	for _, prefix := range prefixes {
		ones := prefix.Bits()
		if addr := prefix.Addr(); addr.Is4() {
			list.v4 = append(list.v4, network4{word4(addr), ^uint32(0) << (32 - ones)})
		} else {
			list.v6 = append(list.v6, network6{words6(addr), [2]uint64{^uint64(0) << max(0, 64-ones), ^uint64(0) << min(64, 128-ones)}})
		}
	}
	return Networks{list}
}

func textOf(prefixes []netip.Prefix) string {
	var text []byte
	for i, prefix := range prefixes {
		if i > 0 {
			text = append(text, ' ')
		}
		text = prefix.AppendTo(text)
	}
	return string(text)
}

func word4(addr netip.Addr) uint32 {
	bytes := addr.As4()
	return binary.BigEndian.Uint32(bytes[:])
}

func words6(addr netip.Addr) [2]uint64 {
	bytes := addr.As16()
	return [2]uint64{binary.BigEndian.Uint64(bytes[:8]), binary.BigEndian.Uint64(bytes[8:])}
}

// Present tells whether there is a list at all.
func (n Networks) Present() bool { return n.list != nil }

// Contains tells whether an address, unmapped and without zone, is in one of
// the networks. IPv4 networks hold no IPv6 address, nor the other way round,
// and no network holds an address with a zone.
func (n Networks) Contains(addr netip.Addr) bool {
	switch {
	case n.list == nil || !addr.IsValid() || addr.Zone() != "":
		return false
	case n.list.long != nil:
		return n.list.long.Contains(addr)
	case addr.Is4():
		return n.list.holds4(word4(addr))
	}
	return n.list.holds6(words6(addr))
}

func (l *networkList) holds4(bits uint32) bool {
	for i := range l.v4 {
		if bits&l.v4[i].mask == l.v4[i].bits {
			return true
		}
	}
	return false
}

func (l *networkList) holds6(bits [2]uint64) bool {
	for i := range l.v6 {
		if n := &l.v6[i]; bits[0]&n.mask[0] == n.bits[0] && bits[1]&n.mask[1] == n.bits[1] {
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
	var prefixes []netip.Prefix
	for word := range strings.SplitSeq(n.list.text, " ") {
		prefixes = append(prefixes, netip.MustParsePrefix(word)) // our own text
	}
	return prefixes
}

// String gives the networks as ParseNetworks reads them; empty when absent.
func (n Networks) String() string {
	if n.list == nil {
		return ""
	}
	return n.list.text
}
