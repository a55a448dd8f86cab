package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
)

// passed makes a passage of three rounds, with so many requests a second in them.
func passed(name string, asked *server, rates ...float64) *passage {
	p := &passage{name: name, server: asked}
	for _, rate := range rates {
		found := passing{envoy: 60 * time.Microsecond, rate: rate, p50: 2 * time.Millisecond, p99: 5 * time.Millisecond}
		if asked != nil {
			found.server = 30 * time.Microsecond
		}
		p.rounds = append(p.rounds, found)
	}
	return p
}

func TestReportEnvoy(t *testing.T) {
	asked := new(server)
	found := reportEnvoy([]*passage{
		noFilter:     passed("no filter", nil, 50000, 60000, 70000),
		credenceSeen: passed("credence, seen", asked, 9800, 10000, 10800),
		noopSeen:     passed("no-op, seen", asked, 10000, 10000, 10000),
		credenceAll:  passed("credence, all", asked, 8000, 8100, 8200),
		noopAll:      passed("no-op, all", asked, 9000, 9000, 9000),
		ownAPIKey:    passed("api_key_auth", nil, 40000, 40000, 40000),
		ownJWT:       passed("jwt_authn", nil, 10000, 10000, 10000),
	}, []float64{credenceSeen: 486, noopSeen: 487, credenceAll: 2288, noopAll: 2290, ownJWT: 0})

	want := strings.TrimPrefix(`
| filter         | requests/s | ratio | Envoy's CPU, µs/request | server's CPU, µs/check | bytes/check | p50, ms | p99, ms |
| -------------- | ---------: | ----: | ----------------------: | ---------------------: | ----------: | ------: | ------: |
| no filter      |      60000 |  6.00 |                    60.0 |                      – |           – |    2.00 |    5.00 |
| credence, seen |      10000 |  1.00 |                    60.0 |                   30.0 |         486 |    2.00 |    5.00 |
| no-op, seen    |      10000 |  1.00 |                    60.0 |                   30.0 |         487 |    2.00 |    5.00 |
| credence, all  |       8100 |  0.81 |                    60.0 |                   30.0 |        2288 |    2.00 |    5.00 |
| no-op, all     |       9000 |  0.90 |                    60.0 |                   30.0 |        2290 |    2.00 |    5.00 |
| api_key_auth   |      40000 |  4.00 |                    60.0 |                      – |           – |    2.00 |    5.00 |
| jwt_authn      |      10000 |  1.00 |                    60.0 |                      – |           – |    2.00 |    5.00 |

Requests a second with strip: all, to the no-op that answers the same bytes: 0.90.`, "\n")
	if !strings.Contains(found.text, want) {
		t.Errorf("the section has not\n%s\nbut\n%s", want, found.text)
	}
	var goals [][]string
	for _, g := range found.goals {
		goals = append(goals, g.row()[1:])
	}
	if diff := cmp.Diff([][]string{{"≥ 0.980", "1.000", "reached"}, {"≥ 0.850", "0.810", "missed"}}, goals); diff != "" {
		t.Errorf("goals (-want +got):\n%s", diff)
	}
}

// What is compared in one round met the same machine: the ratio is that of
// rounds, not of medians.
func TestToRate(t *testing.T) {
	a, b := passed("a", nil, 10, 200, 30), passed("b", nil, 10, 100, 60)
	if got := a.toRate(b); got != 1 {
		t.Errorf("toRate = %v, want 1, the median of 1, 2 and 0.5", got)
	}
}

func TestSameSize(t *testing.T) {
	for name, test := range map[string]struct {
		credence, noop float64
		err            bool
	}{
		"the same":       {487, 487, false},
		"frames of HTTP": {487, 490, false},
		"more":           {487, 520, true},
		"fewer":          {2290, 487, true},
		"nothing":        {487, 0, true},
	} {
		if err := sameSize(test.credence, test.noop); (err != nil) != test.err {
			t.Errorf("%s: sameSize(%v, %v) = %v, want an error %t", name, test.credence, test.noop, err, test.err)
		}
	}
}

// A passage that asks is one whose filter asks the cluster of that server.
func TestAsking(t *testing.T) {
	p := asking("someone", "somewhere", new(server), credential.Secret{}, 401)
	if !p.Asks() || !strings.Contains(p.Filter, "cluster_name: somewhere}") {
		t.Errorf("asking: %t, filter\n%s", p.Asks(), p.Filter)
	}
	if (&passage{}).Asks() {
		t.Error("a passage without a server asks")
	}
}
