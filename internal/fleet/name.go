package fleet

import (
	"crypto/rand"
	"strings"
)

const (
	longestHost  = 40 // characters of a host in a name
	randomInName = 10 // characters that make it unique
)

// NewName makes a name that no other server has, nor this one had before: that
// of the host, as far as it is of use in a key, and a random part.
func NewName(host string) string {
	return safeHost(host) + "-" + strings.ToLower(rand.Text()[:randomInName])
}

// safeHost gives a host in characters that need no quotes anywhere.
func safeHost(host string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, host)
	safe = strings.Trim(safe[:min(len(safe), longestHost)], "-.")
	if safe == "" {
		return "server"
	}
	return safe
}
