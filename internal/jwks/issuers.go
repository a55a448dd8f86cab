package jwks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"credence/internal/jwt"
)

// Issuers keep the keys of all issuers. Methods are safe for use by many
// goroutines.
type Issuers struct {
	list   []*issuer // in the order of configuration
	byName map[string]*issuer
}

// New makes Issuers. It reads files, and connects to nobody: that is what Run
// does. Authorities or a JWKS in a file that cannot be read or used are errors.
func New(options ...Options) (*Issuers, error) {
	s := &Issuers{byName: map[string]*issuer{}}
	for _, o := range options {
		i, err := newIssuer(o)
		if err == nil && s.Has(o.Issuer) {
			err = errors.New("is configured twice")
		}
		if err != nil {
			return nil, fmt.Errorf("jwks: issuer %s: %w", shownURL(o.Issuer), err)
		}
		s.list = append(s.list, i)
		s.byName[o.Issuer] = i
	}
	return s, nil
}

// Run fetches keys and refreshes them until ctx ends, and returns when nothing
// of that goes on any more. It can be called once.
func (s *Issuers) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, i := range s.list {
		all.Go(func() { i.run(ctx) })
	}
	all.Wait()
}

// Has tells whether an issuer, as it stands in iss, is one of those configured.
func (s *Issuers) Has(issuer string) bool { return s.byName[issuer] != nil }

// Key finds the key of an issuer that a JWT's kid names: of several, that which
// verifies its algorithm. It is nil where the issuer has no such key, now that it
// was asked, or was within the last 30 s; and where there is no such issuer. An
// error is registry.ErrUnavailable, wrapped: nobody knows which keys the issuer
// has, or whether it has others by now. Only a kid that is not known waits, and
// no longer than ctx lasts.
func (s *Issuers) Key(ctx context.Context, issuer, kid string, a jwt.Algorithm) (*jwt.Key, error) {
	i := s.byName[issuer]
	if i == nil || kid == "" { // a key without kid is in no set
		return nil, nil
	}
	return i.key(ctx, kid, a)
}

// A State is how it stands with the keys of one issuer.
type State struct {
	// Issuer is as it stands in iss.
	Issuer string
	// Source is the URL of the JWKS, without query and user, or its file.
	Source string
	// Fetched tells whether there is a last good set, of this age. The age counts
	// from the sending of its fetch.
	Fetched bool
	Age     time.Duration
	// TooOld tells that the set is not used any more.
	TooOld bool
	// Keys and Skipped are how many of the set are used, and are not.
	Keys, Skipped int
	// Err is why the last fetch failed; nil: it did not.
	Err error
	// Next is how long it is until the next fetch; zero: it is due or under way.
	Next time.Duration
}

// State gives the states of all issuers, in the order of configuration.
func (s *Issuers) State() []State {
	states := make([]State, len(s.list))
	for n, i := range s.list {
		states[n] = i.state()
	}
	return states
}
