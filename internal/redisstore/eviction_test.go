package redisstore

import (
	"context"
	"testing"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
)

func TestEvicts(t *testing.T) {
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
		if got, told, err := store.Evicts(context.Background()); got != c.want || !told || err != nil {
			t.Errorf("maxmemory %s, %s: evicts %v, told %v (%v); want %v", c.maxmemory, c.policy, got, told, err, c.want)
		}
	}
	server.CLI("ACL", "SETUSER", "default", "-info")
	if got, told, err := store.Evicts(context.Background()); got || told || err != nil {
		t.Errorf("without INFO: evicts %v, told %v (%v); want neither", got, told, err)
	}
	server.Stop()
	if _, _, err := store.Evicts(context.Background()); err == nil {
		t.Error("without Redis: no error")
	}
}
