package jwks

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/jwt"
	"credence/internal/registry"
)

const (
	issuerName = "https://issuer.example"
	issuerURL  = "https://issuer.example/keys?key=s3cret"
)

// jwkED makes a new Ed25519 key under a kid, as a public JWK.
func jwkED(kid string) string {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","use":"sig","kid":%q,"x":%q}`, kid, base64.RawURLEncoding.EncodeToString(public))
}

// jwkEC makes a new P-256 key.
func jwkEC(kid string) string {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}`, kid, encode(point[1:33]), encode(point[33:]))
}

func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// sumOf gives the sum of a public JWK as a Key.
func sumOf(t *testing.T, jwk string) [32]byte {
	t.Helper()
	key, err := jwt.ParseJWK([]byte(jwk), jwt.AnyAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	return key.Sum()
}

// A server is an issuer's, in memory.
type server struct {
	mu    sync.Mutex
	reply func(*http.Request) (*http.Response, error)
	asked []time.Time
	busy  int
	most  int // at a time
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	s.busy++
	s.most = max(s.most, s.busy)
	reply := s.reply
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy--
	}()
	return reply(r)
}

// will says what it answers from now on.
func (s *server) will(reply func(*http.Request) (*http.Response, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = reply
}

// times gives when it was asked.
func (s *server) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.asked...)
}

func (s *server) count() int { return len(s.times()) }

type replier = func(*http.Request) (*http.Response, error)

// body answers with a JWKS, and headers as pairs.
func body(text string, headers ...string) replier {
	return func(*http.Request) (*http.Response, error) {
		response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: -1}
		for n := 0; n < len(headers); n += 2 {
			response.Header.Add(headers[n], headers[n+1])
		}
		return response, nil
	}
}

// down answers nothing.
func down(*http.Request) (*http.Response, error) { return nil, io.EOF }

// slow answers after a while, if it is waited for.
func slow(d time.Duration, then replier) replier {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return then(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// A log keeps what is logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// take gives what was logged since the last time: level, message, and the values
// of the attributes that are asked for.
func (l *log) take(t *testing.T, attributes ...string) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for line := range strings.Lines(l.text.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		text := fmt.Sprint(fields["level"], " ", fields["msg"])
		for _, name := range attributes {
			if value, there := fields[name]; there {
				text += fmt.Sprint(" ", name, "=", value)
			}
		}
		lines = append(lines, text)
	}
	l.text.Reset()
	return lines
}

// A house is Issuers with one issuer, run in a bubble of synctest.
type house struct {
	*Issuers
	t      *testing.T
	server *server
	log    *log
	cancel context.CancelFunc
	ended  chan struct{}
}

// keep runs a test with an issuer that answers so at first. What it leaves behind
// fails the test.
func keep(t *testing.T, first replier, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, server: &server{reply: first}, log: &log{}, ended: make(chan struct{})}
		issuers, err := New(Options{Issuer: issuerName, URL: issuerURL, Logger: h.log.logger(), transport: h.server})
		if err != nil {
			t.Fatal(err)
		}
		h.Issuers = issuers
		h.run()
		synctest.Wait()
		test(t, h)
		h.end()
		if h.server.most > 1 {
			t.Errorf("%d fetches at a time, want one", h.server.most)
		}
	})
}

func (h *house) run() {
	ctx, cancel := context.WithCancel(h.t.Context())
	h.cancel = cancel
	go func() {
		defer close(h.ended)
		h.Run(ctx)
	}()
}

func (h *house) end() {
	h.cancel()
	<-h.ended
}

// What a lookup of a kid may give.
const (
	found       = "found"
	none        = "none"
	unavailable = "unavailable"
)

// looks gives what a kid's lookup gives, for EdDSA and with a budget of 120 ms.
func (h *house) looks(kid string) string {
	ctx, cancel := context.WithTimeout(h.t.Context(), 120*time.Millisecond)
	defer cancel()
	key, err := h.Key(ctx, issuerName, kid, jwt.EdDSA)
	switch {
	case errors.Is(err, registry.ErrUnavailable) && key == nil:
		return unavailable
	case err != nil:
		return err.Error()
	case key == nil:
		return none
	}
	return found
}

// finds wants what lookups of kids give: kid, want, kid, want …
func (h *house) finds(pairs ...string) {
	h.t.Helper()
	for n := 0; n < len(pairs); n += 2 {
		if got := h.looks(pairs[n]); got != pairs[n+1] {
			h.t.Errorf("key %q: %s, want %s", pairs[n], got, pairs[n+1])
		}
	}
}

// asked wants that the server was asked so often.
func (h *house) asked(want int) {
	h.t.Helper()
	if got := h.server.count(); got != want {
		h.t.Errorf("asked %d times, want %d", got, want)
	}
}

// logs wants what was logged since the last time.
func (h *house) logs(attributes []string, want ...string) {
	h.t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, h.log.take(h.t, attributes...)); diff != "" {
		h.t.Errorf("log (-want +got):\n%s", diff)
	}
}
