package extauthz

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

// A Refusal is why a client could not connect.
type Refusal string

// The reasons of Refusals.
const (
	NoCertificate Refusal = "no_certificate" // it has none
	Untrusted     Refusal = "untrusted"      // no authority that counts has signed it for a client
	Expired       Refusal = "expired"        // or it is not valid yet
	NotAllowed    Refusal = "not_allowed"    // it is good, and none of its names is allowed
	NoHandshake   Refusal = "handshake"      // no TLS 1.3 with HTTP/2, or it does not take our certificate
)

// A refusal is the error of a client that must not connect.
type refusal struct {
	reason Refusal
	names  []string // of its certificate
	err    error
}

// Error implements error.
func (r *refusal) Error() string { return r.err.Error() }

// Unwrap gives the cause.
func (r *refusal) Unwrap() error { return r.err }

var (
	errNotAllowed = errors.New("the certificate is good, and none of its names is in allowed_clients")
	errNoName     = errors.New("the certificate is good, and holds no URI or DNS name")
	errLongChain  = errors.New("too many certificates stand between it and an authority")
	errNoTurn     = errors.New("too many others are being looked at")
)

// longestChain is how many certificates a client may show, its own among them. To
// verify each costs time, and it has not even proven yet that one is its own.
const longestChain = 4

// admitInTurn is admit, for one client at a time: who waits for longer than a
// handshake may take is refused.
func (t *TLS) admitInTurn(now *generation, shown []*x509.Certificate) (isClient bool, err error) {
	late := time.NewTimer(longestHandshake)
	defer late.Stop()
	select {
	case t.turns <- struct{}{}:
		defer func() { <-t.turns }()
		return t.admit(now, shown)
	case <-late.C:
		return false, &refusal{NoHandshake, nil, errNoTurn}
	}
}

// admit judges a client by the certificates that it shows, its own first; that
// it has the key is for the handshake to prove. Who shows the server's own
// certificate has the server's key, and may come in as a probe of its health.
func (t *TLS) admit(now *generation, shown []*x509.Certificate) (isClient bool, err error) {
	leaf := shown[0]
	if len(shown) > longestChain {
		return false, &refusal{Untrusted, namesOf(leaf), errLongChain}
	}
	between := x509.NewCertPool()
	for _, certificate := range shown[1:] {
		between.AddCert(certificate)
	}
	names := namesOf(leaf)
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: now.clients.pool, Intermediates: between, CurrentTime: t.options.Clock(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err == nil && t.allows(names) {
		return true, nil
	}
	if leaf.Equal(now.own.leaf) {
		return false, nil
	}
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return false, &refusal{Expired, names, err}
	case err != nil:
		return false, &refusal{Untrusted, names, err}
	case len(names) == 0:
		return false, &refusal{NotAllowed, nil, errNoName}
	}
	return false, &refusal{NotAllowed, names, errNotAllowed}
}

func (t *TLS) allows(names []string) bool {
	for _, name := range names {
		if t.allowed[name] {
			return true
		}
	}
	return false
}

// namesOf gives the URIs and DNS names of a certificate, these in lower case. A
// DNS name holds no colon, so that none is taken for a URI.
func namesOf(certificate *x509.Certificate) []string {
	var names []string
	for _, uri := range certificate.URIs {
		if uri.Scheme != "" { // a relative one could be taken for a DNS name
			names = append(names, uri.String())
		}
	}
	for _, name := range certificate.DNSNames {
		if !strings.Contains(name, ":") {
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

// refused tells of a handshake that failed.
func (t *TLS) refused(from net.Addr, err error) {
	if hasGone(err) {
		return // a scan, or a load balancer that looks whether somebody listens
	}
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{NoHandshake, nil, err}
		if strings.HasSuffix(err.Error(), "client didn't provide a certificate") { // crypto/tls has no name for it
			why.reason = NoCertificate
		}
	}
	if t.options.Refused != nil {
		name := ""
		if why.reason == NotAllowed && len(why.names) > 0 {
			name = why.names[0]
		}
		t.options.Refused(why.reason, name)
	}
	t.refusals.tell(from, why)
}

// hasGone tells whether a handshake failed because the other side said nothing
// more. An alert is something said.
func hasGone(err error) bool {
	var network *net.OpError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &plain):
		return false
	case errors.As(err, &network):
		return network.Op != "remote error"
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// A refusalLog tells of refusals, once a second for each reason: a client that
// is refused tries again, and so may a stranger.
type refusalLog struct {
	logger *slog.Logger
	clock  func() time.Time

	mu         sync.Mutex
	told       map[Refusal]time.Time
	suppressed map[Refusal]int
}

const (
	refusalsApart = time.Second
	mostNames     = 8   // of one certificate that are told
	longestName   = 256 // and of the cause, in bytes
)

func (l *refusalLog) tell(from net.Addr, why *refusal) {
	suppressed, may := l.mayTell(why.reason)
	if !may {
		return
	}
	attributes := []any{slog.String("from", from.String()), slog.String("reason", string(why.reason)), slog.String("cause", cut(why.err.Error()))}
	if len(why.names) > 0 {
		attributes = append(attributes, slog.String("names", shownNames(why.names)))
	}
	if suppressed > 0 {
		attributes = append(attributes, slog.Int("suppressed", suppressed))
	}
	l.logger.Warn("a client was refused before it could ask", attributes...)
}

func (l *refusalLog) mayTell(reason Refusal) (suppressed int, may bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	if last, before := l.told[reason]; before && now.Sub(last) < refusalsApart {
		l.suppressed[reason]++
		return 0, false
	}
	if l.told == nil {
		l.told, l.suppressed = make(map[Refusal]time.Time), make(map[Refusal]int)
	}
	suppressed = l.suppressed[reason]
	l.told[reason], l.suppressed[reason] = now, 0
	return suppressed, true
}

// shownNames gives names for a line of the log: whoever made the certificate
// chose them.
func shownNames(names []string) string {
	shown := make([]string, 0, mostNames+1)
	for _, name := range names[:min(len(names), mostNames)] {
		shown = append(shown, cut(name))
	}
	if more := len(names) - mostNames; more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, " ")
}

// cut shortens what strangers wrote.
func cut(text string) string {
	if len(text) > longestName {
		return strings.ToValidUTF8(text[:longestName], "") + "…"
	}
	return text
}
