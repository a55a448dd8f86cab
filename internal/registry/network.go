package registry

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"credence/internal/credential"
)

// Networks is an allowlist. The zero Networks is absent: it allows any peer.
// A list that is present is never empty.
type Networks struct{ prefixes []netip.Prefix }

// ParseNetworks reads networks separated by single spaces.
func ParseNetworks(text string) (Networks, error) {
	var n Networks
	for word := range strings.SplitSeq(text, " ") {
		prefix, err := ParseNetwork(word)
		if err != nil {
			return Networks{}, err
		}
		n.prefixes = append(n.prefixes, prefix)
	}
	return n, nil
}

// NetworksOf makes an allowlist of prefixes as ParseNetwork gives them.
func NetworksOf(prefixes ...netip.Prefix) Networks { return Networks{slices.Clone(prefixes)} }

// ParseNetwork reads one network in CIDR form. A bare address is a network of
// one (/32 or /128), a network of IPv4-mapped addresses is the IPv4 network
// they map, and host bits must be zero.
func ParseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%s is no network: want an address or CIDR", credential.Shown(text))
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%s is no network: want an address or CIDR", credential.Shown(text))
	}
	if masked := prefix.Masked(); masked != prefix {
		return netip.Prefix{}, fmt.Errorf("%s has host bits set: did you mean %s?", credential.Shown(text), masked)
	}
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96), nil
	}
	return prefix, nil
}

// Present tells whether there is a list at all.
func (n Networks) Present() bool { return len(n.prefixes) > 0 }

// Contains tells whether an address, unmapped and without zone, is in one of
// the networks. IPv4 networks hold no IPv6 address, nor the other way round.
func (n Networks) Contains(addr netip.Addr) bool {
	for _, prefix := range n.prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Prefixes gives the networks in their order.
func (n Networks) Prefixes() []netip.Prefix { return slices.Clone(n.prefixes) }

// String gives the networks as ParseNetworks reads them; empty when absent.
func (n Networks) String() string {
	words := make([]string, len(n.prefixes))
	for i, prefix := range n.prefixes {
		words[i] = prefix.String()
	}
	return strings.Join(words, " ")
}

// An AllowMode says what a client's or profile's allowlist does.
type AllowMode uint8

// The modes. The zero mode enforces.
const (
	Enforce AllowMode = iota // refuse who is not in the list
	Observe                  // let pass, and say what enforcing would have said
)

// String gives the word that records use.
func (m AllowMode) String() string {
	if m == Observe {
		return "observe"
	}
	return "enforce"
}

// ParseAllowMode reads the word that records use.
func ParseAllowMode(text string) (AllowMode, error) {
	switch text {
	case "enforce":
		return Enforce, nil
	case "observe":
		return Observe, nil
	}
	return Enforce, fmt.Errorf("%s: want enforce or observe", credential.Shown(text))
}
