package extauthz

import (
	"context"
	"net/netip"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/racetest"
)

// TestCostOfCheck holds what reading a check and writing its answer allocate,
// the checker aside, which allocates nothing: the question, and its text. A
// denial has a body of its own besides.
func TestCostOfCheck(t *testing.T) {
	check := fullCheck()
	check.Attributes.Source.Certificate = "" // which costs what PEM costs
	data, err := proto.Marshal(check)
	if err != nil {
		t.Fatal(err)
	}
	known := authz.Decision{
		Reason: authz.Allowed, Kind: credential.Token, Facts: facts(nil), Route: authz.Route{API: "orders"},
		Peer: netip.MustParseAddr("192.0.2.7"), Header: "authorization",
	}
	denied := known
	denied.Reason = authz.ScopeMissing
	for name, test := range map[string]struct {
		decision authz.Decision
		most     float64
	}{
		"allowed": {known, 2},
		"denied":  {denied, 3},
	} {
		t.Run(name, func(t *testing.T) {
			server := New(Options{Realm: "credence", Identity: standardIdentity, Clock: clock, Checker: checkerFunc(func(context.Context, authz.Request) authz.Decision {
				return test.decision
			})})
			answer, wire, sent := server.answer, newCodec(), mem.BufferSlice{mem.SliceBuffer(data)}
			got := testing.AllocsPerRun(500, func() {
				q := new(question)
				if err := wire.Unmarshal(sent, q); err != nil {
					t.Fatal(err)
				}
				answered, err := server.intercept(context.Background(), q, &called, answer)
				if err != nil {
					t.Fatal(err)
				}
				reply, err := wire.Marshal(answered)
				if err != nil {
					t.Fatal(err)
				}
				reply.Free()
			})
			if racetest.Enabled {
				test.most += 8 // pools forget on purpose
			}
			if got > test.most {
				t.Errorf("%v allocations, want %v at most", got, test.most)
			}
		})
	}
}
