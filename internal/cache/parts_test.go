package cache

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// ownToken is a token of our own, and otherToken one of another system: both
// are acme's.
const (
	ownToken   = "crd_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123452TQHqD"
	otherToken = "0123456789abcdef-of-another-system"
	noToken    = "fedcba9876543210-of-another-system"
)

// acme gives a registry of one client with two tokens.
func acme(t testing.TB) *registry.Memory {
	t.Helper()
	return acmeAt(t, func() time.Time { return noon })
}

// acmeAt is acme by a clock.
func acmeAt(t testing.TB, clock func() time.Time) *registry.Memory {
	t.Helper()
	m := registry.NewMemory(clock)
	m.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "s1"})
	m.Put(registry.ClientRef("acme"), registry.Fields{"id": "acme", "state": "active", "created_at": "2026-01-01T00:00:00Z"})
	m.Put(registry.ProfileRef("partner"), registry.Fields{"id": "partner", "state": "active", "accepts": "token", "created_at": "2026-01-01T00:00:00Z"})
	for id, text := range map[string]string{"0123456789": ownToken, "another000": otherToken} {
		m.Put(plainRef(t, text), registry.Fields{
			"digest": plainRef(t, text).ID, "id": id, "client": "acme", "profile": "partner", "state": "active", "created_at": "2026-01-01T00:00:00Z",
		})
	}
	return m
}

// plainRef is where a token stands by its digest without a pepper.
func plainRef(t testing.TB, token string) registry.Ref {
	t.Helper()
	digest, err := credential.Peppers{}.Digest(credential.PlainDigest, credential.NewSecret(token))
	if err != nil {
		t.Fatal(err)
	}
	return registry.TokenRef(digest)
}

// disable commits that acme is disabled.
func disable(t testing.TB, m *registry.Memory) registry.Position {
	t.Helper()
	entries, err := m.Read(context.Background(), registry.ClientRef("acme"))
	if err != nil {
		t.Fatal(err)
	}
	now := *entries[0].Record.(*registry.Client)
	now.State = registry.Disabled
	at, err := m.Commit(context.Background(), registry.Commit{Edits: []registry.Edit{{Was: entries[0], Now: &now}}, At: noon, Op: "disable"})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A source is a registry that counts what it is asked, fails where it is told
// to, and can be held.
type source struct {
	registry.Witness

	mu    sync.Mutex
	asked [][]registry.Ref
	fail  map[int]error // by the number of the read, from 1 on
	gate  chan struct{} // a read waits here; nil: it does not
}

func (s *source) ReadThrough(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, string, error) {
	s.mu.Lock()
	s.asked = append(s.asked, slices.Clone(refs))
	err, gate := s.fail[len(s.asked)], s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, "", errors.Join(registry.ErrUnavailable, ctx.Err())
		}
	}
	if err != nil {
		return nil, "", err
	}
	return s.Witness.ReadThrough(ctx, refs...)
}

// reads gives what was asked until now.
func (s *source) reads() [][]registry.Ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// hold has reads wait until the function that it gives is called.
func (s *source) hold() (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	s.gate = gate
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		close(gate)
	}
}

// A dial is a clock that stands until it is moved.
type dial struct {
	mu  sync.Mutex
	now Instant
}

func newDial() *dial { return &dial{now: Instant{Run: time.Hour, Wall: time.Hour}} }

func (d *dial) read() Instant {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *dial) pass(by time.Duration) { d.move(by, by) }

func (d *dial) move(run, wall time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now.Run += run
	d.now.Wall += wall
}

// A subject is a Cache over acme's registry, all of it in a test's hands.
type subject struct {
	*Cache
	t      testing.TB
	memory *registry.Memory
	source *source
	dial   *dial
	check  *authz.Checker
}

var testPolicy = authz.Policy{
	Places: credential.NewPlaces([]credential.Place{{Header: "authorization", Scheme: "Bearer"}, {Header: "api-token"}}),
	Peer:   authz.PeerPolicy{Header: "x-forwarded-for"},
	Routes: authz.RoutePolicy{PermitObserve: true, PermitOptional: true},
}

// newSubject makes a Cache that nobody has told anything yet, but that nothing
// bars.
func newSubject(t testing.TB, options Options) *subject {
	t.Helper()
	s := &subject{t: t, memory: acme(t), dial: newDial()}
	s.source = &source{Witness: s.memory, fail: make(map[int]error)}
	options.Source = s.source
	options.Timeout = cmp.Or(options.Timeout, time.Minute) // however slow the machine
	if options.Clock == nil {
		options.Clock = s.dial.read
	}
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	c.Bar(nil)
	s.Cache, s.check = c, authz.NewChecker(testPolicy, authz.Sources{Directory: c})
	return s
}

// open is newSubject in contact.
func open(t testing.TB, options Options) *subject {
	t.Helper()
	s := newSubject(t, options)
	s.Join(s.dial.read())
	if err := s.startAtTail(); err != nil {
		t.Fatalf("Start: %v", err)
	}
	return s
}

func (s *subject) root() registry.Entry {
	s.t.Helper()
	entries, err := s.memory.Read(context.Background(), registry.RootRef)
	if err != nil {
		s.t.Fatal(err)
	}
	return entries[0]
}

// startAtTail starts at the end of the change stream.
func (s *subject) startAtTail() error {
	s.t.Helper()
	extent, err := s.memory.Extent(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return startAt(s.Cache, s.dial.read(), s.root(), extent.Last, nil)
}

// startAt starts behind an entry, after some changes were lost.
func startAt(c *Cache, sent Instant, root registry.Entry, tail string, lost []registry.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start(sent, root, tail, lost, nil)
}

// round has the feed tell all that there is, and a heartbeat be accepted.
func (s *subject) round() error {
	s.t.Helper()
	seq, applied := s.seen()
	changes, err := s.memory.ChangesAfter(context.Background(), applied, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Beat(s.dial.read())
	return s.Round(s.dial.read(), seq, registry.Round{Changes: changes, Root: s.root()})
}

// mustRound is round that must be complete.
func (s *subject) mustRound() {
	s.t.Helper()
	if err := s.round(); err != nil {
		s.t.Fatalf("Round: %v", err)
	}
}

// present presents a token.
func present(token string) authz.Request {
	return authz.Request{
		HTTP: true, Method: "GET", Scheme: "https", Target: "/orders", Source: "203.0.113.7",
		Headers: credential.Headers{{Name: "api-token", Value: token}},
	}
}

// checks checks a token.
func (s *subject) checks(token string) authz.Decision {
	return s.check.Check(context.Background(), noon, present(token))
}

// decides holds a check of a token to its reason, and to how many reads it
// takes.
func (s *subject) decides(token string, want authz.Reason, reads int) {
	s.t.Helper()
	before := len(s.source.reads())
	got := s.checks(token)
	if made := len(s.source.reads()) - before; got.Reason != want || made != reads {
		s.t.Errorf("got %s (%v) by %d reads, want %s by %d", got.Reason, got.Cause, made, want, reads)
	}
}
