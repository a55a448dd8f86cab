package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"credence/internal/credential"
)

// place reads a place where a credential may be: a header, perhaps with a
// scheme, or a query parameter.
var place = record("{header: NAME}, {header: NAME, scheme: WORD} or {query: NAME}", func(p *credential.Place) []row {
	return []row{
		key("header", &p.Header, text("the name of a header", parseHeaderName), ""),
		key("scheme", &p.Scheme, text("a scheme like Bearer", matching[string](isToken)), ""),
		key("query", &p.Query, text("the name of a query parameter, decoded: visible ASCII without & = # % + ;", matching[string](isParameter)), ""),
	}
}, checkPlace)

func checkPlace(p credential.Place) error {
	switch {
	case p.Header == "" && p.Query == "":
		return errors.New("names neither a header nor a query parameter")
	case p.Header != "" && p.Query != "":
		return errors.New("names a header and a query parameter: want one of them, and the other as an item of its own")
	case p.Query != "" && p.Scheme != "":
		return errors.New("a query parameter has no scheme")
	case isMessageHeader(p.Header):
		return fmt.Errorf("%s is not a place for credentials", p.Header)
	case p.Header == "authorization" && p.Scheme == "":
		return errors.New("authorization needs a scheme, like Bearer (RFC 9110 §11.6.2)")
	}
	return nil
}

// isMessageHeader knows the headers that belong to the message and to the
// proxies on its way: Envoy makes and reads them itself.
func isMessageHeader(name string) bool {
	switch name {
	case "connection", "transfer-encoding", "te", "upgrade", "content-length", "content-type", "x-forwarded-for", "x-forwarded-proto":
		return true
	}
	return false
}

// maxName is the longest name of a header, scheme or parameter.
const maxName = 128

// parseHeaderName reads the name of a header in any case, and gives it in
// lower case.
func parseHeaderName(text string) (string, error) {
	name := strings.ToLower(text)
	switch {
	case strings.HasPrefix(text, ":"), name == "host":
		return "", fmt.Errorf("%s cannot be used: Envoy lets nobody remove it", quoted(text))
	case !isToken(text):
		return "", errUnfit
	}
	return name, nil
}

// isToken holds a text to RFC 9110 §5.6.2.
func isToken(text string) bool {
	const letters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return text != "" && len(text) <= maxName && strings.Trim(text, letters) == ""
}

func isParameter(text string) bool {
	return text != "" && len(text) <= maxName && isVisible(text) && !strings.ContainsAny(text, "&=#%+;")
}

// identityNames are what follows identity.prefix in the names of the six
// identity headers.
var identityNames = []string{"id", "name", "profile", "credential-id", "credential-kind", "scopes"}

// identityHeader gives the identity header that a name spells, or nothing.
// Upstreams may read any sign for a hyphen, as CGI does.
func (c *Config) identityHeader(name string) string {
	name = folded(name)
	for _, suffix := range identityNames {
		if header := c.Identity.Prefix + suffix; name == header {
			return header
		}
	}
	for _, label := range c.Identity.Labels {
		if header := c.Identity.Prefix + "label-" + label; name == header {
			return header
		}
	}
	return ""
}

// folded gives a name in lower case, with a hyphen for all that is neither
// letter nor digit.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// issuer reads a trusted issuer of JWTs.
var issuer = record("{issuer, jwks_url or jwks_file, ca_file, algorithms, subject_claim}", func(i *Issuer) []row {
	return []row{
		key("issuer", &i.Issuer, text("the URL that its JWTs hold in iss", matching[string](isIssuer)), ""),
		key("jwks_url", &i.JWKSURL, text("an https URL", matching[string](isKeyURL)), ""),
		key("jwks_file", &i.JWKSFile, file, ""),
		key("ca_file", &i.CAFile, file, ""),
		key("algorithms", &i.Algorithms, list(algorithm), ""),
		key("subject_claim", &i.SubjectClaim, word("the name of a claim"), ""),
	}
}, checkIssuer)

// algorithm reads one that can verify a signature without a shared secret (RFC
// 7518 §3.1, RFC 8037 §3.1).
var algorithm = oneOf("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

func checkIssuer(i Issuer) error {
	switch {
	case i.Issuer == "":
		return errors.New("names no issuer")
	case (i.JWKSURL == "") == (i.JWKSFile == ""):
		return errors.New("want either jwks_url or jwks_file")
	case i.CAFile != "" && !isHTTPS(i.JWKSURL):
		return errors.New("ca_file is for a jwks_url that is https")
	}
	return nil
}

func isIssuer(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isVisible(text) && len(text) <= maxLine && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

func isHTTPS(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https"
}

// isKeyURL demands https, except from loopback.
func isKeyURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || !isIssuer(text) || u.User != nil || u.Fragment != "" {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
