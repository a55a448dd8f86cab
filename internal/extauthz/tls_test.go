package extauthz

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/credentials"

	"credence/internal/e2e/parts"
)

// TestTLSFilesThatChange replaces the server's certificate and the authorities.
func TestTLSFilesThatChange(t *testing.T) {
	h := newTLSHouse(t)
	next := parts.NewAuthority(t, "clients, next")
	answered := func(what string, from parts.Authority) {
		t.Helper()
		if got, err := h.envoy(from); got != http.StatusUnauthorized || err != nil {
			t.Errorf("%s: the check got %d, %v, want a decision", what, got, err)
		}
	}
	answered("at first", h.clients)
	before := h.dialed(credentials.NewTLS(h.by(h.clients.Issue("envoy", []string{envoyURI}).TLS())))
	if _, err := h.check(before); err != nil {
		t.Fatal(err)
	}

	until := clock().Add(time.Hour)
	fresh := h.servers.Issue("credence, anew", []string{serverName}, func(c *x509.Certificate) { c.NotAfter = until })
	h.secret.Swap(h.files(fresh, parts.Bundle(h.clients.PEM, next.PEM)))
	h.tls.look()
	if got := h.shown().Subject.CommonName; got != "credence, anew" {
		t.Errorf("the server shows %q, want the new certificate", got)
	}
	if state := h.tls.State(); !state.Expires.Equal(until) || state.Err != nil {
		t.Errorf("the state is %+v, want that it expires at %v", state, until)
	}
	answered("of the old authority", h.clients)
	answered("of the new authority", next)

	h.secret.Swap(h.files(fresh, next.PEM))
	h.tls.look()
	answered("of the new authority alone", next)
	if got, err := h.envoy(h.clients); err == nil {
		t.Errorf("of the authority that was taken out: the check got %d, want no answer", got)
	}
	if _, err := h.check(before); err != nil {
		t.Errorf("over the connection from before: %v, want a decision", err)
	}
	log := h.log.String()
	if n := strings.Count(log, "have changed, and are used"); n != 3 { // the pair once, the authorities twice
		t.Errorf("%d lines about files that are used, want 3:\n%s", n, log)
	}
}

// cutOff gives a PEM text without its last bytes.
func cutOff(text []byte) []byte { return text[:len(text)-40] }

// garbled gives a certificate that is none.
func garbled() []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}) }

// TestTLSFilesThatBreak puts files there that cannot be used: the old ones
// serve on, and that is told once.
func TestTLSFilesThatBreak(t *testing.T) {
	own, other := "credence", "another"
	for _, test := range []struct {
		name  string
		spoil func(h *tlsHouse, files map[string][]byte)
		cause string
	}{
		{"key of another certificate", func(h *tlsHouse, f map[string][]byte) { f["tls.key"] = h.own(other).Key }, "private key does not match"},
		{"certificate of another key", func(h *tlsHouse, f map[string][]byte) { f["tls.crt"] = h.own(other).Certificate }, "private key does not match"},
		{"no key", func(_ *tlsHouse, f map[string][]byte) { delete(f, "tls.key") }, "no such file"},
		{"empty certificate", func(_ *tlsHouse, f map[string][]byte) { f["tls.crt"] = nil }, "no certificate in PEM"},
		{"half a certificate", func(_ *tlsHouse, f map[string][]byte) { f["tls.crt"] = cutOff(f["tls.crt"]) }, "broken or cut off"},
		{"half a key", func(_ *tlsHouse, f map[string][]byte) { f["tls.key"] = cutOff(f["tls.key"]) }, "tls.key"},
		{"no certificate at all", func(_ *tlsHouse, f map[string][]byte) { f["tls.crt"] = garbled() }, "tls.crt"},
		{"no authorities", func(_ *tlsHouse, f map[string][]byte) { f["ca.crt"] = []byte("none\n") }, "no certificate in PEM"},
		{"authorities cut off", func(h *tlsHouse, f map[string][]byte) {
			f["ca.crt"] = cutOff(parts.Bundle(f["ca.crt"], h.servers.PEM))
		}, "ca.crt: a certificate in it is broken or cut off"},
		{"authorities with one that is none", func(_ *tlsHouse, f map[string][]byte) { f["ca.crt"] = parts.Bundle(f["ca.crt"], garbled()) }, "ca.crt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newTLSHouse(t)
			good := h.files(h.own(own), h.clients.PEM)
			bad := h.files(h.own(own), h.clients.PEM)
			test.spoil(h, bad)
			const told = "cannot be used: the old ones serve on"
			for range 2 { // broken, mended, and broken again
				h.secret.Swap(bad)
				h.tls.look()
				if state := h.tls.State(); state.Err != nil {
					t.Errorf("at the first look: %v, want nothing yet: files may be half replaced", state.Err)
				}
				for range 3 {
					h.tls.look()
				}
				if state := h.tls.State(); state.Err == nil || !strings.Contains(state.Err.Error(), test.cause) {
					t.Errorf("the state says %v, want %q", state.Err, test.cause)
				}
				if got := h.shown().Subject.CommonName; got != own {
					t.Errorf("the server shows %q, want %q", got, own)
				}
				if got, err := h.envoy(h.clients); err != nil {
					t.Errorf("the check got %d, %v, want a decision", got, err)
				}
				h.secret.Swap(good)
				h.tls.look()
				if state := h.tls.State(); state.Err != nil {
					t.Errorf("once it was mended the state says %v, want nothing", state.Err)
				}
			}
			log := h.log.String()
			if n := strings.Count(log, told); n != 2 {
				t.Errorf("%d lines about files that cannot be used, want 2:\n%s", n, log)
			}
			if n := strings.Count(log, "are again those that are used"); n != 2 {
				t.Errorf("%d lines about files that were mended, want 2:\n%s", n, log)
			}
			if strings.Contains(log, "PRIVATE KEY") {
				t.Errorf("the log holds a key:\n%s", log)
			}
		})
	}
}

// TestTLSFaultsThatFollow has one fault followed by another, and by files that
// can be used.
func TestTLSFaultsThatFollow(t *testing.T) {
	h := newTLSHouse(t)
	good, bad := h.files(h.own("credence"), h.clients.PEM), h.files(h.own("credence"), h.clients.PEM)
	looks := func(files map[string][]byte, n int) {
		h.secret.Swap(files)
		for range n {
			h.tls.look()
		}
	}
	bad["tls.key"] = nil
	looks(bad, 2)
	bad["tls.key"] = h.own("another").Key
	looks(bad, 1)
	looks(good, 1)
	if state := h.tls.State(); state.Err != nil {
		t.Errorf("files as they were: the state says %v, want nothing", state.Err)
	}
	looks(bad, 3)
	looks(h.files(h.own("fresh"), h.clients.PEM), 1)
	if state := h.tls.State(); state.Err != nil {
		t.Errorf("new files: the state says %v, want nothing", state.Err)
	}
	if got := h.shown().Subject.CommonName; got != "fresh" {
		t.Errorf("the server shows %q, want the new certificate", got)
	}
}

// TestTLSAtStart says which file cannot be used, and nothing of what is in it.
func TestTLSAtStart(t *testing.T) {
	h := newTLSHouse(t)
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	other := file("other.key", h.own("another").Key)
	for _, test := range []struct {
		name   string
		change func(o *TLSOptions)
		want   []string
	}{
		{"no certificate", func(o *TLSOptions) { o.CertFile = "/nowhere/tls.crt" }, []string{"/nowhere/tls.crt", "no such file"}},
		{"no key", func(o *TLSOptions) { o.KeyFile = "/nowhere/tls.key" }, []string{"/nowhere/tls.key", "no such file"}},
		{"another key", func(o *TLSOptions) { o.KeyFile = other }, []string{other, h.secret.Path("tls.crt"), "does not match"}},
		{"key in place of the certificate", func(o *TLSOptions) { o.CertFile = o.KeyFile }, []string{h.secret.Path("tls.key"), "no certificate in PEM"}},
		{"certificate in place of the key", func(o *TLSOptions) { o.KeyFile = o.CertFile }, []string{"found a certificate rather than a key"}},
		{"no authorities", func(o *TLSOptions) { o.ClientCAFile = "/nowhere/ca.crt" }, []string{"/nowhere/ca.crt", "no such file"}},
		{"nothing", func(o *TLSOptions) { o.CertFile, o.ClientCAFile = "/nowhere/tls.crt", "/nowhere/ca.crt" }, []string{"/nowhere/tls.crt", "/nowhere/ca.crt"}},
	} {
		options := h.options()
		test.change(&options)
		made, err := NewTLS(options)
		if made != nil || err == nil || !strings.HasPrefix(err.Error(), "extauthz: ") {
			t.Errorf("%s: %v, error %v, want one of ours", test.name, made, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q in it", test.name, err, want)
			}
		}
	}
}

// TestTLSCertificateOutOfTime keeps a certificate that is valid in place of one
// that is not. Where there is no other it serves, and warns.
func TestTLSCertificateOutOfTime(t *testing.T) {
	h := newTLSHouse(t)
	old := h.servers.Issue("old", []string{serverName}, func(c *x509.Certificate) { c.NotAfter = clock().Add(-time.Hour) })
	h.secret.Swap(h.files(old, h.clients.PEM))
	h.tls.look()
	h.tls.look()
	if got, state := h.shown().Subject.CommonName, h.tls.State(); got != "credence" || state.Err == nil {
		t.Errorf("the server shows %q, and says %v; want the certificate from before, and why", got, state.Err)
	}
	if _, err := NewTLS(h.options()); err != nil {
		t.Errorf("at a start: %v, want that it serves", err)
	}
	if log := h.log.String(); strings.Count(log, "the server's certificate is not valid now") != 1 {
		t.Errorf("the log does not warn once:\n%s", log)
	}
}

// TestTLSCertificateOfAClient is none for a server.
func TestTLSCertificateOfAClient(t *testing.T) {
	h := newTLSHouse(t)
	clients := h.servers.Issue("a client", []string{serverName}, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	h.secret.Swap(h.files(clients, h.clients.PEM))
	if _, err := NewTLS(h.options()); err == nil || !strings.Contains(err.Error(), "is not for a server") {
		t.Errorf("got %v, want that it is not for a server", err)
	}
}

// TestTLSRun sees new files by itself.
func TestTLSRun(t *testing.T) {
	h := newTLSHouse(t)
	synctest.Test(t, func(t *testing.T) {
		made, err := NewTLS(h.options())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			made.Run(ctx)
		}()
		until := clock().Add(time.Hour)
		h.secret.Swap(h.files(h.servers.Issue("fresh", []string{serverName}, func(c *x509.Certificate) { c.NotAfter = until }), h.clients.PEM))
		time.Sleep(lookEvery) // of the bubble's time
		synctest.Wait()
		if got := made.State().Expires; !got.Equal(until) {
			t.Errorf("the certificate expires at %v, want %v: the new one", got, until)
		}
		cancel()
		<-ended
	})
}

// TestTLSConnectionsEnd has a client connect anew in time, and no check lost.
func TestTLSConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		h := newTLSHouseAt(t, listener)
		h.dial = listener.dial
		var handshakes atomic.Int32
		config := h.by(h.clients.Issue("envoy", []string{envoyURI}).TLS())
		config.VerifyConnection = func(tls.ConnectionState) error {
			handshakes.Add(1)
			return nil
		}
		connection := h.dialed(credentials.NewTLS(config))
		for begun := time.Now(); time.Since(begun) < 3*oldestConnection; time.Sleep(time.Second) { // of the bubble's time
			if _, err := h.check(connection); err != nil {
				t.Fatalf("after %v the check got %v, want a decision", time.Since(begun), err)
			}
		}
		if n := handshakes.Load(); n < 3 {
			t.Errorf("%d connections in %v, want 3 at least", n, 3*oldestConnection)
		}
	})
}
