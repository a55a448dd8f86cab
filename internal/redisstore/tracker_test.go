package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// everything is what a tracking has heard when all may have been written.
const everything = "everything"

// A tracking is a Track under way.
type tracking struct {
	t     *testing.T
	on    chan struct{}
	heard chan string // keys, one by one
	ended chan error
	stop  context.CancelFunc
}

// beginTracking calls Track. It is over when the test is.
func beginTracking(t *testing.T, store *Store, pause time.Duration) *tracking {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &tracking{t: t, on: make(chan struct{}, 10), heard: make(chan string, 10000), ended: make(chan error, 1), stop: cancel}
	tracker := store.Tracker()
	tracker.pause = pause
	go func() {
		w.ended <- tracker.Track(ctx, func() { w.on <- struct{}{} }, func(refs []registry.Ref) {
			if len(refs) == 0 {
				w.heard <- everything
			}
			for _, ref := range refs {
				w.heard <- ref.Key()
			}
		})
	}()
	t.Cleanup(cancel)
	return w
}

// track is beginTracking where it must come about.
func track(t *testing.T, store *Store) *tracking {
	t.Helper()
	w := beginTracking(t, store, time.Millisecond)
	w.isOn()
	return w
}

func (w *tracking) isOn() {
	w.t.Helper()
	select {
	case <-w.on:
	case err := <-w.ended:
		w.t.Fatalf("Track: %v", err)
	case <-time.After(10 * time.Second):
		w.t.Fatal("Track does not come about")
	}
}

// hears gives the next that was written.
func (w *tracking) hears() string {
	w.t.Helper()
	select {
	case key := <-w.heard:
		return key
	case err := <-w.ended:
		w.t.Fatalf("Track: %v", err)
	case <-time.After(10 * time.Second):
		w.t.Fatal("nothing was heard of")
	}
	return ""
}

// end gives what Track says in the end.
func (w *tracking) end() error {
	w.t.Helper()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(10 * time.Second):
		w.t.Fatal("Track does not end")
	}
	return nil
}

func TestTrackTellsOfEveryWrite(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	tracking := track(t, store)
	token, binding := testToken("0123456789").Ref().Key(), registry.BindingRef(registry.BindingIDOf("https://idp.example", "svc")).Key()
	type words = []string
	tests := []struct {
		name     string
		commands []words
		want     []string
	}{
		{"HSET", []words{{"HSET", "{credence}:client:acme", "state", "disabled"}}, []string{"client:acme"}},
		{"HDEL", []words{{"HDEL", "{credence}:client:acme", "state"}}, []string{"client:acme"}},
		{"of each kind", []words{
			{"HSET", "{credence}:registry", "x_a", "1"}, {"HSET", "{credence}:client:acme", "x_a", "1"},
			{"HSET", "{credence}:profile:partner", "x_a", "1"}, {"HSET", "{credence}:" + token, "x_a", "1"},
			{"HSET", "{credence}:key:acme:k1", "x_a", "1"}, {"HSET", "{credence}:" + binding, "x_a", "1"},
			{"ZADD", "{credence}:revoked-jtis", "1", "x"},
		}, []string{"registry", "client:acme", "profile:partner", token, "key:acme:k1", binding, "revoked-jtis"}},
		{"revoked JWTs that are forgotten", []words{{"ZREMRANGEBYSCORE", "{credence}:revoked-jtis", "-inf", "+inf"}}, []string{"revoked-jtis"}},
		{"from another database", []words{{"-n", "1", "HSET", "{credence}:client:acme", "x_a", "1"}}, []string{"client:acme"}},
		{"a script", []words{{"EVAL", "return redis.call('HSET', KEYS[1], 'x_a', 2)", "1", "{credence}:client:lua"}}, []string{"client:lua"}},
		{"another type", []words{{"SET", "{credence}:client:globex", "x"}}, []string{"client:globex"}},
		{"DEL", []words{{"DEL", "{credence}:client:globex"}}, []string{"client:globex"}},
		{"DEL of several", []words{{"DEL", "{credence}:client:acme", "{credence}:clients", "{credence}:client:lua"}}, []string{"client:acme", "client:lua"}},
		{"RENAME", []words{{"RENAME", "{credence}:profile:partner", "{credence}:profile:other"}}, []string{"profile:other", "profile:partner"}},
		{"an end", []words{{"PEXPIRE", "{credence}:profile:other", "10"}}, []string{"profile:other", "profile:other"}},
		{"FLUSHALL", []words{{"FLUSHALL"}}, []string{everything}},
		{"FLUSHDB", []words{{"FLUSHDB"}}, []string{everything}},
		// Only the last of these is a record.
		{"what is no record", []words{
			{"SET", "{credence}:client:", "x"}, {"SET", "{credence}:registry-of-old", "x"}, {"SADD", "{credence}:clients", "x"},
			{"SET", "{credence}:token-id:0123456789", "x"}, {"HSET", "{credence}:server:a", "applied", "x"}, {"ZADD", "{credence}:fleet", "1", "a"},
			{"SADD", "{credence}:keys-of:acme", "x"}, {"SADD", "{credence}:bindings-of:acme", "x"}, {"SET", "{credence}:revoked-jtis-of-old", "x"},
			{"XADD", "{credence}:changes", "*", "keys", "client:acme"}, {"HSET", "{other}:client:acme", "state", "x"},
			{"HSET", "client:acme", "state", "x"}, {"HSET", "{credence}:client:last", "x_a", "1"},
		}, []string{"client:last"}},
	}
	for _, test := range tests {
		for _, command := range test.commands {
			if answer := server.CLI(command...); strings.Contains(answer, "ERR") {
				t.Fatalf("%s: %q: %s", test.name, command, answer)
			}
		}
		var got []string
		for range test.want {
			got = append(got, tracking.hears())
		}
		if len(test.commands) == 1 {
			slices.Sort(got) // what one command writes comes in any order
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	tracking.stop()
	if err := tracking.end(); !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("Track: got error %v, want that it was over", err)
	}
	if len(tracking.heard) > 0 || len(tracking.on) > 0 {
		t.Errorf("heard of %d more, and told %d times more that it is on", len(tracking.heard), len(tracking.on))
	}
}

// A transaction, a commit and many keys at once.
func TestTrackTellsOfManyWrites(t *testing.T) {
	server := parts.Redis(t)
	store, raw := openRegistry(t, server.URL()), rawClient(t, server.URL())
	tracking := track(t, store)
	const many = 3000
	var names []string
	var want []string
	pipe := raw.TxPipeline()
	for i := range many {
		key := fmt.Sprintf("client:c%04d", i)
		names, want = append(names, "{credence}:"+key), append(want, key)
		pipe.HSet(t.Context(), "{credence}:"+key, "x_a", "1")
	}
	hear := func(name string, want ...string) {
		t.Helper()
		var got []string
		for range want {
			got = append(got, tracking.hears())
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	hear("MULTI", want...)
	if err := raw.Del(t.Context(), names...).Err(); err != nil {
		t.Fatal(err)
	}
	hear("DEL", want...)
	mustCommit(t, store, testCommit("create", registry.Edit{Now: testClient("acme")}, registry.Edit{Now: testClient("globex")}))
	hear("a commit", "client:acme", "client:globex", "registry")
	mustCommit(t, store, testRevocation("1", testTime.Add(time.Hour)))
	hear("a revocation", "registry", "revoked-jtis")
}

// TestTrackTellsInTime has a writer go on only once its last write was heard of.
func TestTrackTellsInTime(t *testing.T) {
	server := parts.Redis(t)
	store, raw := openRegistry(t, server.URL()), rawClient(t, server.URL())
	tracking := track(t, store)
	const writes = 2000
	var took []time.Duration
	for i := range writes {
		key := fmt.Sprintf("client:c%04d", i)
		begin := time.Now()
		if err := raw.HSet(t.Context(), "{credence}:"+key, "x_a", "1").Err(); err != nil {
			t.Fatal(err)
		}
		if got := tracking.hears(); got != key {
			t.Fatalf("write %d: heard of %s, want %s", i, got, key)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("from HSET to written, %d times: half within %v, 99 of 100 within %v", writes, took[writes/2], took[writes*99/100])
}

func TestTrackWhereItIsNotKnown(t *testing.T) {
	server := parts.Redis(t)
	user := func(name string, rights ...string) string {
		t.Helper()
		words := append([]string{"ACL", "SETUSER", name, "on", ">open", "resetkeys", "-@all"}, rights...)
		if answer := server.CLI(words...); answer != "OK" {
			t.Fatalf("%s: %s", name, answer)
		}
		return "redis://" + name + ":open@" + server.Addr()
	}
	refusesAll := serve(t, func(conn net.Conn) {
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			if _, err := conn.Write([]byte("-ERR unknown command\r\n")); err != nil {
				return
			}
		}
	})
	tests := []struct {
		name, url string
		want      error // nil: it is tracked
	}{
		{"all the rights that it takes", user("tracker", "+client|tracking", "+ping"), nil},
		{"no right to tracking", user("blind", "+ping"), registry.ErrNotTracked},
		{"no right to ping", user("mute", "+client|tracking"), registry.ErrNotTracked},
		{"a server without tracking", "redis://" + miniredis.RunT(t).Addr(), registry.ErrNotTracked},
		{"a server without RESP3", "redis://" + refusesAll, registry.ErrNotTracked},
		{"a wrong password", "redis://tracker:sesame@" + server.Addr(), registry.ErrUnavailable},
		{"another database than there is", "redis://" + server.Addr() + "/4711", registry.ErrUnavailable},
	}
	for _, test := range tests {
		tracking := beginTracking(t, open(t, Options{URL: credential.NewSecret(test.url)}), time.Millisecond)
		if test.want == nil {
			tracking.isOn()
			server.CLI("HSET", "{credence}:client:acme", "x_a", "1")
			if got := tracking.hears(); got != "client:acme" {
				t.Errorf("%s: heard of %s", test.name, got)
			}
			continue
		}
		err := tracking.end()
		if !errors.Is(err, test.want) || errors.Is(err, registry.ErrNotTracked) == errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %v", test.name, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "open@")) {
			t.Errorf("%s: the error tells the password: %v", test.name, err)
		}
		if len(tracking.on) > 0 {
			t.Errorf("%s: said that it is on", test.name)
		}
	}
}

func TestPrefixesThatAreTrackedDoNotOverlap(t *testing.T) {
	store := open(t, Options{URL: credential.NewSecret("redis://127.0.0.1:1")})
	var prefixes []string
	for _, word := range store.trackCommand() {
		if text := word.(string); strings.HasPrefix(text, "{") {
			prefixes = append(prefixes, text)
		}
	}
	want := []string{
		"{credence}:registry", "{credence}:client:", "{credence}:profile:", "{credence}:token:",
		"{credence}:key:", "{credence}:binding:", "{credence}:revoked-jtis",
	}
	if diff := cmp.Diff(want, prefixes); diff != "" {
		t.Errorf("prefixes (-want +got):\n%s", diff)
	}
	for i, one := range prefixes {
		for j, other := range prefixes {
			if i != j && strings.HasPrefix(one, other) {
				t.Errorf("%s begins as %s does", one, other)
			}
		}
	}
}
