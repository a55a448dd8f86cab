package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// Each kind is compared with its own first point.
func TestReportScaling(t *testing.T) {
	got := reportScaling([]*series{
		{what: "headers", turns: []*turn{{name: "10", rounds: measured(20, 30, 25)}, {name: "100", rounds: measured(40, 60, 25)}}},
		{what: "scopes", turns: []*turn{{name: "1", rounds: measured(40)}, {name: "100", rounds: measured(20)}}},
	})
	_, table, _ := strings.Cut(got.text, "\n\n")
	want := strings.TrimPrefix(`
| varied  | value | CPU, µs/check | least to most | ratio | checks/s | p50, ms | p99, ms |
| ------- | ----: | ------------: | ------------: | ----: | -------: | ------: | ------: |
| headers |    10 |          25.0 |     20.0–30.0 |  1.00 |    30000 |    2.00 |   12.00 |
| headers |   100 |          40.0 |     25.0–60.0 |  2.00 |    30000 |    2.00 |   12.00 |
| scopes  |     1 |          40.0 |     40.0–40.0 |  1.00 |    30000 |    2.00 |   12.00 |
| scopes  |   100 |          20.0 |     20.0–20.0 |  0.50 |    30000 |    2.00 |   12.00 |
`, "\n")
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// The address that asks is in the last network, and in no other.
func TestNetworks(t *testing.T) {
	peer := netip.MustParseAddr(peerAddress)
	for _, n := range []int{1, plainNetworks, 10_000} {
		allow, err := networks(n)
		if err != nil {
			t.Fatal(err)
		}
		all := allow.Prefixes()
		seen := make(map[netip.Prefix]bool)
		for i, prefix := range all {
			if seen[prefix] || prefix.Contains(peer) != (i == n-1) {
				t.Errorf("of %d networks, number %d is %s: seen before %t", n, i, prefix, seen[prefix])
			}
			seen[prefix] = true
		}
		if len(all) != n {
			t.Errorf("%d networks, want %d", len(all), n)
		}
	}
}

func TestManyScopes(t *testing.T) {
	got, err := registry.ParseScopes(strings.Join(manyScopes(100), " "))
	if err != nil || len(got) != 100 || got[0] == got[99] {
		t.Errorf("scopes %v, %v; want 100 that differ", got, err)
	}
}

// What a load is told to ask with, or how many at once, is its own.
func TestLoadsShareConnectionsOnly(t *testing.T) {
	all, err := newChecks(peerAddress, newTokens(3))
	if err != nil {
		t.Fatal(err)
	}
	load, err := newLoadOver(7, "127.0.0.1:1", all)
	if err != nil {
		t.Fatal(err)
	}
	other := load.by(1024).of(2)
	if len(load.conns) != 7 || len(other.conns) != 7 || other.workers != 1024 || len(other.checks.credentials) != 2 {
		t.Errorf("the other load has %d connections, %d in flight, %d credentials; want 7, 1024, 2",
			len(other.conns), other.workers, len(other.checks.credentials))
	}
	if load.workers != inFlight || len(load.checks.credentials) != 3 {
		t.Errorf("the load became one of %d in flight with %d credentials", load.workers, len(load.checks.credentials))
	}
}
