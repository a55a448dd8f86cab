package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"credence/internal/e2e/parts"
)

// A fate is what becomes of callers while a fault lasts.
type fate string

// The fates, as docs/operations.md says them.
const (
	served fate = "served" // as the records say; 403 and 401 are among that
	denied fate = "503"
)

// How long what a fault does to callers goes on, as docs/operations.md says it.
const (
	whileItLasts   = "as long as it lasts"
	untilStale     = "`cache.stale_for`, then 503"
	untilMended    = "until it is mended"
	untilReadAgain = "`cache.ttl` and `cache.stale_for`, then 503"
)

// A fault is something that befalls Redis, or the way there.
type fault struct {
	name   string
	row    string       // of docs/operations.md: how it begins
	strike func(*siege) // returns when it has come true
	mend   func(*siege)
	// What becomes of callers whose facts are in memory, and of the others.
	known, unknown fate
	hits           []string // by name, those who are denied; none: all of a kind that is
	lasts          string
	// drops says that all facts are dropped when it comes, or goes: known
	// callers may be denied until theirs were read again.
	drops bool
	// outlasted says that it is tried as well whether it ends as it should.
	outlasted bool
}

// of gives what a caller must be told while the fault lasts.
func (f fault) of(c caller) expectation {
	if f.denies(c) {
		return mustDeny
	}
	return mustServe
}

// denies tells whether a caller is denied.
func (f fault) denies(c caller) bool {
	fate := map[kind]fate{known: f.known, unknown: f.unknown}[c.kind]
	return fate == denied && (f.hits == nil || slices.Contains(f.hits, c.name))
}

// losesContact tells whether what is known serves, and nothing is looked up.
func (f fault) losesContact() bool {
	return f.known == served && f.unknown == denied && f.hits == nil && f.lasts == untilStale
}

// coming gives what callers may be told while the fault comes, and goes. Those
// who are served from memory must not notice.
func (f fault) coming(c caller) expectation {
	if c.kind == known && !f.denies(c) && !f.drops {
		return mustServe
	}
	return either
}

// TestFaults lets servers live through all that can become of their Redis, or
// of the way there, one fault after the other, under traffic. Clients whose
// facts are in memory notice nothing, unless the registry is another one;
// nobody is told 401 because Redis failed; and all is well again without a
// restart. What is served from memory is so for cache.stale_for and no longer.
func TestFaults(t *testing.T) {
	outlasted := slices.DeleteFunc(faults(), func(f fault) bool { return !f.outlasted })
	var lanes sync.WaitGroup
	defer lanes.Wait()
	for _, lane := range []struct {
		name     string
		staleFor time.Duration
		faults   []fault
		endure   func(*trouble)
	}{
		{"of the way", 5 * time.Minute, networkFaults(), (*trouble).pass},
		{"of the registry", 5 * time.Minute, registryFaults(), (*trouble).pass},
		{"of the server", 5 * time.Minute, slices.Concat(processFaults(), accessFaults()), (*trouble).pass},
		{"for too long", 3 * time.Second, outlasted, (*trouble).outlast},
	} {
		lanes.Go(func() {
			t.Run(lane.name, func(t *testing.T) {
				s := besiege(t, lane.staleFor)
				for _, f := range lane.faults {
					s.endureAgain(t, f, lane.endure)
				}
			})
		})
	}
}

// Each fault is tried anew where the machine stood still for a while: a lookup
// may take 50 ms, and a server that is not run cannot make one. Envoy waits for
// an answer 80 ms longer than a server takes at most: where that is what the
// machine stands still for each time, that it was late says nothing.
const (
	attempts  = 5
	stall     = 40 * time.Millisecond
	longStall = 80 * time.Millisecond
)

// endureAgain lets a fault befall the registry under traffic, and fails unless
// every answer is the right one and Envoy gets it in time.
func (s *siege) endureAgain(t *testing.T, f fault, endure func(*trouble)) {
	ok := t.Run(f.name, func(t *testing.T) {
		defer func(outer *testing.T) { s.t = outer }(s.t)
		s.t = t
		for attempt := 1; ; attempt++ {
			e := s.endure(t, f, endure)
			text := strings.Join(e.wrong[:min(len(e.wrong), 10)], "\n")
			isLast := attempt == attempts
			switch {
			case len(e.wrong) == 0 && (e.late == 0 || isLast && e.stalled >= longStall):
				return
			case e.stalled < stall || isLast:
				t.Fatalf("attempt %d, while the machine stood still for %v at most: Envoy counts %d checks without an answer in time\n%s", attempt, e.stalled, e.late, text)
			}
			t.Logf("the machine stood still for %v: again, since Envoy had no answer in time to %d checks\n%s", e.stalled, e.late, text)
		}
	})
	if !ok {
		t.Fatalf("what follows would fail for what %q left", f.name)
	}
}

// An endured is what came of one attempt.
type endured struct {
	wrong   []string      // answers, and what was told
	late    int64         // checks that Envoy had no answer to in time
	stalled time.Duration // for which the machine stood still
}

// endure is one attempt.
func (s *siege) endure(t *testing.T, f fault, endure func(*trouble)) (e endured) {
	t.Helper()
	before := s.unanswered(t)
	w := watch()
	u := &trouble{t: t, siege: s, fault: f, traffic: s.traffic(t, 4, s.callers())}
	endure(u)
	u.traffic.end()
	e.wrong, e.late = u.traffic.wrong(), s.unanswered(t)-before
	if late := u.traffic.late(); late != e.late {
		e.wrong = append(e.wrong, fmt.Sprintf("%d answers were Envoy's own, and it counts %d errors", late, e.late))
	}
	// Whoever needs no registry waits for nothing but the machine.
	needless := func(c caller) bool { return c.kind == anybody }
	e.stalled = max(w.end(), u.traffic.slowest(needless))
	t.Logf("%s; %s; the machine stood still for %v at most", u.traffic, u.told, e.stalled.Round(time.Millisecond))
	return e
}

// unanswered counts the checks that Envoy got no answer to. Those that it let
// pass for that reason, and answers that it could not use, fail the test.
func (s *siege) unanswered(t *testing.T) int64 {
	t.Helper()
	for _, counter := range []string{"failure_mode_allowed", "invalid"} {
		if n := s.envoy.Stat("http.api.ext_authz." + counter); n != 0 {
			t.Errorf("Envoy counts ext_authz %s %d, want 0", counter, n)
		}
	}
	return s.envoy.Stat("http.api.ext_authz.error")
}

// A trouble is a fault under way.
type trouble struct {
	*siege
	t       *testing.T
	fault   fault
	traffic *traffic
	evident evidence
	struck  time.Time
	told    string // what was measured, for people
}

// pass lets a fault come and go within cache.stale_for.
func (u *trouble) pass() {
	u.strike()
	u.traffic.begin("while it lasts", func(c caller) expectation {
		if u.fault.unknown == served && c.kind == unknown {
			return either // a lookup may be late on a busy machine
		}
		return u.fault.of(c)
	})
	u.traffic.awaitAnswers(60)
	u.traffic.awaitRow(4, gotServed, func(c caller) bool { return !u.fault.denies(c) })
	u.traffic.awaitRow(4, gotDenied, u.fault.denies)
	switch f := u.fault; {
	case f.losesContact():
		u.wantReadiness(servesKnown)
	case f.known == denied && f.hits == nil:
		u.wantReadiness(deniesAll)
	}
	u.mend(u.fault.coming)
}

// outlast lets a fault last for longer than facts serve from memory. Then nobody
// who needs them is served, however well he is known.
func (u *trouble) outlast() {
	u.strike()
	noticed := time.Now()
	u.traffic.begin("until it is too old", u.untilTooOld(func(c caller) expectation {
		if c.kind == unknown && u.fault.unknown == served {
			return either
		}
		return u.fault.of(c)
	}))
	u.traffic.awaitRow(4, gotDenied, everybody)
	u.told = fmt.Sprintf("denied after %v", time.Since(u.struck).Round(time.Millisecond))
	longest := u.staleFor
	if u.fault.lasts == untilReadAgain {
		longest += shortTTL
	}
	if late := time.Since(noticed) - longest; late > u.staleFor {
		u.traffic.complain("known clients were served for %v longer than cache.stale_for lets them", late)
	}
	u.traffic.begin("too old", allMayBe(mustDeny))
	u.traffic.awaitAnswers(30)
	if u.fault.lasts == untilStale { // else there is contact, of a kind
		u.wantTooOld()
	}
	u.mend(allMayBe(either))
}

// untilTooOld expects the same, until what is known may be too old to serve.
// Contact may be a second old when the fault strikes, by which rounds and
// heartbeats come at least, and the machine may have stood still.
func (u *trouble) untilTooOld(expect func(caller) expectation) func(caller) expectation {
	surely := u.staleFor / 2
	return func(c caller) expectation {
		if c.kind == known && time.Since(u.struck) >= surely {
			return either
		}
		return expect(c)
	}
}

// strike lets the fault come, and returns when callers have got what they get
// while it lasts, and there was what docs/operations.md says that tells of it.
func (u *trouble) strike() {
	u.comeNew()
	u.admitNewcomer()
	u.traffic.awaitRow(4, gotServed, everybody)
	u.evident = u.evidence()
	u.struck = time.Now()
	u.traffic.begin("it comes", u.untilTooOld(u.fault.coming))
	u.fault.strike(u.siege)
	if u.fault.losesContact() {
		await(u.t, "the server says that contact is lost", func() bool { return strings.Contains(u.logged(), outOfContact) })
		u.traffic.begin("contact is lost", u.untilTooOld(u.fault.of)) // from now on nothing is looked up
	}
	u.traffic.awaitRow(3, gotDenied, u.fault.denies)
	u.traffic.join(u.newcomerAsks())
	u.wantEvidence()
	if u.fault.drops { // and what was dropped has to be read again
		u.traffic.begin("it has come", u.fault.coming)
		u.traffic.awaitRow(5, gotServed, everybody)
	}
}

// mend ends the fault, and returns when all is served again.
func (u *trouble) mend(going func(caller) expectation) {
	u.traffic.begin("it goes", going)
	mended := time.Now()
	u.fault.mend(u.siege)
	u.traffic.awaitRow(4, gotServed, everybody)
	u.told = strings.TrimPrefix(fmt.Sprintf("%s; served again after %v", u.told, time.Since(mended).Round(time.Millisecond)), "; ")
	parts.Await(u.t, 20*time.Second, "contact, and writes tracked", func() error {
		for _, name := range []string{"credence_registry_contact", "credence_writes_tracked"} {
			if u.metric(name) != 1 {
				return fmt.Errorf("%s is 0", name)
			}
		}
		return nil
	})
}
