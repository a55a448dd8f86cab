package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// An upset is something that befalls servers and Redis during a trial.
type upset struct {
	name   string
	hits   []int // servers
	strike func()
	mend   func()
	loses  bool // contact: it lasts until those servers say so
}

// upsets are all that befalls a trial, in turn.
func (r *trial) upsets() []upset {
	a, b := r.members[0], r.members[1]
	heal := func(m *member) func() { return func() { m.wire.Jitter(jitter) } }
	each := []int{0, 1}
	forget := func(m *member, also ...string) func() {
		return func() {
			r.redis.CLI("ZREM", key+registry.FleetKey, m.name)
			for _, name := range also {
				r.redis.CLI("DEL", name)
			}
		}
	}
	nothing := func() {}
	return []upset{
		{"refused", []int{0}, a.wire.Refuse, heal(a), true},
		{"no replies", []int{1}, b.wire.Hang, heal(b), true},
		{"killed, and back", each, r.redis.Stop, r.redis.Restart, true},
		{"slow", []int{0}, func() { a.wire.Slow(20 * time.Millisecond) }, heal(a), false},
		{"off the list", []int{1}, forget(b), nothing, false},
		{"off the list, without a trace", []int{0}, forget(a, key+registry.ServerKey(a.name)), nothing, false},
		{"severed", []int{1}, b.wire.Sever, heal(b), true},
		{"cut in the feed", []int{0}, func() { a.wire.Cut("\r\nkeys\r\n") }, heal(a), true},
		{"hung", each, r.redis.Pause, r.redis.Resume, true},
		{"connections killed", each, func() { r.redis.CLI("CLIENT", "KILL", "TYPE", "normal") }, nothing, false},
		{"reset", []int{1}, b.wire.Reset, heal(b), true},
		{"severed, and the stream trimmed", []int{0}, a.wire.Sever, func() { r.trim(); heal(a)() }, true},
		{"restarted", each, r.redis.Restart, nothing, false},
	}
}

// endure lets an upset befall the servers while all goes on, and waits until
// those that it hits go by all there is, and look up again.
func (r *trial) endure(u upset) {
	r.t.Helper()
	from := r.now()
	u.strike()
	for _, i := range u.hits {
		if u.loses {
			r.members[i].awaitFollows(false)
		}
	}
	r.awaitChecks(1000)
	u.mend()
	mended := r.now()
	newest := r.newest()
	for _, i := range u.hits {
		m := r.members[i]
		r.awaitApplied(m, newest)
		m.awaitFollows(true)
		m.awaitLookups()
		m.upsets = append(m.upsets, span{from, r.now()})
	}
	r.t.Logf("%s: for %v; all was well %v after", u.name, (mended - from).Round(time.Millisecond), (r.now() - mended).Round(time.Millisecond))
}

// trim removes the entries that were recorded from the change stream: who has
// to go on from one of them cannot.
func (r *trial) trim() {
	r.t.Helper()
	r.redis.CLI("XTRIM", key+registry.ChangesKey, "MINID", r.recorded())
}

// awaitFollows waits until a server says that it follows the registry, or that
// it does not.
func (s *stack) awaitFollows(follows bool) {
	s.t.Helper()
	parts.Await(s.t, patience, fmt.Sprintf("the server follows the registry: %v", follows), func() error {
		response, err := http.Get("http://" + s.at.Ops + "/readyz")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && follows == strings.Contains(string(body), "registry:") {
			err = errors.New(string(body))
		}
		return err
	})
}

// awaitLookups waits until a server looks up tokens that nobody has ever shown
// it, a number of times in a row: each may go by another connection.
func (s *stack) awaitLookups() {
	s.t.Helper()
	probe := newLine(s.t, s.at.GRPC)
	defer probe.conn.Close()
	row := 0
	parts.Await(s.t, patience, "the server looks up", func() error {
		for row < 32 {
			answer, err := probe.ask(checkBy(stranger(), "10.9.9.9"))
			if err != nil {
				return err
			}
			got, err := toldBy(answer)
			if err != nil {
				return err
			}
			if row++; got.reason != "token_unknown" {
				row = 0
				return errors.New(got.reason)
			}
		}
		return nil
	})
}

// isUpset tells whether something was wrong with a server in a time.
func (m *member) isUpset(from, to time.Duration) bool {
	for _, u := range m.upsets {
		if from <= u.to && to >= u.from {
			return true
		}
	}
	return false
}
