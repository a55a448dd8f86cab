package fleet

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"time"

	"credence/internal/registry"
)

// SeatOptions say who takes a seat.
type SeatOptions struct {
	// StaleFor is how long the server answers from memory without contact.
	StaleFor time.Duration
	// Version is that of the program.
	Version string
	// Host begins the server's name; empty: this machine's.
	Host string
	// Clock tells when the server was started; nil: time.Now.
	Clock func() time.Time
}

// A Seat is a server's own place in the fleet. It is safe for concurrent use.
type Seat struct {
	store Store
	self  Server
	clock func() time.Time

	mu      sync.Mutex
	swept   time.Time            // when others were looked at
	silents map[string]time.Time // who was silent for too long then, and since when
}

const (
	sweepEvery    = time.Minute
	forgottenPast = 24 * time.Hour // silence beyond stale_for after which a server is taken off the list
	sweptAtOnce   = 10             // servers, so that a heartbeat does not wait for it
)

// NewSeat makes the seat of a server, under a new name. Nothing is written
// before Join.
func NewSeat(store Store, options SeatOptions) *Seat {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.Host == "" {
		options.Host, _ = os.Hostname() // without one it is called server
	}
	return &Seat{
		store: store, clock: options.Clock,
		self: Server{
			Name: NewName(options.Host), Boot: strings.ToLower(rand.Text()), StaleFor: options.StaleFor, Schema: registry.Schema,
			Version: options.Version, Started: options.Clock().UTC().Truncate(time.Second),
		},
	}
}

// Name gives the name that the server is listed under.
func (s *Seat) Name() string { return s.self.Name }

// Join lists the server, which has applied nothing yet. It is called before the
// end of the change stream is read, and again, under the same name, by a server
// that found itself missing and has forgotten everything.
func (s *Seat) Join(ctx context.Context) error {
	if err := s.store.Join(ctx, s.self); err != nil {
		return err
	}
	s.sweep(ctx)
	return nil
}

// Beat says that the server is there, by which entry of the change stream it
// goes, empty where none is known, and which records it withholds, by their
// keys. It fails with registry.ErrNotListed where the server has been taken off
// the list: whoever waits for it waits no longer.
func (s *Seat) Beat(ctx context.Context, applied string, withheld []string) error {
	if err := s.store.Beat(ctx, s.self.Name, applied, withheld); err != nil {
		return err
	}
	s.sweep(ctx)
	return nil
}

// Leave takes the server off the list. It is called after its last answer.
func (s *Seat) Leave(ctx context.Context) error { return s.store.Leave(ctx, s.self.Name) }

// sweep takes servers off the list that ended without a word long ago, once a
// minute. Who is to go was silent at the sweep before too: after a leap of
// Redis' clock all seem to be for a moment. Errors are left to the next sweep.
func (s *Seat) sweep(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.clock(); s.swept.IsZero() || now.Sub(s.swept) >= sweepEvery {
		s.swept = now
	} else {
		return
	}
	now, servers, err := s.store.List(ctx)
	if err != nil {
		return
	}
	before := s.silents
	s.silents = make(map[string]time.Time)
	removed := 0
	for _, server := range servers {
		if server.Name == s.self.Name || now.Sub(server.Beat) <= server.StaleFor+forgottenPast {
			continue
		}
		s.silents[server.Name] = server.Beat
		if since, known := before[server.Name]; known && since.Equal(server.Beat) && removed < sweptAtOnce {
			removed++
			_ = s.store.Forget(ctx, server.Name, server.Beat) // one that was heard of now stays
		}
	}
}
