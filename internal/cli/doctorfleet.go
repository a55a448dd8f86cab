package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"credence/internal/fleet"
	"credence/internal/redisstore"
	"credence/internal/registry"
)

// settleFleet is how long doctor waits for servers to apply the newest change:
// it may be a moment old.
const settleFleet = time.Second

// diagnoseFleet tells which servers do not go by what the registry says.
func diagnoseFleet(ctx context.Context, d *diagnosis, store *redisstore.Store) error {
	servers, err := lookAtFleet(ctx, store)
	switch {
	case errors.Is(err, registry.ErrInvalid):
		return nil // told with the records
	case redisstore.IsForbidden(err):
		d.warn("servers", "credence redis acl report prints the rights that are needed", "this user may not ask: the servers were not looked at")
		return nil
	case err != nil:
		return err
	case len(servers) == 0:
		d.ok("servers", "none is listed")
		return nil
	}
	behind := make(map[string]bool)
	for _, s := range servers {
		if s.state() == serverBehind {
			behind, err = stillBehind(ctx, store, s.newest)
			if err != nil {
				return err
			}
			break
		}
	}
	current := 0
	for _, s := range servers {
		if before := d.counts; s.diagnose(d, behind[s.Name]) && d.counts == before {
			current++
		}
	}
	if current > 0 {
		d.ok("servers", "%d of %d in contact, and all as they should be", current, len(servers))
	}
	return nil
}

// stillBehind gives who has not applied a change after a moment, though it is
// heard of.
func stillBehind(ctx context.Context, store *redisstore.Store, newest string) (map[string]bool, error) {
	verdict, err := fleet.Wait(ctx, store, registry.Position{Entry: newest}, settleFleet, nil)
	if err != nil {
		return nil, err
	}
	behind := make(map[string]bool)
	for _, s := range verdict.Missing {
		behind[s.Name] = s.Why == fleet.Behind || s.Why == fleet.Elsewhere
	}
	return behind, nil
}

// diagnose tells of one server. It gives whether the server is in contact.
func (s seenServer) diagnose(d *diagnosis, behind bool) bool {
	where, forget := "server/"+s.Name, "credence fleet forget "+shellWord(s.Name)
	if len(s.Withheld) > 0 {
		d.fail(where, "see whether each is as it should be, and make again the change that was lost: it is served once a change of it is told",
			"withholds records whose changes were lost (a fail-over, a restored backup), and denies who needs them: %s", strings.Join(s.Withheld, " "))
	}
	if ahead := s.Started.Sub(s.now); !s.Started.IsZero() && ahead > fleet.Tolerance {
		d.warn(where, "let all machines take their time from the same servers (NTP)", "its clock is at least %v ahead of that of Redis", ahead.Round(time.Second))
	}
	switch state := s.state(); {
	case s.Invalid != nil:
		d.warn(where, "if it is none of yours, or dead: "+forget, "cannot be read, so that --wait takes it for one that applies nothing: %s", plain(s.Invalid))
	case s.Beat.Sub(s.now) > fleet.Tolerance:
		d.warn(where, "if it is dead: "+forget+" --force", "was heard of in the future, at %s: the clock of Redis was set back", registry.FormatTime(s.Beat))
	case state == serverSilent && s.now.Before(s.MayAnswerUntil()):
		d.fail(where, "see whether it runs and reaches Redis; if it is dead: "+forget,
			"was not heard of for %s: it may answer from memory until %s, by what it knew then", age(s.Beat, s.now), second(s.MayAnswerUntil()))
	case state == serverSilent:
		d.warn(where, "see whether it runs and reaches Redis; if it is dead: "+forget,
			"was not heard of for %s: it ended without a word, or denies all that it is asked", age(s.Beat, s.now))
	case behind:
		d.fail(where, "look at its log and its /readyz", "is in contact, and has not applied the newest change")
	default:
		return true
	}
	return false
}
