package jwks

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var discard = stdlog.New(io.Discard, "", 0)

// replies makes a handler that answers with a text.
func replies(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// TestAnswers fetches from real servers on loopback. An error holds nothing of
// what they sent, and nothing of the query.
func TestAnswers(t *testing.T) {
	good := jwks(jwkED("a"), jwkEC("b"))
	huge := good + strings.Repeat(" ", 1<<20-len(good)) // exactly as long as it can be
	many := make([]string, 101)
	for n := range many {
		many[n] = `{"kty":"s3cret"}`
	}
	redirect := func(status int, to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/other" {
				t.Error("the redirect was followed")
			}
			w.Header().Set("Location", to)
			w.WriteHeader(status)
		}
	}
	status := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, good)
		}
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		keys    int
		want    string
	}{
		{"good", replies(good), 2, ""},
		{"1 MiB", replies(huge), 2, ""},
		{"1 MiB and a byte", replies(huge + " "), 0, "the JWKS is longer than 1 MiB"},
		{"2 MiB, and it says so", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "2097152")
			w.(http.Flusher).Flush()
			<-r.Context().Done() // nobody waits for them
		}, 0, "the JWKS is longer than 1 MiB"},
		{"2 MiB, of length unknown", func(w http.ResponseWriter, _ *http.Request) {
			for range 32 {
				_, _ = io.WriteString(w, strings.Repeat(" ", 1<<16))
				w.(http.Flusher).Flush()
			}
		}, 0, "the JWKS is longer than 1 MiB"},
		{"101 keys", replies(jwks(many...)), 0, "JWKS: has 101 keys: want at most 100"},
		{"HTML", replies("<!DOCTYPE html><html>s3cret</html>"), 0, "JWKS: is no JSON object"},
		{"other JSON", replies(`{"s3cret":"s3cret"}`), 0, "JWKS: keys: is missing or no list"},
		{"no keys", replies(`{"keys":[]}`), 0, "the JWKS has no key that can be used, and 0 that cannot"},
		{"no key that can be used", replies(jwks(`{"kty":"oct","kid":"s3cret","k":"s3cret"}`)), 0, "the JWKS has no key that can be used, and 1 that cannot"},
		{"redirect", redirect(302, "/other?token=s3cret"), 0, `redirects to "http://HOST/other", which is not followed`},
		{"redirect elsewhere", redirect(308, "https://u:s3cret@i.example/other?s3cret#s3cret"), 0, `redirects to "https://i.example/other", which is not followed`},
		{"redirect to nowhere", redirect(301, "http://%zz/s3cret"), 0, `redirects to "a URL that cannot be read", which is not followed`},
		{"redirect without a place", redirect(302, ""), 0, "answers with status 302: want 200"},
		{"not modified", status(304), 0, "answers with status 304: want 200"},
		{"no content", status(204), 0, "answers with status 204: want 200"},
		{"partial", status(206), 0, "answers with status 206: want 200"},
		{"not found", status(404), 0, "answers with status 404: want 200"},
		{"down", status(503), 0, "answers with status 503: want 200"},
		{"long header", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("s3cret", 20_000))
			_, _ = io.WriteString(w, good)
		}, 0, "the answer is not HTTP as it should be"},
		{"breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			_, _ = io.WriteString(w, good)
		}, 0, "the connection was closed before the answer was whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := servePlain(t, test.handler)
			s.Config.ErrorLog = discard
			keys, err := fetchOnce(t, Options{URL: s.URL + "/keys?token=s3cret"})
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), s.Listener.Addr().String(), "HOST")
			}
			if got != test.want || keys != test.keys {
				t.Errorf("%d keys, error %q; want %d, %q", keys, got, test.keys, test.want)
			}
		})
	}
}

// TestReadAll reads no more of a JWKS than shows that it is too long.
func TestReadAll(t *testing.T) {
	endless := &io.LimitedReader{R: zeros{}, N: 1 << 30}
	if _, err := readAll(endless); !errors.Is(err, errTooLong) || 1<<30-endless.N != maxText+1 {
		t.Errorf("error %v after %d bytes, want %v after %d", err, 1<<30-endless.N, errTooLong, maxText+1)
	}
}

// zeros are without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestNoHTTP fetches from what is no HTTP server: an error does not quote it.
func TestNoHTTP(t *testing.T) {
	for _, test := range []struct {
		name   string
		scheme string
		serve  func(net.Conn)
		want   string
	}{
		{"another protocol", "http", afterRequest("220 s3cret ESMTP\r\n"), "the answer is not HTTP as it should be"},
		{"another status", "http", afterRequest("HTTP/1.1 s3cret OK\r\n\r\n"), "the answer is not HTTP as it should be"},
		{"another header", "http", afterRequest("HTTP/1.1 200 OK\r\ns3cret\r\n\r\n"), "the answer is not HTTP as it should be"},
		{"another length", "http", afterRequest("HTTP/1.1 200 OK\r\nContent-Length: s3cret\r\n\r\n"), "the answer is not HTTP as it should be"},
		{"other chunks", "http", afterRequest("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cret\r\n"), "the answer is not HTTP as it should be"},
		{"nothing", "http", afterRequest(""), "the connection was closed before the answer was whole"},
		{"half", "http", afterRequest("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), "the connection was closed before the answer was whole"},
		{"no TLS", "https", afterRequest("HTTP/1.1 400 s3cret\r\n\r\n"), "the answer is not TLS"},
		{"nothing for TLS", "https", afterRequest(""), "the connection was closed before the answer was whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := serveRaw(t, test.serve)
			keys, err := fetchOnce(t, Options{URL: test.scheme + "://" + address + "/"})
			if keys != 0 || err == nil || err.Error() != test.want {
				t.Errorf("%d keys, error %v; want none, %q", keys, err, test.want)
			}
		})
	}
}

// TestNobodyThere finds nobody listen.
func TestNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := fetchOnce(t, Options{URL: "https://" + address + "/"}); err == nil || err.Error() != "cannot connect: connection refused" {
		t.Errorf("error %v, want that the connection is refused", err)
	}
}

// TestTLS knows an issuer's server by its certificate.
func TestTLS(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	valid := ours.issue(t, time.Now().Add(time.Hour))
	expired := ours.issue(t, time.Now().Add(-time.Hour))
	for _, test := range []struct {
		name   string
		config *tls.Config
		ca     string
		host   string
		want   string // how the error begins
	}{
		{"ours", &tls.Config{Certificates: []tls.Certificate{valid}}, ours.file, "127.0.0.1", ""},
		{"TLS 1.2", &tls.Config{Certificates: []tls.Certificate{valid}, MaxVersion: tls.VersionTLS12}, ours.file, "127.0.0.1", ""},
		{"TLS 1.1", &tls.Config{Certificates: []tls.Certificate{valid}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ours.file, "127.0.0.1",
			"the server ended the handshake: tls: protocol version not supported"},
		{"other authority", &tls.Config{Certificates: []tls.Certificate{valid}}, others.file, "127.0.0.1", "x509: certificate signed by unknown authority"},
		{"authorities of the system", &tls.Config{Certificates: []tls.Certificate{valid}}, "", "127.0.0.1", "x509: certificate signed by unknown authority"},
		{"other name", &tls.Config{Certificates: []tls.Certificate{valid}}, ours.file, "localhost", "x509: certificate is valid for issuer.test, not localhost"},
		{"expired", &tls.Config{Certificates: []tls.Certificate{expired}}, ours.file, "127.0.0.1", "the certificate is not valid now, but from 20"},
		{"client certificate wanted", &tls.Config{Certificates: []tls.Certificate{valid}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12},
			ours.file, "127.0.0.1", "the server ended the handshake: tls: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveTLS(t, test.config, replies(jwks(jwkED("a"))))
			_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
			keys, err := fetchOnce(t, Options{URL: "https://" + net.JoinHostPort(test.host, port) + "/", CAFile: test.ca})
			switch {
			case test.want == "" && (err != nil || keys != 1):
				t.Errorf("%d keys, error %v; want one", keys, err)
			case test.want != "" && (err == nil || keys != 0 || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("%d keys, error %v; want %q", keys, err, test.want)
			}
		})
	}
}

// TestRequest says nothing about us that the issuer need not know, and the same
// each time.
func TestRequest(t *testing.T) {
	asked := make(chan *http.Request, 2)
	s := servePlain(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		_, _ = io.WriteString(w, jwks(jwkED("a")))
	})
	issuers, err := New(Options{Issuer: issuerName, URL: s.URL + "/keys?v=1", Logger: (&log{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		issuers.list[0].attempt(t.Context())
		r := <-asked
		want := http.Header{"Accept": {"application/json, application/jwk-set+json"}, "User-Agent": {"credence"}, "Connection": {"close"}}
		if diff := cmp.Diff(want, r.Header); diff != "" || r.Method != http.MethodGet || r.URL.String() != "/keys?v=1" {
			t.Errorf("asked %s %s, headers (-want +got):\n%s", r.Method, r.URL, diff)
		}
	}
}

// TestLoopbackOnly holds plain http to where a name leads.
func TestLoopbackOnly(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"10.0.0.1:80": false, "169.254.169.254:80": false, "[2001:db8::1]:80": false, "0.0.0.0:80": false, "[::]:80": false, "": false,
	} {
		if err := loopbackOnly("tcp", address, nil); (err == nil) != want {
			t.Errorf("%s: error %v, want none: %v", address, err, want)
		}
	}
	w := &web{url: must(parseURL("http://localhost:1/"))}
	dial := w.network(t.Context()).(*http.Transport).DialContext
	if _, err := dial(t.Context(), "tcp", "192.0.2.1:80"); !errors.As(err, new(fault)) {
		t.Errorf("dialling off loopback: error %v, want a fault of ours", err)
	}
}

// TestEndsWithRun ends in the midst of a fetch: its connection is closed before
// long, whatever the server does.
func TestEndsWithRun(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			asked, closed := make(chan struct{}), make(chan error, 1)
			address := serveRaw(t, func(conn net.Conn) {
				buffer := make([]byte, 4096)
				_, _ = conn.Read(buffer) // the request, or the first words of TLS
				close(asked)
				_, err := conn.Read(buffer)
				closed <- err
			})
			ctx, cancel := context.WithCancel(t.Context())
			issuers, err := New(Options{Issuer: issuerName, URL: scheme + "://" + address, Logger: (&log{}).logger()})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				issuers.Run(ctx)
			}()
			<-asked
			cancel()
			<-ended
			if err := <-closed; !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the server reads %v, want the end of the connection", err)
			}
		})
	}
}

// TestSlow has servers take longer than a fetch may: none is waited for.
func TestSlow(t *testing.T) {
	released, release := context.WithCancel(context.Background())
	defer release()
	drip := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[`)
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-released.Done():
		}
	}
	s := servePlain(t, drip)
	w := &web{url: must(parseURL(s.URL))}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := w.read(ctx)
	if err == nil || err.Error() != "no whole answer within 5s" {
		t.Errorf("error %v, want that it took too long", err)
	}
}

// TestThroughProxy goes out as the environment says, and is with the issuer by
// TLS all the same.
func TestThroughProxy(t *testing.T) {
	authority := newAuthority(t)
	s := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{authority.issue(t, time.Now().Add(time.Hour))}}, replies(jwks(jwkED("a"))))
	lead := func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "issuer.test:443" {
			t.Errorf("the proxy is asked %s %s, want CONNECT issuer.test:443", r.Method, r.Host)
		}
		to, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer from.Close()
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, from) }()
		_, _ = io.Copy(from, to)
	}
	proxied.Store(&lead)
	defer proxied.Store(nil)
	options := Options{URL: "https://issuer.test/keys", CAFile: authority.file}
	if keys, err := fetchOnce(t, options); keys != 1 || err != nil {
		t.Errorf("%d keys, error %v; want one", keys, err)
	}
	proxied.Store(nil)
	if _, err := fetchOnce(t, options); err == nil || err.Error() != "the proxy answers with status 403" {
		t.Errorf("error %v, want that the proxy refuses", err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
