package main

import (
	"encoding/base64"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/jwt"
)

func pairFor(t *testing.T, a jwt.Algorithm) pair {
	t.Helper()
	key, err := newPair(a, clientID(firstLong))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// judged tells what the server would say of a JWT with the record of its key in
// hand.
func judged(t *testing.T, key pair, shown credential.Secret) jwt.Fault {
	t.Helper()
	public, err := authz.KeyOf(key.record(profileID(0), time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	peeked, problem := jwt.Peek(shown)
	if problem.Fault == jwt.None {
		problem = jwt.Verify(peeked, public)
	}
	if problem.Fault != jwt.None {
		return problem.Fault
	}
	claims, problem := peeked.Evaluate(jwt.Rules{Audiences: []string{audience}, RequireIssued: true})
	if problem.Fault != jwt.None {
		return problem.Fault
	}
	if life := claims.Expires.Sub(claims.Issued); life != jwtLife {
		t.Errorf("lives for %v, want %v", life, jwtLife)
	}
	if from, until := claims.Window(0); time.Now().Before(from) || !time.Now().Before(until) {
		t.Errorf("is good from %v until %v, and not now", from, until)
	}
	return jwt.None
}

// What we sign is good, what we forge has a bad signature and nothing else, and
// all are of one length and differ.
func TestSignedAndForged(t *testing.T) {
	for _, a := range measuredAlgorithms {
		t.Run(a.String(), func(t *testing.T) {
			key := pairFor(t, a)
			signed, err := key.sign(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			forged, err := key.forge(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			seen := make(map[string]bool)
			for i := range signed {
				if got := judged(t, key, signed[i]); got != jwt.None {
					t.Errorf("signed %d: %v", i, got)
				}
				if got := judged(t, key, forged[i]); got != jwt.BadSignature {
					t.Errorf("forged %d: %v, want %v", i, got, jwt.BadSignature)
				}
				for _, one := range []credential.Secret{signed[i], forged[i]} {
					if len(one.Expose()) != len(signed[0].Expose()) || seen[one.Expose()] {
						t.Errorf("%d is of another length than the first, or one of those before", i)
					}
					seen[one.Expose()] = true
				}
			}
			if used, err := key.bare(signed); err != nil || used <= 0 {
				t.Errorf("bare = %v, %v; want some CPU time", used, err)
			}
			if _, err := key.bare(forged); err == nil {
				t.Error("bare verifies what is forged")
			}
		})
	}
}

// The clients whose JWTs are asked with together have ids of one length.
func TestJWTsOfManyClientsAreOfOneLength(t *testing.T) {
	keys, err := newPairs(firstLong, knownClients)
	if err != nil {
		t.Fatal(err)
	}
	var signed []credential.Secret
	for _, key := range keys {
		one, err := key.sign(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		signed = append(signed, one...)
	}
	if _, err := newChecks(peerAddress, signed); err != nil {
		t.Error(err)
	}
}

func TestCutSignature(t *testing.T) {
	text, signature := cutSignature(credential.NewSecret("a.b.c"))
	if text != "a.b" || signature != "c" {
		t.Errorf("cutSignature = %q, %q; want a.b, c", text, signature)
	}
}

func TestNoPairForWhatIsNotMeasured(t *testing.T) {
	if _, err := newPair(jwt.PS512, clientID(0)); err == nil {
		t.Error("newPair(PS512): want an error")
	}
}

// A forged ES512 must get as far as the curve: numbers that are too large are
// told sooner.
func TestForgedNumbersAreOfTheCurve(t *testing.T) {
	forged, err := pairFor(t, jwt.ES512).forge(t.Context(), 8)
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range forged {
		_, text := cutSignature(one)
		signature, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(signature) != 132 || signature[0] > 1 || signature[66] > 1 {
			t.Errorf("forged %d: a number of its signature is beyond 521 bits (%v)", i, err)
		}
	}
}
