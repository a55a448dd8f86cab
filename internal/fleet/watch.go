package fleet

import (
	"maps"
	"slices"
	"time"

	"credence/internal/registry"
)

// A watch is what was seen of the fleet since a change was made. It does no I/O
// and has no clock: it is told what was seen, and how long after its begin.
//
// The clock of Redis may be set while it is watched. So a time that has passed
// is the shorter of what that clock says and of what has passed here since the
// watch began, added to what it said then.
type watch struct {
	change  registry.Position
	told    time.Time // when the change was told, by the clock of Redis
	seen    map[string]*sighting
	newest  string
	now     time.Time // by the clock of Redis, at the last look
	elapsed time.Duration
	since   span // since the change was told
	lost    bool
}

// A span is a time that passes, from a moment on at which some of it had.
type span struct {
	before time.Duration // what had passed by the clock of Redis when it was first seen
	begin  time.Duration // when that was, since the begin of the watch
}

// passed gives what has surely passed of it.
func (s span) passed(byRedis, elapsed time.Duration) time.Duration {
	return min(byRedis, s.before+elapsed-s.begin)
}

// A sighting is a server as it was seen last.
type sighting struct {
	server  Server
	listed  bool
	remains bool          // it is not listed, and something is said of it
	silence span          // since its heartbeat
	has     bool          // it goes by the change
	applied time.Duration // when it was first seen to
}

func newWatch(change registry.Position) *watch {
	return &watch{
		change: change, told: registry.Change{Entry: change.Entry}.Told(), seen: make(map[string]*sighting),
	}
}

// look takes in what one look at the fleet gave.
func (w *watch) look(sight Sight, elapsed time.Duration) {
	if w.now.IsZero() {
		w.since = span{max(sight.Now.Sub(w.told), 0), elapsed}
	}
	w.now, w.elapsed, w.newest, w.lost = sight.Now, elapsed, sight.Newest, !sight.Kept
	for _, s := range w.seen {
		s.listed, s.remains = false, slices.Contains(sight.Remains, s.server.Name)
	}
	for _, server := range sight.Servers {
		w.list(server)
	}
}

func (w *watch) list(server Server) {
	s, known := w.seen[server.Name]
	if !known {
		s = &sighting{}
		w.seen[server.Name] = s
	}
	if !known || !server.Beat.Equal(s.server.Beat) {
		s.silence = span{max(w.now.Sub(server.Beat), 0), w.elapsed}
	}
	s.server, s.listed, s.remains = server, true, false
	// What it applied must be in the stream that is there: ids of one that was
	// removed can be higher.
	if has := server.HasApplied(w.change.Entry) && !w.isElsewhere(server); has != s.has {
		s.has, s.applied = has, w.elapsed
	}
}

// isElsewhere tells whether what a server applied is behind all that ever was in
// the stream.
func (w *watch) isElsewhere(server Server) bool {
	return registry.ComesAfter(server.Applied, w.newest)
}

// watchedFor is how long a server must be watched in vain before it is called
// silent, whatever the clock of Redis says: a heartbeat comes every second.
const watchedFor = 3 * time.Second

// isSilent tells whether a server has been silent for longer than it may answer
// from memory. Redis may have refused heartbeats until the change was made, so
// that it is given time to be heard of after that.
func (w *watch) isSilent(s *sighting) bool {
	silence := s.silence.passed(w.now.Sub(s.server.Beat), w.elapsed)
	since := w.since.passed(w.now.Sub(w.told), w.elapsed)
	return silence > s.server.StaleFor+Tolerance && since > Tolerance && w.elapsed-s.silence.begin > watchedFor
}

// names gives the names of all servers that were ever seen.
func (w *watch) names() []string { return slices.Sorted(maps.Keys(w.seen)) }

// verdict says what was seen until now.
func (w *watch) verdict() Verdict {
	v := Verdict{Change: w.change, Lost: w.lost}
	for _, name := range w.names() {
		s := w.seen[name]
		standing := Standing{Server: s.server, Until: w.until(s)}
		switch {
		case s.listed && s.has:
			v.Applied = append(v.Applied, standing)
			v.Took = max(v.Took, s.applied)
		case !s.listed && !s.remains:
			v.Left = append(v.Left, standing)
		case w.isSilent(s):
			v.Silent = append(v.Silent, standing)
		default:
			standing.Why = w.why(s)
			v.Missing = append(v.Missing, standing)
		}
	}
	return v
}

// until gives when isSilent will be true if a server is not heard of again.
func (w *watch) until(s *sighting) time.Time {
	until := s.server.MayAnswerUntil()
	if given := w.told.Add(Tolerance); given.After(until) {
		return given
	}
	return until
}

func (w *watch) why(s *sighting) Reason {
	switch {
	case !s.listed:
		return TakenOff
	case s.server.Invalid != nil:
		return Unreadable
	case s.silence.passed(w.now.Sub(s.server.Beat), w.elapsed) > Tolerance:
		return NotHeardOf
	case w.isElsewhere(s.server):
		return Elsewhere
	}
	return Behind
}
