package jwks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// A fault is why a fetch failed, in words of ours: errors of net/http quote what
// a server sent, and those of net hold ports and times by which one cause would
// look like another at each attempt.
type fault string

func (f fault) Error() string { return string(f) }

// noKeys is a JWKS without a key that can be used, and with so many that cannot.
type noKeys int

func (n noKeys) Error() string {
	return fmt.Sprintf("the JWKS has no key that can be used, and %d that cannot", int(n))
}

// faultOf gives the fault of an error of a fetch.
func faultOf(ctx context.Context, err error) error {
	var ours fault
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault("no whole answer within " + fetchTimeout.String())
	case ctx.Err() != nil:
		return errEnded
	}
	for _, of := range []func(error) string{nameFault, certificateFault, tlsFault, connectionFault} {
		if text := of(err); text != "" {
			return fault(shortened(text))
		}
	}
	return fault("the answer is not HTTP as it should be")
}

func nameFault(err error) string {
	var lookup *net.DNSError
	switch {
	case !errors.As(err, &lookup):
		return ""
	case lookup.IsNotFound:
		return "the name of the host does not exist"
	}
	return "the name of the host cannot be looked up"
}

func certificateFault(err error) string {
	var verification *tls.CertificateVerificationError
	if !errors.As(err, &verification) {
		return ""
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil { // its text has the time in it
		return fmt.Sprintf("the certificate is not valid now, but from %s to %s",
			invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return verification.Err.Error()
}

func tlsFault(err error) string {
	var record tls.RecordHeaderError
	var operation *net.OpError
	switch {
	case errors.As(err, &record):
		return "the answer is not TLS"
	case errors.As(err, &operation) && operation.Op == "remote error":
		return "the server ended the handshake: " + operation.Err.Error()
	case strings.HasPrefix(err.Error(), "tls: "):
		return err.Error()
	}
	return ""
}

func connectionFault(err error) string {
	var operation *net.OpError
	var number syscall.Errno
	what := "the connection broke"
	if errors.As(err, &operation) {
		switch operation.Op {
		case "dial":
			what = "cannot connect"
		case "proxyconnect", "socks connect":
			what = "cannot connect to the proxy"
		}
	}
	switch {
	case errors.As(err, &number):
		return what + ": " + number.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was whole"
	case operation != nil:
		return what
	}
	return ""
}

// shortened cuts what a certificate could make long.
func shortened(text string) string {
	const longest = 300
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

// A panicked is a panic in the course of a fetch.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }
