package authz

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"credence/internal/credential"
	"credence/internal/registry"
)

func TestParseHop(t *testing.T) {
	for entry, want := range map[string]string{
		"203.0.113.7":             "203.0.113.7",
		" 203.0.113.7\t":          "203.0.113.7",
		"203.0.113.7:443":         "203.0.113.7",
		"203.0.113.7:0":           "203.0.113.7",
		"2001:db8::7":             "2001:db8::7",
		"[2001:db8::7]":           "2001:db8::7",
		"[2001:db8::7]:443":       "2001:db8::7",
		"::ffff:203.0.113.7":      "203.0.113.7",
		"[::ffff:203.0.113.7]:80": "203.0.113.7",
		"fe80::7%eth0":            "fe80::7",
		"[fe80::7%eth0]:443":      "fe80::7",
		"2001:db8::7:443":         "2001:db8::7:443", // no port: without brackets it is all address

		"":                     "",
		" ":                    "",
		"unknown":              "",
		"_hidden":              "",
		"203.0.113":            "",
		"203.0.113.07":         "", // octal to some, decimal to others
		"203.0.113.7:":         "",
		"203.0.113.7:65536":    "",
		"203.0.113.7:-1":       "",
		"203.0.113.7:http":     "",
		"[203.0.113.7]":        "",
		"[203.0.113.7]:443":    "",
		"[2001:db8::7":         "",
		"2001:db8::7]":         "",
		"[2001:db8::7]443":     "",
		"[]":                   "",
		"[]:443":               "",
		"203.0.113.7 10.0.0.1": "",
		"203.0.113.7/32":       "",
		`"203.0.113.7"`:        "",
		"for=203.0.113.7":      "",
		"\n203.0.113.7":        "",
	} {
		if got := parseHop(entry); got != addr(t, want) {
			t.Errorf("entry %q: got %s, want %q", entry, got, want)
		}
	}
}

// TestPeerSource holds the source to plain addresses, where no proxy is
// trusted; the cases have the rest.
func TestPeerSource(t *testing.T) {
	for source, want := range map[string]string{
		"203.0.113.7":          "203.0.113.7",
		"::ffff:203.0.113.7":   "203.0.113.7",
		"::ffff:cb00:7107":     "203.0.113.7",
		"fe80::7%eth0":         "fe80::7",
		"2001:DB8::7":          "2001:db8::7",
		"":                     "",
		"203.0.113.7:443":      "", // Envoy gives the port apart
		"[2001:db8::7]":        "",
		"\t203.0.113.7":        "",
		"/run/envoy.sock":      "",
		"::ffff:203.0.113.7%1": "203.0.113.7",
	} {
		policy := PeerPolicy{Header: forwardedFor}
		if got := policy.Peer(source, lines(forwardedFor, "192.0.2.1")); got != addr(t, want) {
			t.Errorf("source %q: got %s, want %q", source, got, want)
		}
	}
}

// slowPeer is what x-forwarded-for says, as one would tell it: join the lines,
// part them at commas, look from the right.
func slowPeer(trusted registry.Networks, headers credential.Headers) netip.Addr {
	var values []string
	for _, h := range headers {
		if h.Name == forwardedFor {
			values = append(values, h.Value)
		}
	}
	if values == nil {
		return netip.Addr{}
	}
	entries := strings.Split(strings.Join(values, ","), ",")
	for i := len(entries) - 1; i >= 0; i-- {
		hop, understood := slowHop(strings.Trim(entries[i], " \t"))
		switch {
		case !understood:
			return netip.Addr{}
		case i == 0 || !trusted.Contains(hop):
			return hop
		}
	}
	return netip.Addr{}
}

var (
	hopInBrackets = regexp.MustCompile(`^\[(.*)\](?::([0-9]+))?$`)
	hopWithPort   = regexp.MustCompile(`^([0-9.]+):([0-9]+)$`)
)

func slowHop(entry string) (netip.Addr, bool) {
	text, port := entry, ""
	inBrackets := hopInBrackets.FindStringSubmatch(entry)
	if inBrackets != nil {
		text, port = inBrackets[1], inBrackets[2]
	} else if parts := hopWithPort.FindStringSubmatch(entry); parts != nil {
		text, port = parts[1], parts[2]
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 64); err != nil || n > 65535 {
			return netip.Addr{}, false
		}
	}
	hop, err := netip.ParseAddr(text)
	if err != nil || inBrackets != nil && hop.Is4() {
		return netip.Addr{}, false
	}
	return hop.WithZone("").Unmap(), true
}

// FuzzForwardedFor holds the peer to slowPeer, and to an address that can be
// compared: neither mapped nor with a zone. What stands left of the peer makes
// no difference.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{
		"", "198.51.100.9", "198.51.100.9, 10.0.0.2", "192.0.2.1, 198.51.100.9,10.0.0.3\n10.0.0.2", "10.0.0.9, 10.0.0.3",
		"unknown, 198.51.100.9", "198.51.100.9, unknown", "198.51.100.9,, 10.0.0.2", ",", "\n", "[2001:db8::9]:1", "[2001:db8::9]",
		"198.51.100.9:80", "[198.51.100.9]:80", "::ffff:10.0.0.2", "fe80::1%eth0", "[fe80::1%]:x]", "198.51.100.9:080", "10.0.0.1:99999",
	} {
		f.Add(seed)
	}
	policy := PeerPolicy{Header: forwardedFor, Trusted: networks(f, "10.0.0.0/8 2001:db8:1::/48")}
	f.Fuzz(func(t *testing.T, text string) {
		headers := append(lines(forwardedFor, strings.Split(text, "\n")...), credential.Header{Name: "x-real-ip", Value: "192.0.2.99"})
		got := policy.Peer("10.0.0.1", headers)
		if want := slowPeer(policy.Trusted, headers); got != want {
			t.Fatalf("%q: got %s, want %s", text, got, want)
		}
		if got.Is4In6() || got.Zone() != "" {
			t.Errorf("%q: got %s, which no allowlist holds", text, got)
		}
		if got.IsValid() && !policy.Trusted.Contains(got) {
			spoofed := append(lines(forwardedFor, "192.0.2.66, spoofed, 10.0.0.66"), headers...)
			if again := policy.Peer("10.0.0.1", spoofed); again != got {
				t.Errorf("%q: the client turns %s into %s", text, got, again)
			}
		}
		if direct := policy.Peer("203.0.113.7", headers); direct != addr(t, "203.0.113.7") {
			t.Errorf("%q: a stranger turns into %s", text, direct)
		}
	})
}
