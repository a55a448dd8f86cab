package redisstore

import (
	"context"
	"testing"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
)

func TestInfo(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL())})
	for _, c := range []struct {
		maxmemory, policy string
		want              bool
	}{
		{"0", "noeviction", false},
		{"0", "allkeys-lru", false},
		{"100mb", "noeviction", false},
		{"100mb", "allkeys-lru", true},
		{"100mb", "allkeys-random", true},
		{"100mb", "volatile-lru", false},
	} {
		server.CLI("CONFIG", "SET", "maxmemory", c.maxmemory)
		server.CLI("CONFIG", "SET", "maxmemory-policy", c.policy)
		if info, told, err := store.Info(context.Background()); info.Evicts() != c.want || !told || err != nil {
			t.Errorf("maxmemory %s, %s: evicts %v, told %v (%v); want %v", c.maxmemory, c.policy, info.Evicts(), told, err, c.want)
		}
	}
	for _, wanted := range []string{"0", "1"} {
		server.CLI("CONFIG", "SET", "min-replicas-to-write", wanted)
		if info, _, err := store.Info(context.Background()); info.WantsSome != (wanted != "0") || err != nil {
			t.Errorf("min-replicas-to-write %s: wants some %v (%v)", wanted, info.WantsSome, err)
		}
	}
	server.CLI("ACL", "SETUSER", "default", "-info")
	if info, told, err := store.Info(context.Background()); info.Evicts() || told || err != nil {
		t.Errorf("without INFO: %+v, told %v (%v); want neither", info, told, err)
	}
	server.Stop()
	if _, _, err := store.Info(context.Background()); err == nil {
		t.Error("without Redis: no error")
	}
}
