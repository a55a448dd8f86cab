package jwks

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"

	"credence/internal/jwt"
)

// Options say where the keys of one issuer are, and which of them may be used.
type Options struct {
	// Issuer is the URL that its JWTs hold in iss.
	Issuer string
	// URL is where its JWKS is, in https, or in http on loopback. File is the
	// path of one. Exactly one of them is set.
	URL, File string
	// CAFile holds the authorities to trust for an https URL, in PEM, read once.
	// Empty: the system's.
	CAFile string
	// Algorithms are those that its keys may be used for. Zero: all.
	Algorithms jwt.Algorithms
	// Logger is told when something changes; never nil.
	Logger *slog.Logger

	transport http.RoundTripper // in place of the network
}

// source makes what the options name.
func (o Options) source() (source, error) {
	switch {
	case (o.URL == "") == (o.File == ""):
		return nil, errors.New("want either a URL or a file of a JWKS")
	case o.File != "" && o.CAFile != "":
		return nil, errors.New("authorities are for an https URL")
	case o.File != "":
		return file{o.File}, nil
	}
	u, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	w := &web{url: u, transport: o.transport}
	if o.CAFile == "" {
		return w, nil
	}
	if u.Scheme != "https" {
		return nil, errors.New("authorities are for an https URL")
	}
	w.roots, err = readAuthorities(o.CAFile)
	return w, err
}

// parseURL reads the URL of a JWKS. An error holds nothing of it: there may be a
// secret in its query.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return nil, errors.New("the URL of a JWKS: want https://host/path, without user name, password and fragment")
	case u.Scheme == "http" && isLoopbackHost(u.Hostname()), u.Scheme == "https":
		return u, nil
	}
	return nil, errors.New("the URL of a JWKS: want https: plain http is for loopback only")
}

func isLoopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

func readAuthorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authorities: %s: no certificate in PEM", path)
	}
	return pool, nil
}

// shownURL gives a URL for people: without user, query and fragment, where
// secrets may be.
func shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "a URL that cannot be read"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
