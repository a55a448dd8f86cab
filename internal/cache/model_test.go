package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"credence/internal/racetest"
)

// TestModelExhaustively drives a Cache through all orders in which some things
// can happen, up to a depth. Where two orders lead to the same state their
// future is tried once.
func TestModelExhaustively(t *testing.T) {
	for _, plan := range plans {
		t.Run(plan.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			explore(t, k, modelCache(t, k), plan)
		})
	}
}

// A plan says what can happen, and how much of it.
type plan struct {
	name   string
	apart  bool   // a check looks and asks in two steps
	first  string // what happens before all
	can    string
	depth  int // without the race detector
	racing int // with it
}

// known has all be known that a check of the first token needs.
const known = "check 0; find 0; end 0; step 0; step 0; find 0; end 0; step 0; "

var plans = []plan{
	{
		"commits", false, "",
		"check 0; step 0; step 1; find 0; find 1; end 0; end 1; commit 1; commit 2; round finds 0; round ends 0",
		9, 6,
	},
	{
		"commits to a token", false, known + "commit 2; round finds 0; round ends 0; ",
		"check 0; step 0; step 1; find 0; end 0; commit 1; commit 2; round finds 0; round ends 0",
		9, 6,
	},
	{
		"commits that create", false, "commit 3; round finds 0; round ends 0; ",
		"check 0; step 0; step 1; find 0; find 1; end 0; end 1; commit 2; commit 3; write 3; tell 0; round finds 0; round ends 0",
		7, 5,
	},
	{
		"commits to what is known", false, known,
		"check 0; step 0; step 1; find 0; find 1; end 0; end 1; commit 0; commit 1; commit 2; round finds 0; round ends 0; evict 0",
		7, 5,
	},
	{
		"plain writes", false, known,
		"check 0; step 0; find 0; end 0; commit 1; write 0; write 1; tell 0; tracking begins 0; evict 0; round finds 0; round ends 0",
		6, 4,
	},
	{
		"contact", false, known,
		"check 0; step 0; find 0; end 0; end in vain 0; commit 0; round finds 0; round ends 0; round fails 0; beat 0; bar 0; bar 1; " +
			"time passes 0; time passes 1; time passes 2; time passes 3; time passes 4; time passes 5; time passes 6; time passes 7",
		5, 3,
	},
	{
		"restarts", false, known,
		"check 0; step 0; find 0; end 0; commit 0; commit 5; round finds 0; round ends 0; missing from the fleet 0; join 0; " +
			"start finds 0; start 0; trim 0; trim 1; fail over 0; fail over 1",
		7, 5,
	},
	{
		"digests", true, "",
		"check 0; step 0; step 1; find 0; end 0; commit 2; commit 6; write 6; tell 0; time passes 4; round finds 0; round ends 0; exchange 0",
		6, 5,
	},
	{
		"everything", true, "",
		"check 0; check 1; step 0; step 1; find 0; find half 0; end 0; end in vain 0; commit 0; commit 1; commit 3; commit 5; commit 6; commit 7; " +
			"write 0; tell 0; round finds 0; round ends 0; round fails 0; start finds 0; start 0; beat 0; join 0; time passes 1; time passes 2; time passes 3; time passes 4; " +
			"tracking begins 0; missing from the fleet 0; trim 0; trim 1; fail over 0; evict 0; bar 0; bar 1; exchange 0; read root 0",
		4, 3,
	},
}

// explore tries all that a plan can do.
func explore(t *testing.T, k *kit, c *Cache, p plan) {
	first, can := parseActions(t, p.first), parseActions(t, p.can)
	depth := p.depth
	if racetest.Enabled {
		depth = p.racing
	}
	type node struct {
		parent int
		action action
	}
	nodes := []node{{parent: -1}}
	seen := make(map[uint64]bool)
	var buffer []byte
	path := func(n int) (actions []action) {
		for ; nodes[n].parent >= 0; n = nodes[n].parent {
			actions = append(actions, nodes[n].action)
		}
		slices.Reverse(actions)
		return append(slices.Clone(first), actions...)
	}
	tried, level := 0, []int{0}
	for range depth {
		var next []int
		for _, n := range level {
			before := path(n)
			var m *machine
			for _, a := range can {
				if m == nil {
					m = newMachine(k, c, p.apart, modelNegative)
					for _, b := range before {
						m.perform(b)
					}
				}
				if !m.perform(a) {
					continue // and nothing has changed
				}
				tried++
				if m.err != nil {
					report(t, k, c, p.apart, modelNegative, append(before, a), m.err)
				}
				var print uint64
				print, buffer = m.print(buffer)
				m = nil
				if !seen[print] {
					seen[print] = true
					nodes = append(nodes, node{n, a})
					next = append(next, len(nodes)-1)
				}
			}
		}
		level = next
	}
	t.Logf("to a depth of %d: %d states by %d steps", depth, len(nodes), tried)
}

// report tells what did not hold, and by which actions.
func report(t *testing.T, k *kit, c *Cache, apart bool, negative time.Duration, actions []action, err error) {
	t.Helper()
	for i := 0; i < len(actions); i++ {
		shorter := slices.Delete(slices.Clone(actions), i, i+1)
		if e := replay(k, c, apart, negative, shorter); e != nil {
			actions, err, i = shorter, e, -1
		}
	}
	var text strings.Builder
	for _, a := range actions {
		fmt.Fprintf(&text, "%s; ", a)
	}
	t.Fatalf("%v\nafter: %s", err, text.String())
}

// replay gives the first property that does not hold.
func replay(k *kit, c *Cache, apart bool, negative time.Duration, actions []action) error {
	m := newMachine(k, c, apart, negative)
	for _, a := range actions {
		m.perform(a)
	}
	if m.err == nil {
		m.drain()
	}
	return m.err
}

// parseActions reads actions as they are reported.
func parseActions(t *testing.T, text string) (actions []action) {
	t.Helper()
	for one := range strings.SplitSeq(text, ";") {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		end := strings.LastIndexByte(one, ' ')
		arg, err := strconv.Atoi(one[end+1:])
		do := slices.Index(deedNames[:], one[:max(end, 0)])
		if err != nil || do < 0 {
			t.Fatalf("no action %q", one)
		}
		actions = append(actions, action{deed(do), uint8(arg)})
	}
	return actions
}

// TestModelAtRandom lets everything happen, in walks that are drawn. More of
// them, and other ones: CREDENCE_MODEL_STEPS=5000000 CREDENCE_MODEL_SEED=7.
func TestModelAtRandom(t *testing.T) {
	k := newKit(t)
	c := modelCache(t, k)
	most, seed := fromEnvironment(t, "CREDENCE_MODEL_STEPS", 1_000_000), fromEnvironment(t, "CREDENCE_MODEL_SEED", 1)
	if racetest.Enabled {
		most /= 10
	}
	ended := make(map[string]int)
	walks := 0
	for done := 0; done < most; walks++ {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(walks)))
		l := newLot(r)
		m := newMachine(k, c, l.apart, l.negative)
		var actions []action
		for len(actions) < 80 && m.err == nil {
			a := l.draw()
			if m.perform(a) {
				actions = append(actions, a)
			}
		}
		done += len(actions)
		if m.err == nil {
			m.drain()
		}
		if m.err != nil {
			report(t, k, c, l.apart, l.negative, actions, m.err)
		}
		for how, n := range m.ended {
			ended[how] += n
		}
	}
	t.Logf("%d walks; checks ended: %v", walks, ended)
}

func fromEnvironment(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// weights say how often each thing happens, and of how many kinds it is. What
// rarely happens does not happen at all in most walks, and often in some.
var weights = [...]struct {
	often, kinds int
	rare         bool
}{
	beginsCheck: {12, 2, false}, steps: {40, mostChecks, false}, finds: {16, 3, false}, ends: {22, 3, false},
	commits: {8, len(commitments), false}, roundFinds: {14, 1, false}, roundEnds: {16, 1, false},
	startFinds: {12, 1, false}, starts: {12, 1, false}, beats: {4, 1, false}, joins: {8, 1, false},
	findsHalf: {10, 3, true}, endsInVain: {4, 3, true}, writes: {6, len(writings), true}, tells: {6, 1, true},
	roundFails: {3, 1, true}, passes: {6, len(passings), true}, tracks: {2, 1, true}, drops: {2, 1, true}, trims: {3, 3, true},
	failsOver: {4, 3, true}, evicts: {3, 1, true}, bars: {3, 2, true}, exchanges: {3, 1, true}, readsRoot: {3, 1, true},
}

// A lot draws what happens in a walk.
type lot struct {
	r        *rand.Rand
	often    [len(weights)]int
	all      int
	tokens   int
	kinds    []int // of commits
	apart    bool
	negative time.Duration
}

func newLot(r *rand.Rand) *lot {
	l := &lot{r: r, apart: r.IntN(2) == 0, negative: modelNegative * time.Duration(min(1, r.IntN(4))), tokens: 1 + r.IntN(2), kinds: r.Perm(len(commitments))[:1+r.IntN(len(commitments))]}
	for do, w := range weights {
		l.often[do] = w.often
		if w.rare && r.IntN(4) > 0 && do != int(tells) {
			l.often[do] = 0
		}
		l.all += l.often[do]
	}
	return l
}

func (l *lot) draw() action {
	n := l.r.IntN(l.all)
	for do, often := range l.often {
		if n -= often; n >= 0 {
			continue
		}
		switch deed(do) {
		case beginsCheck:
			return action{beginsCheck, uint8(l.r.IntN(l.tokens))}
		case commits:
			return action{commits, uint8(l.kinds[l.r.IntN(len(l.kinds))])}
		}
		return action{deed(do), uint8(l.r.IntN(weights[do].kinds))}
	}
	panic("model: the weights do not add up")
}
