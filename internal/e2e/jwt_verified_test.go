package e2e

import (
	"testing"

	"credence/internal/jwt"
)

// askAs asks the server about a credential that is presented from an address,
// and gives the reason.
func (s *stack) askAs(l *line, presented, from string) string {
	s.t.Helper()
	answer, err := l.ask(checkBy(presented, from))
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := toldBy(answer)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.reason
}

// TestVerifiedSignaturesAreKept counts what the server keeps of JWTs: one
// signature for each that is good, however often it comes, and none of a forged
// one.
func TestVerifiedSignaturesAreKept(t *testing.T) {
	s := start(t, setting{noEnvoy: true, patient: true, config: audience})
	s.signed()
	p, forger := newPair(t, jwt.ES256), newPair(t, jwt.ES256)
	s.key("k1", p)
	l := newLine(t, s.at.GRPC)
	first := p.sign(t, "k1", claim{"jti": "1"})
	for i, test := range []struct {
		presented, reason string
		kept              float64
	}{
		{first, "allowed", 1},
		{first, "allowed", 1},
		{forger.sign(t, "k1", nil), "jwt_signature", 1},
		{p.sign(t, "k1", claim{"jti": "2"}), "allowed", 2},
		{first, "allowed", 2},
	} {
		if got := s.askAs(l, test.presented, "10.0.0.1"); got != test.reason {
			t.Errorf("%d: %s, want %s", i, got, test.reason)
		}
		if kept := s.metric("credence_signatures"); kept != test.kept {
			t.Errorf("%d: %v signatures are kept, want %v", i, kept, test.kept)
		}
	}
}

// TestForgersAreOverloaded has bad signatures come, by the name of a client's
// key, until verifying them is refused to whoever sends them. The client is
// served all the same: beside him by what was verified before, and elsewhere by
// any JWT.
func TestForgersAreOverloaded(t *testing.T) {
	s := start(t, setting{noEnvoy: true, patient: true, config: audience})
	s.signed()
	p, forger := newPair(t, jwt.ES512), newPair(t, jwt.ES512) // which takes long to verify
	s.key("k1", p)
	l := newLine(t, s.at.GRPC)
	const from, elsewhere = "192.0.2.1", "198.51.100.1"
	known, forged := p.sign(t, "k1", nil), forger.sign(t, "k1", nil)
	if got := s.askAs(l, known, from); got != "allowed" {
		t.Fatalf("before: %s", got)
	}
	const most = 5000 // when far more than 50 ms were spent
	told := 0
	for ; told < most; told++ {
		got := s.askAs(l, forged, from)
		if got == "overloaded" {
			break
		}
		if got != "jwt_signature" {
			t.Fatalf("forged: %s", got)
		}
	}
	if told == 0 || told == most {
		t.Errorf("overloaded after %d bad signatures, want some to be told, and then no more", told)
	}
	if got := s.askAs(l, known, from); got != "allowed" {
		t.Errorf("known: %s", got)
	}
	if got := s.askAs(l, p.sign(t, "k1", claim{"jti": "new"}), elsewhere); got != "allowed" {
		t.Errorf("new, from elsewhere: %s", got)
	}
	t.Logf("overloaded after %d bad signatures", told)
}
