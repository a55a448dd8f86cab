package cache

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"

	"credence/internal/authz"
	"credence/internal/jwt"
	"credence/internal/registry"
)

// A seal names a verified signature: the SHA-256 of a JWT, and that of the key
// by which it was verified.
type seal struct{ jwt, key [sha256.Size]byte }

// Signatures are those that were verified: that never changes, so it is a fact
// which serves for as long as it is kept. What a JWT claims, and how its key
// stands, is asked every time. A signature that is bad is not kept; who sends
// many of them is overloaded. Safe for use by many goroutines.
type Signatures struct {
	good     *otter.Cache[seal, struct{}]
	lanes    *lanes
	failures *failures
}

var _ authz.Verifier = (*Signatures)(nil)

// NewSignatures makes Signatures of which so many are kept.
func NewSignatures(maxEntries int) (*Signatures, error) {
	good, err := otter.New(&otter.Options[seal, struct{}]{
		MaximumSize: maxEntries,
		Executor:    func(task func()) { task() }, // waking a goroutine for it costs as much as half a verification
	})
	if err != nil {
		return nil, fmt.Errorf("cache: signatures: %w", err)
	}
	return &Signatures{good, newLanes(), newFailures()}, nil
}

// Verify implements authz.Verifier. A signature that was verified before waits
// for nobody.
func (s *Signatures) Verify(ctx context.Context, from netip.Addr, p jwt.Peeked, k *jwt.Key) (jwt.Problem, error) {
	if !k.Accepts(p.Algorithm) {
		return jwt.Verify(p, k), nil // which says so, and costs nothing
	}
	named := seal{p.Sum(), k.Sum()}
	if _, verified := s.good.GetIfPresent(named); verified {
		return jwt.Problem{}, nil
	}
	if !s.failures.bears(from, named.key) {
		return jwt.Problem{}, errTooManyBad
	}
	leave, err := s.lanes.enter(ctx, from)
	if err != nil {
		return jwt.Problem{}, err
	}
	defer leave()
	if _, verified := s.good.GetIfPresent(named); verified {
		return jwt.Problem{}, nil // by somebody who stood before us
	}
	begun := time.Now()
	problem := jwt.Verify(p, k)
	if problem.Fault == jwt.None {
		s.good.Set(named, struct{}{})
	} else {
		s.failures.charge(from, named.key, time.Since(begun))
	}
	return problem, nil
}

var errTooManyBad = fmt.Errorf("cache: too many bad signatures by this key from there: %w", registry.ErrOverloaded)

// Len tells how many are kept.
func (s *Signatures) Len() int { return s.good.EstimatedSize() }
