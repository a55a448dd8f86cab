package e2e

import (
	"fmt"
	"slices"
	"time"
)

// faults are all that befalls a besieged server.
func faults() []fault {
	return slices.Concat(networkFaults(), processFaults(), accessFaults(), registryFaults())
}

// networkFaults are those of the way to Redis. Where a reply is cut off, what
// has come of it must count for nothing: half a record lacks the half that
// would have denied.
func networkFaults() []fault {
	all := []fault{
		{name: "refused", row: "It is down", strike: func(s *siege) { s.wire.Refuse() }, outlasted: true},
		{name: "reset", row: "Connections are cut", strike: func(s *siege) { s.wire.Reset() }},
		{name: "no replies", row: "It hangs", strike: func(s *siege) { s.wire.Hang() }, outlasted: true},
		{name: "no replies and no connections", row: "It hangs", strike: func(s *siege) { s.wire.Vanish() }},
		{name: "slow by 10 ms", row: "It is slow", strike: func(s *siege) { s.wire.Slow(10 * time.Millisecond) }, unknown: served, lasts: whileItLasts},
		{name: "slow by 60 ms", row: "Its answers take longer", strike: func(s *siege) { s.wire.Slow(60 * time.Millisecond) },
			lasts: untilReadAgain, outlasted: true},
		{name: "slow by 500 ms", row: "Its answers take so long", strike: func(s *siege) { s.wire.Slow(500 * time.Millisecond) }},
		{name: "byte by byte", row: "Its answers take so long", strike: func(s *siege) { s.wire.Drip(5 * time.Millisecond) }},
		// A connection begins with HELLO, whose answer names none of these.
		{name: "cut in the registry", row: "Connections are cut", strike: func(s *siege) { s.wire.Cut("\r\nschema\r\n") }},
		{name: "cut behind the registry", row: "Connections are cut", strike: func(s *siege) { s.wire.Cut("\r\ncreated_at\r\n") }},
		// From here on the change feed is whole: the registry is the last that it brings.
		{name: "cut between replies", row: "The answers to some reads", strike: func(s *siege) { s.wire.Cut("Z\r\n") }, lasts: untilReadAgain},
		{name: "cut in a token, before its state", row: "The answers to some reads", strike: func(s *siege) {
			s.wire.Cut("profile\r\n$7\r\npartner\r\n")
		}, hits: []string{newcomer}, lasts: untilReadAgain},
		{name: "cut in a client, before its state", row: "The answers to some reads", strike: func(s *siege) {
			s.wire.Cut(fmt.Sprintf("$2\r\nid\r\n$%d\r\n%s\r\n", len(s.newcomer), s.newcomer))
		}, hits: []string{newcomer}, lasts: untilReadAgain},
	}
	for i := range all {
		f := &all[i]
		f.mend, f.known = func(s *siege) { s.wire.Heal() }, served
		if f.unknown == "" {
			f.unknown = denied
		}
		if f.lasts == "" {
			f.lasts = untilStale
		}
	}
	return all
}
