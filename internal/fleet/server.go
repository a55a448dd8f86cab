package fleet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// Tolerance is how far the clocks of the Redis servers that may follow each
// other can be apart: what is proven of a change rests on it.
const Tolerance = 10 * time.Second

// LongestStaleFor is the longest that a server may answer from memory, as its
// configuration bounds it. It is what a server is taken to do that does not say.
const LongestStaleFor = 24 * time.Hour

// mostWithheld is how many records a server names.
const mostWithheld = 100

// A Server is one that uses a registry, as it says of itself.
type Server struct {
	Name     string
	Boot     string        // random, another one at each start
	Applied  string        // id of the newest change that it goes by; empty: not known yet
	StaleFor time.Duration // how long it answers from memory without contact
	Schema   int           // the newest layout of records that it reads
	Version  string
	Started  time.Time // by its own clock
	Beat     time.Time // its last heartbeat, by the clock of Redis, in whole seconds
	Withheld []string  // keys of records that it denies, since their changes were lost
	// Invalid says what of it cannot be read, or is not there: the first of it.
	// Then StaleFor may be LongestStaleFor, and Applied empty.
	Invalid error
}

// Fields gives the hash of a server, as Parse reads it. Beat is not among them.
func (s Server) Fields() registry.Fields {
	fields := registry.Fields{
		"boot": s.Boot, "stale_for": registry.FormatDuration(s.StaleFor), "schema": strconv.Itoa(s.Schema),
		"version": s.Version, "started_at": registry.FormatTime(s.Started),
	}
	if s.Applied != "" {
		fields["applied"] = s.Applied
	}
	if withheld := Withheld(s.Withheld); withheld != "" {
		fields["withheld"] = withheld
	}
	return fields
}

// Withheld gives the keys of records as the field of that name holds them: as
// many as a server names.
func Withheld(keys []string) string {
	return strings.Join(keys[:min(len(keys), mostWithheld)], " ")
}

// Parse reads what stands there of a listed server. Any program may have
// written it, so that nothing of it makes the list unreadable: what is missing
// is told by Invalid, and read as what is safe to believe.
func Parse(name string, beat time.Time, fields registry.Fields) Server {
	s := Server{Name: name, Beat: beat, Boot: fields["boot"], Version: fields["version"], StaleFor: LongestStaleFor}
	if len(fields) == 0 {
		s.Invalid = invalid(name, "", "there is no such hash")
		return s
	}
	note := func(field string, err error) {
		if err != nil && s.Invalid == nil {
			s.Invalid = invalid(name, field, err.Error())
		}
	}
	staleFor, err := registry.ParseDuration(fields["stale_for"])
	note("stale_for", err)
	if err == nil {
		s.StaleFor = staleFor
	}
	if applied := fields["applied"]; applied != "" {
		if registry.IsEntry(applied) {
			s.Applied = applied
		} else {
			note("applied", fmt.Errorf("%s is no id of an entry of the change stream", credential.Shown(applied)))
		}
	}
	s.Schema, err = strconv.Atoi(fields["schema"])
	if err != nil {
		note("schema", fmt.Errorf("%s is no number", credential.Shown(fields["schema"])))
	}
	s.Started, err = registry.ParseTime(fields["started_at"])
	note("started_at", err)
	if withheld := fields["withheld"]; withheld != "" {
		s.Withheld = strings.Fields(withheld)
	}
	return s
}

func invalid(name, field, why string) error {
	return &registry.FieldError{Key: registry.ServerKey(name), Field: field, Why: why}
}

// HasApplied tells whether the server says that it goes by an entry of the
// change stream.
func (s Server) HasApplied(entry string) bool {
	return s.Applied != "" && (s.Applied == entry || registry.ComesAfter(s.Applied, entry))
}

// MayAnswerUntil gives when the server has surely stopped to answer from what it
// holds in memory, if it was never heard of again, by the clock of Redis.
func (s Server) MayAnswerUntil() time.Time { return s.Beat.Add(s.StaleFor + Tolerance) }

// IsHeardOf tells whether there was a heartbeat a moment ago.
func (s Server) IsHeardOf(now time.Time) bool { return now.Sub(s.Beat) <= Tolerance }
