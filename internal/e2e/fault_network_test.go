package e2e

import (
	"testing"
	"time"
)

// TestFaultsOfTheNetwork breaks the way to Redis under one server, in every way
// one after the other. Where a reply is cut off, what has come of it must count
// for nothing: half a record lacks the half that would have denied.
func TestFaultsOfTheNetwork(t *testing.T) {
	s := besiege(t, true)
	heal := func(s *siege) { s.wire.Heal() }
	for _, f := range []fault{
		{name: "refused", strike: func(s *siege) { s.wire.Refuse() }},
		{name: "reset", strike: func(s *siege) { s.wire.Reset() }},
		{name: "no replies", strike: func(s *siege) { s.wire.Hang() }},
		{name: "no replies and no connections", strike: func(s *siege) { s.wire.Vanish() }},
		{name: "slow by 10 ms", strike: func(s *siege) { s.wire.Slow(10 * time.Millisecond) }, served: true},
		{name: "slow by 500 ms", strike: func(s *siege) { s.wire.Slow(500 * time.Millisecond) }},
		{name: "slow by 60 ms", strike: func(s *siege) { s.wire.Slow(60 * time.Millisecond) }},
		{name: "byte by byte", strike: func(s *siege) { s.wire.Drip(5 * time.Millisecond) }},
		// A connection begins with HELLO, whose answer names none of these.
		{name: "cut in the registry", strike: func(s *siege) { s.wire.Cut("\r\nschema\r\n") }},
		{name: "cut behind the registry", strike: func(s *siege) { s.wire.Cut("\r\ncreated_at\r\n") }},
		{name: "cut between replies", strike: func(s *siege) { s.wire.Cut("Z\r\n") }},
		{name: "cut in a token, before its state", strike: func(s *siege) {
			s.wire.Cut("profile\r\n$7\r\npartner\r\n")
		}, hits: []string{"known", "switched off"}},
		{name: "cut in a client, before its state", strike: func(s *siege) {
			s.wire.Cut("$2\r\nid\r\n$3\r\noff\r\n")
		}, hits: []string{"switched off"}},
	} {
		f.mend = heal
		if !t.Run(f.name, func(t *testing.T) { s.endure(t, f) }) {
			return // what follows would fail for what this one left
		}
	}
}
