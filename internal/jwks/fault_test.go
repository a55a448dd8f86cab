package jwks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestFaults puts errors of the network into words in which one cause is always
// the same.
func TestFaults(t *testing.T) {
	broken := func(port int) error {
		return &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: port}, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	lookup := &net.DNSError{Err: "read udp 127.0.0.1:40001->127.0.0.53:53: i/o timeout", Name: "i.example", IsTimeout: true}
	for _, test := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "i.example", IsNotFound: true}}, "the name of the host does not exist"},
		{&net.OpError{Op: "dial", Err: lookup}, "the name of the host cannot be looked up"},
		{broken(40001), "the connection broke: connection reset by peer"},
		{broken(40002), "the connection broke: connection reset by peer"},
		{&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
			"cannot connect to the proxy: connection refused"},
		{&net.OpError{Op: "socks connect", Err: errors.New("s3cret")}, "cannot connect to the proxy"},
		{&net.OpError{Op: "dial", Err: fault("ours")}, "ours"},
		{errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "s3cret"`), "the answer is not HTTP as it should be"},
		{fmt.Errorf("reading: %w", tls.RecordHeaderError{Msg: "s3cret"}), "the answer is not TLS"},
		{errors.New("tls: server selected unsupported protocol version 301"), "tls: server selected unsupported protocol version 301"},
		{&tls.CertificateVerificationError{Err: errors.New(strings.Repeat("é", 1000))}, strings.Repeat("é", 150) + "…"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "x509: certificate signed by unknown authority"},
	} {
		if got := faultOf(t.Context(), test.err).Error(); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if got := faultOf(ended, broken(1)); !errors.Is(got, errEnded) {
		t.Errorf("once Run is to end: %v, want %v", got, errEnded)
	}
}
