package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/authz"
	"credence/internal/fleet"
	"credence/internal/fleet/fleettest"
	"credence/internal/registry"
)

// A cell holds what a test sets while a server runs.
type cell[T any] struct {
	mu    sync.Mutex
	value T
}

func (c *cell[T]) get() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

func (c *cell[T]) set(value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value = value
}

// A wire is what a server reaches its registry by. It can be cut, and it can
// lead to another registry.
type wire struct {
	mu     sync.Mutex
	memory *registry.Memory
	cut    error         // nil: it is not
	broken chan struct{} // closed when it is cut, or leads elsewhere
}

var errCut = fmt.Errorf("the wire is cut: %w", registry.ErrUnavailable)

// leadTo has the wire lead to a registry; nil: it is cut. What waits on it
// fails.
func (w *wire) leadTo(m *registry.Memory) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		close(w.broken)
	}
	w.memory, w.cut, w.broken = m, nil, make(chan struct{})
	if m == nil {
		w.cut = errCut
	}
}

func (w *wire) end() (m *registry.Memory, broken <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.memory, w.broken, w.cut
}

// over calls what takes a while, until the wire breaks.
func over[T any](ctx context.Context, w *wire, call func(context.Context, *registry.Memory) (T, error)) (T, error) {
	var none T
	m, broken, err := w.end()
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-broken:
			cancel()
		case <-ended:
		}
	}()
	got, err := call(ctx, m)
	select {
	case <-broken:
		return none, errCut
	default:
		return got, err
	}
}

// A wiredFeed is the change feed at the other end of a wire.
type wiredFeed struct {
	*wire
	round cell[time.Duration]
}

func (f *wiredFeed) Next(ctx context.Context, after registry.Position) (registry.Round, error) {
	return over(ctx, f.wire, func(ctx context.Context, m *registry.Memory) (registry.Round, error) {
		return m.Feed(f.round.get()).Next(ctx, after)
	})
}

// A wiredPast is the history at the other end of a wire.
type wiredPast struct{ *wire }

func (p wiredPast) Read(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, error) {
	return over(ctx, p.wire, func(ctx context.Context, m *registry.Memory) ([]registry.Entry, error) { return m.Read(ctx, refs...) })
}

func (p wiredPast) Extent(ctx context.Context) (registry.Extent, error) {
	return over(ctx, p.wire, func(ctx context.Context, m *registry.Memory) (registry.Extent, error) { return m.Extent(ctx) })
}

func (p wiredPast) ChangesAfter(ctx context.Context, entry string, n int) ([]registry.Change, error) {
	return over(ctx, p.wire, func(ctx context.Context, m *registry.Memory) ([]registry.Change, error) {
		return m.ChangesAfter(ctx, entry, n)
	})
}

func (p wiredPast) ChangesBefore(ctx context.Context, entry string, n int) ([]registry.Change, error) {
	return over(ctx, p.wire, func(ctx context.Context, m *registry.Memory) ([]registry.Change, error) {
		return m.ChangesBefore(ctx, entry, n)
	})
}

// A wiredWitness is what facts are read from at the other end of a wire.
type wiredWitness struct{ *wire }

func (p wiredWitness) ReadThrough(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, string, error) {
	m, _, err := p.end()
	if err != nil {
		return nil, "", err
	}
	return m.ReadThrough(ctx, refs...)
}

// A hearsay is a Tracker that tells of what a test has written.
type hearsay struct {
	*wire
	writes chan []registry.Ref
	cannot cell[error] // why it never tells
	begun  atomic.Int64
}

func (h *hearsay) Track(ctx context.Context, on func(), written func([]registry.Ref)) error {
	_, broken, err := h.end()
	if err == nil {
		err = h.cannot.get()
	}
	if err != nil {
		return err
	}
	h.begun.Add(1)
	on()
	for {
		select {
		case refs := <-h.writes:
			written(refs)
		case <-broken:
			return errCut
		case <-ctx.Done():
			return errors.Join(registry.ErrUnavailable, ctx.Err())
		}
	}
}

// A server follows a registry as credence does, in a bubble of time.
type server struct {
	*Cache
	t      *testing.T
	clock  func() time.Time
	memory *registry.Memory // that all wires lead to at first
	fleet  *fleettest.Memory
	seat   *fleet.Seat
	source *source

	feed    *wiredFeed
	control *wire // what the follower asks besides, but for the fleet
	lookups *wire
	hearsay *hearsay

	follower *Follower
	check    *authz.Checker
	log      *lines
	made     atomic.Int64 // first contacts
	renewed  atomic.Int64
	evicts   cell[error]
	end      func() // and waits
}

// A lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take gives what was written since it was taken the last time.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}

const errFull = sentinel("no memory is left")

type sentinel string

func (s sentinel) Error() string { return string(s) }

// newServer makes a server whose follower does not run yet.
func newServer(t *testing.T) *server {
	t.Helper()
	begin := time.Now()
	s := &server{t: t, clock: func() time.Time { return noon.Add(time.Since(begin)) }, log: &lines{}}
	s.memory = acmeAt(t, s.clock)
	s.fleet = fleettest.NewMemory(s.clock)
	s.seat = fleet.NewSeat(s.fleet, fleet.SeatOptions{StaleFor: modelStaleFor, Host: "test", Clock: s.clock})
	s.control, s.lookups = &wire{}, &wire{}
	s.feed = &wiredFeed{wire: &wire{}}
	s.hearsay = &hearsay{wire: &wire{}, writes: make(chan []registry.Ref)}
	s.lead(s.memory)
	s.source = &source{Witness: wiredWitness{s.lookups}, fail: make(map[int]error)}
	var err error
	s.Cache, err = New(Options{Source: s.source, TTL: modelTTL, NegativeTTL: modelNegative, StaleFor: modelStaleFor})
	if err != nil {
		t.Fatal(err)
	}
	s.feed.round.set(s.LongestRound() / 2)
	s.check = authz.NewChecker(testPolicy, authz.Sources{Directory: s.Cache})
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	s.follower = &Follower{
		Cache: s.Cache, Feed: s.feed, Past: wiredPast{s.control}, Seat: s.seat,
		Evicts: func(context.Context) error { return s.evicts.get() },
		Counts: func(err error) bool { return errors.Is(err, errFull) },
		Renew:  func() { s.renewed.Add(1) }, Logger: logger,
		Watcher: NewWatcher(s.Cache, logger, func() { s.made.Add(1) }),
	}
	return s
}

// follow runs a test with a server that follows.
func follow(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.run()
		defer s.end()
		synctest.Wait()
		test(t, s)
	})
}

// run has the follower run.
func (s *server) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.follower.Run(ctx)
	}()
	s.end = func() {
		cancel()
		<-ended
	}
}

// lead has all wires lead to a registry; nil: they are cut.
func (s *server) lead(m *registry.Memory) {
	for _, w := range []*wire{s.feed.wire, s.control, s.lookups, s.hearsay.wire} {
		w.leadTo(m)
	}
}

// decides holds a check of a token to its reason, and to how many reads it
// takes. What was done before has taken effect: no time passes.
func (s *server) decides(token string, want authz.Reason, reads int) {
	s.t.Helper()
	synctest.Wait()
	before := len(s.source.reads())
	got := s.checks(token)
	if made := len(s.source.reads()) - before; got.Reason != want || made != reads {
		s.t.Errorf("got %s (%v) by %d reads, want %s by %d", got.Reason, got.Cause, made, want, reads)
	}
}

// checks checks a token once all has come to rest.
func (s *server) checks(token string) authz.Decision {
	synctest.Wait()
	return s.check.Check(context.Background(), noon, present(token))
}

// logs holds the log to what it must have said since the last time.
func (s *server) logs(parts ...string) {
	s.t.Helper()
	synctest.Wait()
	text := s.log.take()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.t.Errorf("the log lacks %q:\n%s", part, text)
		}
	}
	if len(parts) == 0 && text != "" {
		s.t.Errorf("the log says:\n%s", text)
	}
}

// listed gives this server as the fleet knows it.
func (s *server) listed() (fleet.Server, bool) {
	s.t.Helper()
	_, servers, err := s.fleet.List(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	if len(servers) == 0 {
		return fleet.Server{}, false
	}
	return servers[0], true
}
