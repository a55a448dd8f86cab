package redisstore

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

func inspected(t *testing.T, store *Store) Inspection {
	t.Helper()
	i, err := store.Inspect(t.Context())
	if err != nil {
		t.Fatalf("Inspect: %v", err)
	}
	return i
}

func TestInspect(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL())})
	i := inspected(t, store)
	if i.Server != "redis" || i.Version == "" || i.Replica || i.Took <= 0 || i.Took > 5*time.Second || len(i.Refused) > 0 {
		t.Errorf("Inspect: got %+v", i)
	}
	if i.Ahead == nil || i.Ahead.Abs() > time.Second {
		t.Errorf("the clock of this machine is ahead of itself by %v", i.Ahead)
	}
	if i.Info == nil || i.Info.Memory == 0 || i.Info.Policy != "noeviction" || i.Info.LastSave.IsZero() {
		t.Errorf("Info: got %+v", i.Info)
	}
	none := ""
	if diff := cmp.Diff(&Rights{Snapshots: &none}, i.Rights); diff != "" {
		t.Errorf("Rights (-want +got):\n%s", diff)
	}

	tests := []struct {
		name string
		set  []string
		is   func(Inspection) bool
	}{
		{"limit", []string{"CONFIG", "SET", "maxmemory", "100mb"}, func(i Inspection) bool { return i.Info.MaxMemory == 100<<20 }},
		{"eviction", []string{"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"}, func(i Inspection) bool { return i.Info.Policy == "allkeys-lru" }},
		{"append-only file", []string{"CONFIG", "SET", "appendonly", "yes"}, func(i Inspection) bool { return i.Info.AppendOnly && !i.Info.AppendFails }},
		{"snapshots", []string{"CONFIG", "SET", "save", "3600 1"}, func(i Inspection) bool { return *i.Rights.Snapshots == "3600 1" }},
		{"replica", []string{"REPLICAOF", "127.0.0.1", "1"}, func(i Inspection) bool { return i.Replica }},
	}
	for _, test := range tests {
		if answer := server.CLI(test.set...); answer != "OK" {
			t.Fatalf("%s: %q: %s", test.name, test.set, answer)
		}
		if i := inspected(t, store); !test.is(i) {
			t.Errorf("%s: got %+v, info %+v, rights %+v", test.name, i, i.Info, i.Rights)
		}
	}

	slow := open(t, Options{URL: credential.NewSecret(server.URL()), Clock: func() time.Time { return time.Now().Add(-time.Minute) }})
	if ahead := *inspected(t, slow).Ahead; (ahead - time.Minute).Abs() > time.Second {
		t.Errorf("beside a clock that is a minute behind: got %v ahead", ahead)
	}
}

func TestInspectWhatIsNotTold(t *testing.T) {
	server := parts.Redis(t)
	user := func(name string, rights ...string) *Store {
		t.Helper()
		words := append([]string{"ACL", "SETUSER", name, "on", ">open", "resetkeys", "-@all"}, rights...)
		if answer := server.CLI(words...); answer != "OK" {
			t.Fatalf("%s: %s", name, answer)
		}
		return open(t, Options{URL: credential.NewSecret("redis://" + name + ":open@" + server.Addr())})
	}
	tests := []struct {
		name    string
		store   *Store
		refused []string
		rights  *Rights
	}{
		{"nothing", user("nothing"), []string{"EVAL", "INFO", "TIME"}, nil},
		{"some", user("some", "~{credence}:client:*", "+eval", "+evalsha", "+hset", "+time", "+info"), nil, &Rights{
			Refused: []string{"type", "hgetall", "hget", "hincrby", "xadd", "sadd", "set", "hdel", "hset"},
		}},
		{"no set", user("noset", "~{credence}:*", "+@all", "-set", "-config"), nil, &Rights{Refused: []string{"set"}}},
		{"reads only", user("reader", "%R~{credence}:*", "+@read", "+info", "+time"), []string{"EVAL"}, nil},
		{
			"the embedded one", open(t, Options{URL: credential.NewSecret("redis://" + miniredis.RunT(t).Addr())}),
			[]string{"EVAL", "INFO"}, nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			i := inspected(t, test.store)
			if diff := cmp.Diff(test.refused, slices.Sorted(maps.Keys(i.Refused))); diff != "" {
				t.Errorf("refused (-want +got):\n%s\n%v", diff, i.Refused)
			}
			if diff := cmp.Diff(test.rights, i.Rights); diff != "" {
				t.Errorf("rights (-want +got):\n%s", diff)
			}
			if i.Version == "" {
				t.Error("HELLO: every user may ask for the version")
			}
		})
	}
}

// A Redis that cannot save refuses even PING, and is inspected all the same.
func TestInspectARedisThatCannotSave(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	server.FailSnapshots()
	if i, err := store.Inspect(t.Context()); err != nil || !i.Info.SaveFails {
		t.Errorf("got %+v, %v, want that saving fails", i.Info, err)
	}
}

func TestInspectFails(t *testing.T) {
	server := parts.Redis(t, "--requirepass", "right")
	tests := map[string]*Store{
		"nobody there":   open(t, Options{URL: credential.NewSecret("redis://" + closedPort(t))}),
		"wrong password": open(t, Options{URL: credential.NewSecret("redis://:wrong@" + server.Addr())}),
		"no password":    open(t, Options{URL: credential.NewSecret(server.URL())}),
	}
	for name, store := range tests {
		if _, err := store.Inspect(t.Context()); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %v", name, err, registry.ErrUnavailable)
		}
	}
}
