package authz

import (
	"net/netip"
	"strings"

	"credence/internal/credential"
	"credence/internal/registry"
)

// forwardedFor is the one peer header that is a list.
const forwardedFor = "x-forwarded-for"

// A PeerPolicy says which address a request is judged by.
type PeerPolicy struct {
	Trusted registry.Networks // proxies whose word is taken; absent: none
	Header  string            // lower case; what they say it in
}

// Peer gives the address that a request is judged by: unmapped, without zone,
// zero where it is unknown. A header is read only where the connection came
// from a trusted proxy.
func (p PeerPolicy) Peer(source string, headers credential.Headers) netip.Addr {
	addr, err := netip.ParseAddr(source)
	if err != nil {
		return netip.Addr{}
	}
	addr = plain(addr)
	switch {
	case !p.trusts(addr):
		return addr
	case p.Header == forwardedFor:
		return p.fromList(headers)
	}
	value, single := headers.Single(p.Header)
	if !single {
		return netip.Addr{}
	}
	return parseHop(value)
}

// trusts tells whether an address is a trusted proxy's. Absent, an allowlist
// admits all; here it must admit none.
func (p PeerPolicy) trusts(addr netip.Addr) bool {
	return p.Trusted.Present() && p.Trusted.Contains(addr)
}

// fromList reads x-forwarded-for from the right, the end that trusted proxies
// wrote, up to the first entry that is none of them. What stands further left
// is anybody's word and is not read.
func (p PeerPolicy) fromList(headers credential.Headers) netip.Addr {
	var hop netip.Addr
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Name != forwardedFor {
			continue
		}
		rest, more := headers[i].Value, true
		for more {
			var entry string
			rest, entry, more = cutLast(rest)
			hop = parseHop(entry)
			if !hop.IsValid() || !p.trusts(hop) {
				return hop
			}
		}
	}
	return hop
}

// cutLast parts a list at its last comma.
func cutLast(list string) (before, last string, found bool) {
	at := strings.LastIndexByte(list, ',')
	if at < 0 {
		return "", list, false
	}
	return list[:at], list[at+1:], true
}

// parseHop reads ip, ip:port, [v6] and [v6]:port; zero for anything else.
func parseHop(entry string) netip.Addr {
	entry = strings.Trim(entry, " \t")
	if strings.HasPrefix(entry, "[") && strings.HasSuffix(entry, "]") {
		entry += ":0"
	}
	if addr, err := netip.ParseAddr(entry); err == nil {
		return plain(addr)
	}
	hop, err := netip.ParseAddrPort(entry)
	if err != nil {
		return netip.Addr{}
	}
	return plain(hop.Addr())
}

func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
