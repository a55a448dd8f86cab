package cache

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// TestIsLost tells what is lost from what was only trimmed.
func TestIsLost(t *testing.T) {
	stream := func(first, last, newest string) registry.Extent {
		return registry.Extent{There: true, First: first, Last: last, Newest: newest}
	}
	for name, test := range map[string]struct {
		seq     uint64 // of a change with the entry 50-0; 0: of another program
		there   bool
		extent  registry.Extent
		counted uint64 // by the root record
		want    bool
	}{
		"there":                                    {5, true, stream("10-0", "90-0", "90-0"), 9, false},
		"there, of another program":                {0, true, stream("10-0", "90-0", "90-0"), 9, false},
		"trimmed":                                  {5, false, stream("60-0", "90-0", "90-0"), 9, false},
		"trimmed, of another program":              {0, false, stream("60-0", "90-0", "90-0"), 9, false},
		"all trimmed":                              {5, false, stream("", "", "90-0"), 9, false},
		"all trimmed, it was the last":             {5, false, stream("", "", "50-0"), 5, false},
		"fewer commits":                            {5, false, stream("10-0", "40-0", "40-0"), 4, true},
		"fewer commits, whatever stands there":     {5, true, stream("10-0", "50-0", "50-0"), 4, true},
		"fewer commits, trimmed":                   {5, false, stream("60-0", "90-0", "90-0"), 4, true},
		"the stream ends before":                   {0, false, stream("10-0", "40-0", "40-0"), 9, true},
		"others came instead":                      {5, false, stream("10-0", "90-0", "90-0"), 9, true},
		"others came instead of another program's": {0, false, stream("10-0", "90-0", "90-0"), 9, true},
		"removed by hand":                          {0, false, stream("50-0", "90-0", "90-0"), 9, true},
		"an empty stream that ends before":         {0, false, stream("", "", "40-0"), 9, true},
		"no stream":                                {5, false, registry.Extent{}, 9, false},
		"no stream, of another program":            {0, false, registry.Extent{}, 9, true},
		"no stream, fewer commits":                 {5, false, registry.Extent{}, 4, true},
	} {
		change := registry.Change{Entry: "50-0", Seq: test.seq, Keys: []string{"client:acme"}}
		if got := isLost(change, test.there, test.extent, &registry.Root{Seq: test.counted}, 0); got != test.want {
			t.Errorf("%s: lost %v, want %v", name, got, test.want)
		}
	}
}

// A timeline is a registry whose clock a test moves: entries of the change
// stream have other ids after a fail-over, as they do in Redis.
type timeline struct {
	*registry.Memory
	now time.Time
}

func newTimeline() *timeline {
	l := &timeline{now: noon}
	l.Memory = registry.NewMemory(func() time.Time { return l.now })
	l.count(0)
	return l
}

// count has the root record count commits.
func (l *timeline) count(seq int) {
	l.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "s1", "seq": fmt.Sprint(seq)})
}

// commits tells of commits with some numbers.
func (l *timeline) commits(seqs ...int) {
	for _, seq := range seqs {
		l.now = l.now.Add(time.Second)
		l.Tell(registry.Fields{"seq": fmt.Sprint(seq), "keys": fmt.Sprintf("client:c%d", seq)})
		l.count(seq)
	}
}

// sets tells of changes of another program.
func (l *timeline) sets(keys ...string) {
	for _, key := range keys {
		l.now = l.now.Add(time.Second)
		l.Tell(registry.Fields{"keys": key})
	}
}

// TestLost looks for what a registry has lost in what is there of it.
func TestLost(t *testing.T) {
	before := func(l *timeline) {
		l.commits(1, 2)
		l.sets("client:x")
		l.commits(3)
		l.sets("client:y")
	}
	for name, test := range map[string]struct {
		after func() *timeline // what is there then
		want  []string
	}{
		"all is there":     {func() *timeline { l := newTimeline(); before(l); return l }, nil},
		"more is there":    {func() *timeline { l := newTimeline(); before(l); l.commits(4); return l }, nil},
		"trimmed":          {func() *timeline { l := newTimeline(); before(l); l.commits(4); l.Forget(2); return l }, nil},
		"emptied":          {func() *timeline { l := newTimeline(); before(l); l.Forget(0); return l }, nil},
		"without a stream": {func() *timeline { l := newTimeline(); before(l); l.Remove("changes"); return l }, []string{"client:x", "client:y"}},
		"a replica that was behind": {func() *timeline {
			l := newTimeline()
			l.commits(1, 2)
			l.sets("client:x")
			return l
		}, []string{"client:c3", "client:y"}},
		"a replica without the last entry": {func() *timeline {
			l := newTimeline()
			l.commits(1, 2)
			l.sets("client:x")
			l.commits(3)
			return l
		}, []string{"client:y"}},
		"a replica that has gone on": {func() *timeline {
			l := newTimeline()
			l.commits(1, 2)
			l.now = l.now.Add(time.Minute)
			l.commits(3, 4)
			return l
		}, []string{"client:x", "client:c3", "client:y"}},
		"a registry that was restored": {func() *timeline {
			l := newTimeline()
			l.now = l.now.Add(time.Hour)
			l.commits(1)
			return l
		}, []string{"client:c1", "client:c2", "client:c3"}}, // its first commit is another one
	} {
		t.Run(name, func(t *testing.T) {
			l := newTimeline()
			before(l)
			s := open(t, Options{})
			s.memory = l.Memory
			s.applied = ""
			s.mustRound()
			after := test.after()
			f := &Follower{Cache: s.Cache, Past: after}
			extent, err := after.Extent(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			root, err := after.Read(t.Context(), registry.RootRef)
			if err != nil {
				t.Fatal(err)
			}
			stream, err := f.stream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			lost, _ := compare(s.past.all(), stream, extent, root[0].Record.(*registry.Root))
			var keys []string
			for _, change := range lost {
				keys = append(keys, change.Keys...)
			}
			if diff := cmp.Diff(test.want, keys); diff != "" {
				t.Errorf("lost (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLostPageByPage has more entries be there than are read at a time, and as
// many be remembered as are.
func TestLostPageByPage(t *testing.T) {
	l := newTimeline()
	s := open(t, Options{})
	s.memory = l.Memory
	const all = rememberedEntries + 3*pastPage/2
	for i := range all {
		l.sets(fmt.Sprintf("client:c%d", i))
		if i%1000 == 0 {
			s.mustRound()
		}
	}
	s.mustRound()
	s.mustRound()
	past := s.past.all()
	if len(past) != rememberedEntries || past[0].Keys[0] != fmt.Sprintf("client:c%d", all-rememberedEntries) || past[0].Fields != nil {
		t.Fatalf("%d entries are remembered, from %v on", len(past), past[0])
	}
	f := &Follower{Cache: s.Cache, Past: l}
	extent, err := l.Extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root := registry.Entry{Record: &registry.Root{ID: "first"}}
	stream, err := f.stream(t.Context())
	if err != nil || len(stream) != rememberedEntries || stream[len(stream)-1].Entry != extent.Last {
		t.Fatalf("read %d entries, %v; want the newest %d", len(stream), err, rememberedEntries)
	}
	record := root.Record.(*registry.Root)
	if lost, missed := compare(past, stream, extent, record); len(lost) > 0 || len(missed) > 0 {
		t.Errorf("lost %d and missed %d entries; want none", len(lost), len(missed))
	}
	half := registry.Extent{There: true, Newest: past[6999].Entry}
	if lost, _ := compare(past, nil, half, record); len(lost) != rememberedEntries-7000 {
		t.Errorf("lost: %d entries; want %d", len(lost), rememberedEntries-7000)
	}
}

// TestLostByNumber tells what is lost by the numbers of the commits that are
// there, where the stream begins behind it.
func TestLostByNumber(t *testing.T) {
	extent := registry.Extent{There: true, First: "60-0", Last: "90-0", Newest: "90-0"}
	for oldest, want := range map[uint64]bool{0: false, 4: true, 5: true, 6: false} {
		change := registry.Change{Entry: "50-0", Seq: 5, Keys: []string{"client:acme"}}
		if got := isLost(change, false, extent, &registry.Root{Seq: 9}, oldest); got != want {
			t.Errorf("commit 5, where the stream begins with commit %d: lost %v, want %v", oldest, got, want)
		}
	}
}

// TestMissed holds what the feed does not tell of to what was made since: only
// that releases what is withheld.
func TestMissed(t *testing.T) {
	changes := func(entries ...string) []registry.Change {
		var all []registry.Change
		for _, entry := range entries {
			all = append(all, registry.Change{Entry: entry, Keys: []string{"client:acme"}})
		}
		return all
	}
	for name, test := range map[string]struct{ past, stream, missed []registry.Change }{
		"at first, all":                        {nil, changes("1-0", "2-0"), changes("1-0", "2-0")},
		"none":                                 {changes("1-0", "2-0"), changes("1-0", "2-0"), nil},
		"jumped over":                          {changes("1-0"), changes("1-0", "2-0"), changes("2-0")},
		"older than what is remembered":        {changes("2-0"), changes("1-0", "2-0"), nil},
		"in place of lost ones":                {changes("1-0", "3-0"), changes("1-0", "2-0"), changes("2-0")},
		"all remembered lost, older are there": {changes("3-0"), changes("1-0", "2-0"), nil},
		"all remembered trimmed":               {changes("3-0"), changes("4-0"), changes("4-0")},
	} {
		_, missed := compare(test.past, test.stream, registry.Extent{There: true}, &registry.Root{})
		if diff := cmp.Diff(test.missed, missed); diff != "" {
			t.Errorf("%s: missed (-want +got):\n%s", name, diff)
		}
	}
}

// TestPastForgets has entries be forgotten that are lost: they were told of.
func TestPastForgets(t *testing.T) {
	var p past
	for i := range 5 {
		p.add(registry.Change{Entry: fmt.Sprintf("%d-0", i)})
	}
	p.forget([]registry.Change{{Entry: "1-0"}, {Entry: "4-0"}, {Entry: "9-0"}})
	p.add(registry.Change{Entry: "5-0"})
	var left []string
	for _, change := range p.all() {
		left = append(left, change.Entry)
	}
	if diff := cmp.Diff([]string{"0-0", "2-0", "3-0", "5-0"}, left); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestTellLost names what was lost, each record once, and not without end.
func TestTellLost(t *testing.T) {
	var out bytes.Buffer
	f := &Follower{Logger: slog.New(slog.NewTextHandler(&out, nil))}
	f.tellLost([]registry.Change{{Entry: "2-0", Keys: []string{"client:b", "client:a"}}, {Entry: "3-0", Keys: []string{"client:a"}}})
	for _, part := range []string{"commits=2", `entries="2-0 3-0"`, `records="client:a client:b"`} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the log lacks %s: %s", part, out.String())
		}
	}
	out.Reset()
	many := make([]registry.Change, 5000)
	for i := range many {
		many[i] = registry.Change{Entry: fmt.Sprintf("%d-0", i), Keys: []string{fmt.Sprintf("client:c%d", i)}}
	}
	f.tellLost(many)
	if !strings.Contains(out.String(), "commits=5000") || out.Len() > 5000 {
		t.Errorf("a line of %d bytes: %.200s…", out.Len(), out.String())
	}
}
