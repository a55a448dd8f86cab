package cache

import (
	"fmt"
	"time"
)

// An action is one thing that can happen to a machine.
type action struct {
	do  deed
	arg uint8
}

type deed uint8

const (
	beginsCheck deed = iota // of a token
	steps                   // of a check
	finds                   // of a read: all there is
	findsHalf               // and later the rest
	ends                    // of a read
	endsInVain
	commits // of some records
	writes  // of one, of which the stream does not tell
	tells   // of what was written
	roundFinds
	roundEnds
	roundFails
	startFinds
	starts
	beats
	joins
	passes // of time
	tracks // anew
	drops  // missing from the fleet
	trims
	failsOver
	evicts
	bars
	exchanges // the registry for another
	readsRoot
)

var deedNames = [...]string{
	"check", "step", "find", "find half", "end", "end in vain", "commit", "write", "tell", "round finds", "round ends", "round fails",
	"start finds", "start", "beat", "join", "time passes", "tracking begins", "missing from the fleet", "trim", "fail over", "evict", "bar",
	"exchange", "read root",
}

func (a action) String() string { return fmt.Sprintf("%s %d", deedNames[a.do], a.arg) }

// What commits there are.
var commitments = [...]func(w *world){
	func(w *world) { w.commit(true, aRecord, clientA) },
	func(w *world) { w.commit(true, aRecord, clientA, profile) },
	func(w *world) { w.commit(true, aRecord, tokenAByPepper) },
	func(w *world) { w.commit(true, nothing, tokenAPlain) },
	func(w *world) { w.commit(false, aRecord, profile) },
	func(w *world) { w.commit(false, aRecord, clientA) },
	func(w *world) { w.digests = (w.digests + 1) % len(w.kit.kinds); w.commit(true, aRecord, rootSlot) },
	func(w *world) { w.state++; w.tell(0, true) },
	// For the random walks alone.
	func(w *world) { w.commit(true, aRecord, clientB, tokenBPlain) },
	func(w *world) { w.commit(true, nothing, tokenAByPepper, tokenBByPepper) },
	func(w *world) { w.commit(true, aRecord, tokenAPlain, tokenBPlain) },
	func(w *world) { w.commit(false, nonsense, clientA) },
	func(w *world) { w.commit(true, nothing, clientB) },
	func(w *world) { w.commit(false, aRecord, tokenBByPepper, clientB, profile) },
}

// What plain writes there are.
var writings = [...]func(w *world){
	func(w *world) { w.put(clientA, aRecord) },
	func(w *world) { w.put(tokenAPlain, nothing) },
	func(w *world) { w.put(profile, aRecord) },
	func(w *world) { w.put(tokenAByPepper, aRecord) },
	func(w *world) { w.put(clientB, nonsense) },
	func(w *world) { w.put(tokenBPlain, aRecord) },
	func(w *world) { w.redigest() },
}

// How time passes, by both clocks.
var passings = [...][2]time.Duration{
	{100 * time.Millisecond, 100 * time.Millisecond},
	{1500 * time.Millisecond, 1500 * time.Millisecond}, // a round is late
	{modelTTL + time.Second, modelTTL + time.Second},
	{modelStaleFor + time.Second, modelStaleFor + time.Second},
	{time.Millisecond, -time.Hour},             // the clock is set back
	{time.Millisecond, modelNegative + 500e6},  // it is set forward,
	{time.Millisecond, 2 * modelStaleFor},      // and by more
	{modelNegative + 1, modelNegative + 1},     // a negative fact is old
	{10 * time.Millisecond, -time.Millisecond}, // the clocks differ a little
}

// perform does an action, and tells whether it was possible.
func (m *machine) perform(a action) bool {
	done := m.attempt(a)
	if done {
		m.settled()
	}
	return done
}

func (m *machine) attempt(a action) bool {
	arg := int(a.arg)
	switch a.do {
	case beginsCheck:
		if len(m.checks) == mostChecks {
			return false
		}
		m.doCheck(arg)
	case steps:
		return m.doStep(arg)
	case finds:
		return m.doSnap(arg, false)
	case findsHalf:
		return m.doSnap(arg, true)
	case ends:
		return m.doEnd(arg)
	case endsInVain:
		return m.doEndInVain(arg)
	case commits:
		commitments[arg](m.w)
	case writes:
		writings[arg](m.w)
	case tells:
		return m.doTold()
	case roundFinds:
		return m.doRoundSnap()
	case roundEnds:
		return m.doRoundEnd()
	case roundFails:
		return m.doRoundFail()
	case startFinds:
		return m.doStartSnap()
	case starts:
		return m.doStartEnd()
	default:
		return m.attemptRare(a)
	}
	return true
}

func (m *machine) attemptRare(a action) bool {
	arg := int(a.arg)
	switch a.do {
	case beats:
		return m.doBeat()
	case joins:
		return m.doJoin()
	case passes:
		m.doTime(passings[arg][0], passings[arg][1])
	case tracks:
		m.doTrackAgain()
	case drops:
		return m.doDrop()
	case trims:
		return m.doTrim(arg)
	case failsOver:
		return !m.isHalfRead() && m.doFailOver(1+arg)
	case evicts:
		m.doEvict()
	case bars:
		return m.doBar(arg == 1)
	case exchanges:
		if m.isHalfRead() {
			return false // it would be of two registries
		}
		m.w.state++
		m.w.foreign = !m.w.foreign
		m.w.writeRoot(byCommit)
	case readsRoot:
		m.doReadRoot()
	}
	return true
}

// mostChecks is how many checks are under way at a time.
const mostChecks = 3

// isHalfRead tells whether a read has found one half.
func (m *machine) isHalfRead() bool {
	for _, f := range m.fills {
		if f.stage == 1 {
			return true
		}
	}
	return false
}

// drain lets all come to its end, and then holds the Cache to what it is for:
// it knows what stands there, and asks nobody.
func (m *machine) drain() {
	m.w.foreign = false
	m.w.writeRoot(byCommit)
	m.doBar(false)
	m.doTime(time.Second/10, time.Second/10)
	for range 4 {
		for i := range m.fills {
			m.doSnap(i, false)
			m.doEnd(i)
		}
		m.settled()
		for m.doTold() {
		}
		m.doJoin()
		m.doBeat()
		m.doStartSnap()
		m.doStartEnd()
		m.settled()
		m.doRoundSnap()
		m.doTime(time.Second/10, time.Second/10)
		m.doRoundEnd()
		m.settled()
	}
	for range 20 * mostChecks {
		m.goOn()
	}
	m.fixed()
}

// goOn has each check go on, and each read end at once.
func (m *machine) goOn() {
	for i := len(m.checks) - 1; i >= 0; i-- {
		m.doStep(i)
	}
	for i := range m.fills {
		m.doSnap(i, false)
		m.doEnd(i)
	}
	m.settled()
}

// fixed holds what is left once all has come to its end.
func (m *machine) fixed() {
	if n := len(m.checks); n > 0 {
		m.fails("%d checks wait for what never comes", n)
	}
	if len(m.fills) > 0 || len(m.c.pending) > 0 || len(m.c.waiting) > 0 {
		m.fails("reads are left: %d, %d facts, %d waiting", len(m.fills), len(m.c.pending), len(m.c.waiting))
	}
	for token := range m.w.kit.secrets {
		for range 2 {
			before := m.reads
			m.doCheck(token)
			for range 8 {
				m.goOn()
			}
			if len(m.checks) > 0 {
				m.fails("a check in peace does not end")
			}
			if m.reads > before+2 {
				m.fails("a check in peace reads %d times", m.reads-before)
			}
		}
		if m.isWithheld(token) || m.c.options.NegativeTTL == 0 {
			continue
		}
		reads, inVain := m.reads, m.undecided
		m.doCheck(token)
		for range 5 {
			m.goOn()
		}
		if m.reads > reads || m.undecided > inVain || len(m.checks) > 0 {
			m.fails("a check of what is known reads %d times, and is not decided %d times", m.reads-reads, m.undecided-inVain)
		}
	}
}

// isWithheld tells whether something is withheld that a token needs.
func (m *machine) isWithheld(token int) bool {
	slots := append(m.w.kit.tokenSlots(token, m.w.kit.kinds[0]), clientA+slot(token), profile, rootSlot)
	for _, s := range slots {
		if m.withheld(s) {
			return true
		}
	}
	return false
}
