package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"credence/internal/config"
	"credence/internal/e2e/parts"
	"credence/internal/redisstore"
	"credence/internal/registrar"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
)

// doctorAt runs doctor on a registry, and gives its findings as level, where
// and what, those that are ok left out.
func doctorAt(t *testing.T, url string, now func() time.Time) (findings []string, status int) {
	t.Helper()
	var out, complaints bytes.Buffer
	run := func(args ...string) int {
		out.Reset()
		a := &app{stdin: &bytes.Buffer{}, stdout: &out, stderr: &complaints, now: now, env: func(name string) string {
			return map[string]string{"CREDENCE_REDIS_URL": url}[name]
		}}
		return statusOf(a.run(args))
	}
	if strings.HasPrefix(url, "redis://") && run("init") != statusDone {
		complaints.Reset() // a registry that cannot be made is for doctor to find
	}
	status = run("doctor", "-o", "json")
	var all []map[string]string
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatalf("doctor: %v\n%s\n%s", err, &out, &complaints)
	}
	for _, found := range all {
		if (found["to_do"] == "") != (found["level"] == "ok") {
			t.Errorf("%v: want what to do, unless it is ok", found)
		}
		if found["level"] != "ok" {
			findings = append(findings, found["level"]+" "+found["where"]+": "+found["what"])
		}
	}
	return findings, status
}

// finds wants one finding among others.
func finds(t *testing.T, findings []string, want string) {
	t.Helper()
	if !slices.ContainsFunc(findings, func(found string) bool { return strings.HasPrefix(found, want) }) {
		t.Errorf("want %q among\n%s", want, strings.Join(findings, "\n"))
	}
}

func TestDoctorComparesClocks(t *testing.T) {
	url := parts.Redis(t, "--appendonly", "yes").URL()
	for _, test := range []struct {
		off  time.Duration // our clock from Redis'
		want []string
	}{
		{0, nil},
		{8 * time.Second, nil},
		{-8 * time.Second, nil},
		{time.Minute, []string{"error clock: Redis is 1m0s behind this machine; tokens expire and changes are proven by clocks that agree within 10s"}},
		{-time.Minute, []string{"error clock: Redis is 1m0s ahead of this machine; tokens expire and changes are proven by clocks that agree within 10s"}},
	} {
		found, status := doctorAt(t, url, func() time.Time { return time.Now().Add(test.off) })
		// A registry that is made by a clock of the future is invalid, too.
		found = slices.DeleteFunc(found, func(text string) bool { return strings.HasPrefix(text, "error registry: created_at") })
		if diff := cmp.Diff(test.want, found); diff != "" {
			t.Errorf("%v off (-want +got):\n%s", test.off, diff)
		}
		if want := map[bool]int{true: statusDone, false: statusNo}[test.want == nil]; status != want {
			t.Errorf("%v off: got status %d, want %d", test.off, status, want)
		}
	}
}

func TestDoctorFindsARedisThatCannotSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	server := parts.Redis(t, "--dir", dir, "--save", "3600 1")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	server.CLI("BGSAVE")
	parts.Await(t, 10*time.Second, "a snapshot that fails", func() error {
		if !strings.Contains(server.CLI("INFO", "persistence"), "rdb_last_bgsave_status:err") {
			return errors.New("not yet")
		}
		return nil
	})
	found, status := doctorAt(t, server.URL(), time.Now)
	finds(t, found, "error persistence: Redis could not write a snapshot: it takes no more changes (MISCONF)")
	if status != statusNo {
		t.Errorf("got status %d, want %d", status, statusNo)
	}
}

// What a server does not tell is told, and is no error.
func TestDoctorSaysWhatAServerDoesNotTell(t *testing.T) {
	found, status := doctorAt(t, "redis://"+miniredis.RunT(t).Addr(), time.Now)
	want := []string{
		"warning EVAL: this server does not tell: the rights of the user were not looked at (ERR this server does not tell)",
		"warning INFO: this server does not tell: memory, eviction and persistence were not looked at (maxmemory: the server does not tell)",
	}
	if diff := cmp.Diff(want, found); diff != "" || status != statusDone {
		t.Errorf("status %d (-want +got):\n%s", status, diff)
	}
}

// What cannot be made to happen here is told of the same way.
func TestDoctorOnInspections(t *testing.T) {
	plain := redisstore.Info{Policy: "noeviction", AppendOnly: true}
	info := func(change func(*redisstore.Info)) redisstore.Inspection {
		changed := plain
		change(&changed)
		return redisstore.Inspection{Version: "7.2.4", Info: &changed}
	}
	tests := []struct {
		name string
		i    redisstore.Inspection
		want string // empty: nothing is wrong
	}{
		{"redis", info(func(*redisstore.Info) {}), ""},
		{"valkey", redisstore.Inspection{Server: "valkey", Version: "8.0.1", Info: &plain}, ""},
		{"redis 6", redisstore.Inspection{Server: "redis", Version: "6.2.14", Info: &plain}, "error version: redis 6.2.14: too old"},
		{"redis 10", redisstore.Inspection{Server: "redis", Version: "10.0", Info: &plain}, ""},
		{"loading", info(func(i *redisstore.Info) { i.Loading = true }), "error role: Redis is still loading its data"},
		{"slow", redisstore.Inspection{Version: "7.0.0", Took: 80 * time.Millisecond, Info: &plain}, "warning answers: took 80ms; a lookup may take 50ms"},
		{"nearly full", info(func(i *redisstore.Info) { i.Memory, i.MaxMemory = 900<<20, 1000<<20 }), "warning memory: 900.0 MiB of 1000.0 MiB in use: nearly full"},
		{"not nearly full", info(func(i *redisstore.Info) { i.Memory, i.MaxMemory = 899<<20, 1000<<20 }), ""},
		{"append fails", info(func(i *redisstore.Info) { i.AppendFails = true }), "error persistence: Redis could not write the append-only file"},
		{
			"snapshots, as it seems", info(func(i *redisstore.Info) { i.AppendOnly, i.Saves = false, 3 }),
			"warning persistence: snapshots only",
		},
		{
			"no snapshots, as it seems", info(func(i *redisstore.Info) { i.AppendOnly, i.Up = false, 5*time.Hour }),
			"warning persistence: no append-only file, and no snapshot since it was started 5h ago: is anything saved?",
		},
	}
	for _, test := range tests {
		var out bytes.Buffer
		a := testApp()
		a.stdout, a.output = &out, asWideTable
		a.diagnoseRedis(newDiagnosis(a), config.Default(), test.i)
		var wrong []string
		for line := range strings.Lines(out.String()) {
			words := strings.Fields(line)
			if len(words) > 1 && (words[0] == "error" || words[0] == "warning") {
				wrong = append(wrong, strings.Join(words, " "))
			}
		}
		if test.want == "" && len(wrong) > 0 || test.want != "" && (len(wrong) != 1 || !strings.HasPrefix(wrong[0], test.want)) {
			t.Errorf("%s: got %q, want %q", test.name, wrong, test.want)
		}
	}
}

// TestEveryFaultHasARemedy holds the table of faults to those that there are.
func TestEveryFaultHasARemedy(t *testing.T) {
	f := &faultDiagnosis{a: testApp()}
	if got, want := len(remedies), int(registrar.Observing)+1; got != want {
		t.Fatalf("%d remedies, want %d", got, want)
	}
	for kind := registrar.NoRegistry; kind <= registrar.Observing; kind++ {
		r := remedies[kind]
		if r.level == levelOK || r.explain == nil {
			t.Errorf("fault %d has no remedy", kind)
			continue
		}
		what, todo := r.explain(f, registrar.Fault{Kind: kind, Key: "client:acme", Name: "client/acme", Other: "h1", Err: os.ErrNotExist})
		if what == "" || todo == "" {
			t.Errorf("fault %d: got %q, to do %q", kind, what, todo)
		}
		if r.title == "" && kind >= registrar.UnknownKey {
			t.Errorf("fault %d: there may be many, and they have no title", kind)
		}
	}
}

// A list that is gone makes a finding of each of its records; people are shown
// some of them.
func TestDoctorDoesNotDrownPeople(t *testing.T) {
	for _, test := range []struct {
		output format
		kind   registrar.FaultKind
		shown  int
		more   bool
	}{
		{asTable, registrar.Unlisted, mostFindings + 1, true},
		{asWideTable, registrar.Unlisted, 100, false},
		{asTable, registrar.Unreadable, 100, false},
		{asTable, registrar.NeverExpires, 1, false},
	} {
		var out bytes.Buffer
		a := testApp()
		a.stdout, a.output = &out, test.output
		f := &faultDiagnosis{diagnosis: newDiagnosis(a), a: a, seen: make(map[registrar.FaultKind]*seenFaults)}
		for range 100 {
			f.add(registrar.Fault{Kind: test.kind, Key: "client:acme", Other: "clients", Err: os.ErrNotExist})
		}
		f.finish()
		if shown := strings.Count(out.String(), "to do: "); shown != test.shown {
			t.Errorf("%s of %d: got %d findings, want %d", test.output.String(), test.kind, shown, test.shown)
		}
		if more := strings.Contains(out.String(), "80 more"); more != test.more {
			t.Errorf("%s of %d: says that there are more: %v, want %v\n%s", test.output.String(), test.kind, more, test.more, out.String())
		}
	}
}

func TestTextIsWrapped(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"short":                      "short",
		"one two three":              "one two|three",
		"one two th":                 "one two th",
		"a averyverylongword b":      "a|averyverylongword|b",
		"ünö twö thrée":              "ünö twö|thrée",
		"exactly ten, and then some": "exactly|ten, and|then some",
	} {
		if got := strings.Join(wrapped(text, 10), "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
