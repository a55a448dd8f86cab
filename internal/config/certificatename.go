package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// certificateName reads a name as certificates hold it: a URI, or a DNS name.
var certificateName = text("a URI or DNS name, like spiffe://example.com/envoy", parseCertificateName)

// parseCertificateName reads a name that is compared as it stands. A DNS name
// is the same in any case, and is given in lower case.
func parseCertificateName(text string) (string, error) {
	switch {
	case text == "":
		return "", errUnfit
	case strings.Contains(text, "*"):
		return "", fmt.Errorf("%s: a client is named exactly, without wildcards", quoted(text))
	case strings.Contains(text, ":"):
		return parseURIName(text)
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return "", fmt.Errorf("%s is an address: clients are known by a URI or a DNS name", quoted(text))
	}
	if len(text) > maxHost || !dnsName.MatchString(text) {
		return "", errUnfit
	}
	return strings.ToLower(text), nil
}

// dnsName is a DNS name without a dot at its end (RFC 1123 §2.1, and the
// underscore that names of services have).
var dnsName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`)

func parseURIName(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" || !isLine(text):
		return "", errUnfit
	case u.User != nil:
		return "", errors.New("a URI with user name or password names no client")
	case u.String() != text:
		return "", fmt.Errorf("%s is written as %s in a certificate", quoted(text), quoted(u.String()))
	}
	return text, nil
}
