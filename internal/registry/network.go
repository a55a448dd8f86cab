package registry

import (
	"fmt"
	"net/netip"
	"strings"

	"credence/internal/credential"
)

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
