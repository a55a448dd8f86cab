package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"credence/internal/authz"
	"credence/internal/config"
	"credence/internal/jwks"
	"credence/internal/jwt"
	"credence/internal/registry"
)

// A verdict is what would be said to a request with a JWT.
type verdict struct {
	now      time.Time
	peeked   jwt.Peeked
	config   config.Config
	decision authz.Decision
	trusted  bool // iss is an issuer that is configured
	verified signature
	records  map[registry.RecordKind]registry.Record // that were read for it
	keys     []jwks.State                            // of the issuer
	kids     []string                                // of the issuer's keys
	missing  string                                  // what is not there, and what may be meant; empty: nothing
}

// A signature remembers what came of verifying one. It implements
// authz.Verifier.
type signature struct {
	asked   bool
	problem jwt.Problem
}

// Verify implements authz.Verifier.
func (s *signature) Verify(_ context.Context, _ netip.Addr, p jwt.Peeked, k *jwt.Key) (jwt.Problem, error) {
	s.asked, s.problem = true, jwt.Verify(p, k)
	return s.problem, nil
}

// judge asks a Checker as servers have one, over a directory.
func (v *verdict) judge(ctx context.Context, c config.Config, request authz.Request, directory *registryDirectory) error {
	v.config = c
	issuers, err := v.issuers(c.JWT)
	if err != nil {
		return err
	}
	if v.trusted {
		fetching, stop := context.WithCancel(ctx)
		var fetched sync.WaitGroup
		fetched.Go(func() { issuers.Run(fetching) })
		defer fetched.Wait()
		defer stop()
		awaitKeys(ctx, issuers)
	}
	policy := c.Policy()
	policy.Places, policy.Peer = bearer, authz.PeerPolicy{} // the request is ours: it came straight from the peer
	checker := authz.NewChecker(policy, authz.Sources{Directory: directory, Issuers: issuers, Verifier: &v.verified})
	v.decision = checker.Check(ctx, v.now, request)
	v.records, v.keys, v.kids = directory.seen, issuers.State(), issuers.KeyIDs(v.peeked.Issuer())
	v.missing = v.whatIsMissing(ctx, directory.registrar)
	return nil
}

// issuers makes the keys of the issuer that the JWT names, where it is one that
// is trusted.
func (v *verdict) issuers(c config.JWT) (*jwks.Issuers, error) {
	named := v.peeked.Issuer()
	c.Issuers = slices.DeleteFunc(slices.Clone(c.Issuers), func(i config.Issuer) bool { return i.Issuer != named })
	issuers, err := issuerKeys(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	v.trusted = issuers.Has(named)
	return issuers, nil
}

// awaitKeys waits until keys were fetched once, or could not be.
func awaitKeys(ctx context.Context, issuers *jwks.Issuers) {
	ctx, cancel := context.WithTimeout(ctx, waitForKeys)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := func(s jwks.State) bool { return s.Fetched || s.Err != nil }
	for !slices.ContainsFunc(issuers.State(), over) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// signedBy says by which key the JWT has to be signed.
func (v *verdict) signedBy() string {
	kid := cmp.Or(v.peeked.KeyID, "no kid")
	if v.trusted {
		return fmt.Sprintf("key %s of the issuer", kid)
	}
	client, err := registry.ParseID[registry.ClientID](v.peeked.Issuer())
	id, kidErr := registry.ParseKeyID(v.peeked.KeyID)
	if err != nil || kidErr != nil {
		return ""
	}
	return keyName(client, id)
}

// signature says in words what came of verifying.
func (v *verdict) signature() string {
	switch by := v.signedBy(); {
	case !v.verified.asked:
		return "not verified"
	case v.verified.problem.Fault == jwt.None:
		return "good, by " + by
	case v.verified.problem.Fault == jwt.BadSignature:
		return "bad: it is not by " + by
	default:
		return "not verified: " + v.verified.problem.Why
	}
}
