package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"credence/internal/registry"
)

// A plan is a change as its writer makes it: what becomes of records, all at
// once.
type plan struct {
	tag  string                     // by which it is known in the change stream
	sets map[string]registry.Fields // by key: fields to write, empty ones to remove; nil: the record goes
	sent time.Duration              // since the run began: Redis had it no sooner
}

// after gives a record as it is after the plan. It changes nothing that it is
// given.
func after(was, sets registry.Fields) registry.Fields {
	if sets == nil {
		return nil
	}
	now := registry.Fields{}
	for field, text := range was {
		now[field] = text
	}
	for field, text := range sets {
		if text == "" {
			delete(now, field)
		} else {
			now[field] = text
		}
	}
	return now
}

// States are all that a registry has been, one after the other. State 0 is the
// first; state n is what it was behind the nth entry of the change stream.
type states struct {
	number   map[string]int       // by the id of the entry that made it
	soonest  []time.Duration      // since the run began: it was not there sooner
	versions map[string][]version // by key, in their order
}

// A version is what a record was from a state on.
type version struct {
	from   int
	fields registry.Fields // nil: it was not there
}

// newStates makes states of the first one alone.
func newStates(first map[string]registry.Fields) *states {
	s := &states{number: map[string]int{"": 0}, soonest: []time.Duration{0}, versions: make(map[string][]version)}
	for key, fields := range first {
		s.versions[key] = []version{{0, fields}}
	}
	return s
}

// add adds the state behind an entry. One cannot be there before those that it
// comes after.
func (s *states) add(entry string, p plan) {
	n := len(s.soonest)
	s.number[entry] = n
	s.soonest = append(s.soonest, max(p.sent, s.soonest[n-1]))
	for key, sets := range p.sets {
		s.versions[key] = append(s.versions[key], version{n, after(s.at(key, n), sets)})
	}
}

// at gives a record as it was in a state.
func (s *states) at(key string, state int) registry.Fields {
	versions := s.versions[key]
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].from <= state {
			return versions[i].fields
		}
	}
	return nil
}

// newest gives the last state that can have been there at a time.
func (s *states) newest(at time.Duration) int {
	later := sort.Search(len(s.soonest), func(n int) bool { return s.soonest[n] > at })
	return max(later-1, 0)
}

// turns gives the states behind one, up to another, in which one of some
// records was written.
func (s *states) turns(from, to int, keys ...string) []int {
	var turns []int
	for _, key := range keys {
		versions := s.versions[key]
		for i := len(versions) - 1; i >= 0 && versions[i].from > from; i-- {
			if versions[i].from <= to {
				turns = append(turns, versions[i].from)
			}
		}
	}
	return turns
}

// A question is what a check asks.
type question struct {
	token           string // its key
	client, profile string // theirs
	peer            netip.Addr
}

// String tells of a question in a fault.
func (q question) String() string {
	return fmt.Sprintf("%s, of %s with %s, from %v", q.token, q.client, q.profile, q.peer)
}

// A told is what a check is told: a reason, and of whom it allows, what the
// upstream learns of client and profile.
type told struct{ reason, name, scopes string }

// decide is the order of evaluation again, as far as the questions go, in plain
// words and over plain fields.
func (s *states) decide(state int, q question) told {
	token, client, profile := s.at(q.token, state), s.at(q.client, state), s.at(q.profile, state)
	switch {
	case !isWhole(token):
		return told{reason: "record_invalid"}
	case token == nil:
		return told{reason: "token_unknown"}
	case token["state"] != "active":
		return told{reason: "credential_revoked"}
	case !isWhole(client):
		return told{reason: "record_invalid"}
	case client == nil:
		return told{reason: "client_unknown"}
	case client["state"] != "active":
		return told{reason: "client_disabled"}
	case !isWhole(profile):
		return told{reason: "record_invalid"}
	case profile == nil:
		return told{reason: "profile_unknown"}
	case profile["state"] != "active":
		return told{reason: "profile_disabled"}
	case !slices.Contains(strings.Fields(profile["accepts"]), "token"):
		return told{reason: "kind_not_accepted"}
	case !isIn(client["allow"], q.peer), !isIn(profile["allow"], q.peer), !isIn(token["allow"], q.peer):
		return told{reason: "peer_not_allowed"}
	}
	return told{"allowed", client["name"], profile["scopes"]}
}

// isWhole tells a record that is there, or is not, from what comes of a field
// that is written to one which is not.
func isWhole(record registry.Fields) bool { return record == nil || record["id"] != "" }

// isIn tells whether an allowlist, where there is one, has a peer.
func isIn(allow string, peer netip.Addr) bool {
	return allow == "" || slices.ContainsFunc(strings.Fields(allow), func(network string) bool {
		return netip.MustParsePrefix(network).Contains(peer)
	})
}

// An explanation says how an answer stands to the states.
type explanation struct {
	from, to int  // the states that it may be of
	explains bool // one of them gives the answer
	moved    bool // not all of them give the same
}

// explain looks for a state, between one and another, that gives an answer.
func (s *states) explain(q question, got told, from, to int) explanation {
	e := explanation{from: from, to: to}
	first := s.decide(from, q)
	e.explains = first == got
	for _, state := range s.turns(from, to, q.token, q.client, q.profile) {
		want := s.decide(state, q)
		e.moved = e.moved || want != first
		e.explains = e.explains || want == got
	}
	return e
}
