package cache

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// A slot is a place in the model's registry where a record may stand. There
// are two tokens, each stored by a digest of two kinds, each of a client of
// its own, and one profile for both.
type slot uint8

const (
	rootSlot slot = iota
	tokenAByPepper
	tokenAPlain
	tokenBByPepper
	tokenBPlain
	clientA
	clientB
	profile
	slots
)

// How a record came to be what it is.
type cause uint8

const (
	byCommit cause = iota // the change stream tells of it
	byPlain               // only client tracking does
	byReturn              // a fail-over brought back what was before
)

// A span is what stood in a slot from one state of the registry on, until the
// next span of the slot. States are counted: each write makes a new one.
type span struct {
	from  int
	entry registry.Entry
	by    cause
	told  int  // byPlain: the state in which tracking told of it; 0: not yet
	taint bool // byReturn: what was lost had been applied
}

// A told is an entry of the model's change stream.
type told struct {
	number int // 7 for 7-0
	state  int // that it made
	change registry.Change
	slots  []slot
}

// A world is a registry: all that ever stood there, and what of it is told.
type world struct {
	kit     *kit
	state   int // that it is in
	history [slots][]span
	stream  []told
	last    int // number of the newest entry that ever was
	seq     uint64
	digests int // which of kit.kinds
	foreign bool
	failed  int                    // how often it has failed over
	plain   []slot                 // written, and not told of yet
	flushed []int                  // states in which the cache has dropped everything
	roots   map[*registry.Root]int // the state in which each was written
}

func newWorld(k *kit) *world {
	w := &world{kit: k, roots: make(map[*registry.Root]int)}
	for s := range w.history {
		w.history[s] = []span{{}}
	}
	w.history[rootSlot] = nil
	w.writeRoot(byCommit)
	for _, s := range []slot{tokenAPlain, tokenBPlain, clientA, clientB, profile} {
		w.history[s][0].entry = k.record(s, 0)
	}
	w.tell(0, false, profile) // the stream is not empty
	return w
}

// A kit is what does not change from one run of the model to the next.
type kit struct {
	peppers credential.Peppers
	check   string
	kinds   [][]credential.DigestKind // what the root record may say
	secrets [2]credential.Secret
	refs    [slots]registry.Ref
	owners  [2]struct {
		client  registry.ClientID
		profile registry.ProfileID
	}
	numbers []string // entries by number
	turns   *turns   // dear to make, and not used
}

func newKit(t testing.TB) *kit {
	t.Helper()
	peppers, err := credential.NewPeppers(map[credential.DigestKind]credential.Secret{"h1": credential.NewSecret("pepper")})
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{peppers: peppers, turns: newTurns(), kinds: [][]credential.DigestKind{{"h1", "s1"}, {"s1"}, {"s1", "h1"}}}
	if k.check, err = peppers.Check("h1"); err != nil {
		t.Fatal(err)
	}
	k.refs[rootSlot] = registry.RootRef
	for i, first := range []slot{tokenAByPepper, tokenBByPepper} {
		k.secrets[i] = credential.NewSecret(fmt.Sprintf("a-token-of-another-system-%d", i))
		for j, kind := range []credential.DigestKind{"h1", "s1"} {
			digest, err := peppers.Digest(kind, k.secrets[i])
			if err != nil {
				t.Fatal(err)
			}
			k.refs[first+slot(j)] = registry.TokenRef(digest)
		}
		k.owners[i].client, k.owners[i].profile = registry.ClientID([]string{"a", "b"}[i]), "p"
		k.refs[clientA+slot(i)] = registry.ClientRef(k.owners[i].client)
	}
	k.refs[profile] = registry.ProfileRef("p")
	for i := range 4096 {
		k.numbers = append(k.numbers, fmt.Sprintf("%d-0", i))
	}
	return k
}

// slotOf finds the slot of a ref.
func (k *kit) slotOf(ref registry.Ref) slot {
	return slot(slices.Index(k.refs[:], ref))
}

// tokenSlots gives where a token may stand, by some kinds of digest.
func (k *kit) tokenSlots(token int, kinds []credential.DigestKind) []slot {
	found := make([]slot, len(kinds))
	for i, kind := range kinds {
		found[i] = tokenAPlain + slot(2*token)
		if kind == "h1" {
			found[i]--
		}
	}
	return found
}

// kindsOf gives by which kinds of digest a token stands in slots.
func (k *kit) kindsOf(slots []slot) (kinds []credential.DigestKind) {
	for _, s := range slots {
		kinds = append(kinds, []credential.DigestKind{"h1", "s1"}[(s-tokenAByPepper)%2])
	}
	return kinds
}

func (k *kit) tokenRefs(token int, kinds []credential.DigestKind) []registry.Ref {
	refs := make([]registry.Ref, len(kinds))
	for i, s := range k.tokenSlots(token, kinds) {
		refs[i] = k.refs[s]
	}
	return refs
}

// record makes a record of a slot that says in which state it was written.
func (k *kit) record(s slot, state int) registry.Entry {
	at := time.Unix(int64(state), 0)
	switch s {
	case clientA, clientB:
		return registry.Entry{Record: &registry.Client{ID: k.owners[s-clientA].client, State: registry.Active, Created: at}}
	case profile:
		return registry.Entry{Record: &registry.Profile{ID: "p", State: registry.Active, Created: at}}
	}
	owner := k.owners[(s-tokenAByPepper)/2]
	return registry.Entry{Record: &registry.Token{Client: owner.client, Profile: owner.profile, State: registry.Active, Created: at}}
}

var errUnreadable = errors.New("an invalid record")

// write makes a slot hold a new record, none, or one that is invalid.
func (w *world) write(s slot, by cause, what content) {
	entry := registry.Entry{}
	switch what {
	case aRecord:
		entry = w.kit.record(s, w.state)
	case nonsense:
		entry = registry.Entry{Invalid: errUnreadable}
	}
	w.history[s] = append(w.history[s], span{from: w.state, entry: entry, by: by})
}

// content is what a write leaves in a slot.
type content uint8

const (
	aRecord content = iota
	nothing
	nonsense
)

// writeRoot writes the root record as it is now.
func (w *world) writeRoot(by cause) {
	root := &registry.Root{ID: "the registry", Seq: w.seq, Digests: w.kit.kinds[w.digests], Checks: map[credential.DigestKind]string{"h1": w.kit.check}}
	if w.foreign {
		root.ID = "another registry"
	}
	w.roots[root] = w.state
	w.history[rootSlot] = append(w.history[rootSlot], span{from: w.state, entry: registry.Entry{Record: root}, by: by})
}

// tell adds an entry to the change stream; seq: a commit of credence.
func (w *world) tell(seq uint64, everything bool, named ...slot) {
	w.last++
	change := registry.Change{Entry: w.kit.numbers[w.last], Seq: seq, Op: "set"}
	if everything {
		change.Op = registry.OpFlush
	}
	for _, s := range named {
		change.Keys = append(change.Keys, w.kit.refs[s].Key())
	}
	w.stream = append(w.stream, told{w.last, w.state, change, named})
}

// commit writes records and tells of it; ours: by credence, which counts.
func (w *world) commit(ours bool, what content, named ...slot) {
	w.state++
	seq := uint64(0)
	if ours {
		w.seq++
		seq = w.seq
		w.writeRoot(byCommit)
	}
	for _, s := range named {
		if s != rootSlot {
			w.write(s, byCommit, what)
		}
	}
	w.tell(seq, false, named...)
}

// put writes one record of which the stream does not tell.
func (w *world) put(s slot, what content) {
	w.state++
	w.write(s, byPlain, what)
	w.plain = append(w.plain, s)
}

// redigest has the root record name other kinds of digest, of which the stream
// does not tell.
func (w *world) redigest() {
	w.state++
	w.digests = (w.digests + 1) % len(w.kit.kinds)
	w.writeRoot(byPlain)
	w.plain = append(w.plain, rootSlot)
}

// spanAt gives what stood in a slot in a state, and the state in which that
// ended, if it has.
func (w *world) spanAt(s slot, state int) (at span, end int) {
	for i, one := range slices.Backward(w.history[s]) {
		if one.from <= state {
			if i+1 < len(w.history[s]) {
				return one, w.history[s][i+1].from
			}
			return one, w.state + 1
		}
	}
	panic("model: a state from before the beginning")
}

// holds tells whether what stood in a slot in a state may be taken for what
// stands there in another one: it is the same, or nobody has told yet that it
// is not. Of a plain write only tracking tells, and of what a fail-over has
// brought back nobody does, until everything was dropped.
func (w *world) holds(s slot, state, in int) bool {
	was, _ := w.spanAt(s, state)
	is, _ := w.spanAt(s, in)
	if was.entry.Record == is.entry.Record && was.entry.Absent() == is.entry.Absent() {
		return true
	}
	for _, one := range w.history[s] {
		if one.from <= state || one.from > in {
			continue
		}
		dropped := slices.ContainsFunc(w.flushed, func(flush int) bool { return one.from <= flush && flush < in })
		if dropped || one.by == byCommit || one.by == byPlain && one.told > 0 && one.told < in {
			return false
		}
	}
	return in > state
}

// says tells whether the root record may be taken to say something of digests
// in a state: it does, or did before a plain write of which nobody has told.
func (w *world) says(kinds []credential.DigestKind, in int) bool {
	for _, one := range slices.Backward(w.history[rootSlot]) {
		switch {
		case one.from > in:
		case slices.Equal(digestsIn(one.entry), kinds):
			return true
		case one.by != byPlain || one.told > 0 && one.told < in:
			return false
		}
	}
	return false
}

func digestsIn(root registry.Entry) []credential.DigestKind {
	return root.Record.(*registry.Root).Digests
}

// toldOf notes that tracking has told of a slot.
func (w *world) toldOf(s slot) {
	for i := range w.history[s] {
		if one := &w.history[s][i]; one.by == byPlain && one.told == 0 {
			one.told = w.state
		}
	}
}

// now gives what stands in a slot.
func (w *world) now(s slot) registry.Entry { return w.history[s][len(w.history[s])-1].entry }

// newest gives the id of the newest entry that is there; empty: none is.
func (w *world) newest() string {
	if len(w.stream) == 0 {
		return ""
	}
	return w.stream[len(w.stream)-1].change.Entry
}

// behind gives the entries behind one, and tells whether that is there.
func (w *world) behind(entry string) (entries []told, there bool) {
	there = entry == ""
	for _, one := range w.stream {
		switch {
		case one.change.Entry == entry:
			there = true
		case registry.ComesAfter(one.change.Entry, entry):
			entries = append(entries, one)
		}
	}
	return entries, there
}

// extent tells from where to where the stream reaches.
func (w *world) extent() registry.Extent {
	e := registry.Extent{There: true, Newest: w.kit.numbers[w.last], Last: w.newest()}
	if len(w.stream) > 0 {
		e.First = w.stream[0].change.Entry
	}
	return e
}

// failOver loses the newest entries, with what they had written. Records are
// again what they were before; entries that were applied are told by their
// number.
func (w *world) failOver(lose int, applied func(number int) bool) {
	w.state++
	w.failed++
	for range min(lose, len(w.stream)-1) {
		lost := w.stream[len(w.stream)-1]
		w.stream = w.stream[:len(w.stream)-1]
		if lost.change.Seq > 0 {
			w.seq--
		}
		for _, s := range lost.slots {
			if s == rootSlot {
				continue
			}
			before, _ := w.spanAt(s, lost.state-1)
			newest := &w.history[s][len(w.history[s])-1]
			taint := applied(lost.number) || newest.by == byReturn && newest.taint
			if newest.from == w.state {
				newest.entry, newest.taint = before.entry, taint
				continue
			}
			w.history[s] = append(w.history[s], span{from: w.state, entry: before.entry, by: byReturn, taint: taint})
		}
	}
	w.writeRoot(byCommit)
}
