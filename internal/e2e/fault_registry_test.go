package e2e

import (
	"slices"
	"strings"
)

// registryFaults are those of what Redis holds.
func registryFaults() []fault {
	root := func(fields ...string) func(*siege) {
		return func(s *siege) { s.set("registry", fields...) }
	}
	rejected := []fault{
		{name: "no record of the registry", row: "It was emptied", strike: func(s *siege) {
			s.redisDoes("1", "DEL", "{credence}:registry")
		}, mend: (*siege).mendRoot},
		{name: "another registry", row: "It is another registry", strike: root("id", "other"), mend: (*siege).mendRoot},
		{name: "a pepper that the server lacks", row: "A pepper", strike: root("digests", "h2 h1"), mend: (*siege).mendRoot},
		{name: "another pepper", row: "A pepper", strike: root("check_h1", "0123456789abcdef"), mend: (*siege).mendRoot},
		{name: "a schema to come", row: "The record `registry`", strike: root("schema", "2"), mend: (*siege).mendRoot},
		spoilt("registry", "The record `registry`"),
	}
	for i := range rejected {
		f := &rejected[i]
		f.known, f.unknown, f.lasts = denied, denied, untilMended
	}
	return slices.Concat(rejected, []fault{
		{name: "an older copy", row: "It went back", strike: func(s *siege) {
			s.writeChange() // what comes behind it is lost
			s.redis.Save()
			s.writeChange()
			s.redis.Restart()
			s.redis.Unsave()
		}, mend: (*siege).writeChange, known: served, unknown: served, drops: true, lasts: untilMended},
		{name: "its change stream trimmed", row: "Its change stream was trimmed", strike: func(s *siege) {
			s.writeChange()
			s.redis.CLI("XTRIM", "{credence}:changes", "MAXLEN", "0")
		}, mend: func(*siege) {}, known: served, unknown: served, drops: true, lasts: whileItLasts},
		{name: "its change stream deleted", row: "Its change stream was deleted", strike: func(s *siege) {
			s.writeChange()
			s.redisDoes("1", "DEL", "{credence}:changes")
		}, mend: (*siege).writeChange, known: served, unknown: served, drops: true, lasts: whileItLasts},
		spoilt("changes", "Its change stream is"),
		{name: "its list of servers deleted", row: "A server was taken off", strike: func(s *siege) {
			s.redisDoes("1", "DEL", "{credence}:fleet")
		}, mend: func(*siege) {}, known: served, unknown: served, drops: true, lasts: whileItLasts},
		spoilt("token:", "One record", acme),
		spoilt("client:off", "One record", switchedOff),
		spoilt("profile:partner", "One record", acme, newcomer), // that a client is off is found first
	})
}

// writeChange writes an entry to the change stream, as of another program, and
// lets the server apply it.
func (s *siege) writeChange() {
	s.t.Helper()
	before := s.metric("credence_changes_applied_total")
	s.redis.CLI("XADD", "{credence}:changes", "*", "keys", "client:nobody", "op", "set", "by", "test")
	await(s.t, "the change is applied", func() bool { return s.metric("credence_changes_applied_total") > before })
}

// spoilt is a key that is of another type for a while. What stood there is put
// back by renaming: there is no moment without it. Where callers are named it is
// a record that they need; token: stands for that of acme.
func spoilt(key, row string, hits ...string) fault {
	kind, _, _ := strings.Cut(key, ":")
	const kept = "{credence}:kept"
	whole := func(s *siege) string {
		if key == "token:" {
			return "{credence}:token:" + s.digest(s.tokens["acme"])
		}
		return "{credence}:" + key
	}
	f := fault{name: kind + " of a wrong type", row: row, known: served, unknown: denied, lasts: untilStale, strike: func(s *siege) {
		if key == "changes" {
			s.writeChange() // so that it is there
		}
		s.redisDoes("1", "COPY", whole(s), kept)
		s.redisDoes("OK", "SET", whole(s), "text")
	}, mend: func(s *siege) {
		s.redisDoes("OK", "RENAME", kept, whole(s))
	}}
	if hits != nil {
		f.known, f.unknown, f.hits, f.lasts = denied, denied, hits, untilMended
	}
	return f
}
