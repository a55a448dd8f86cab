package jwt

import (
	"testing"
	"time"

	"credence/internal/credential"
)

// BenchmarkFirstSight is what a JWT costs that was not seen before (Peek, Verify,
// Evaluate) beside the bare verification of its signature by package crypto: the
// two are run in turn, and "ratio" is how many times the one costs the other.
func BenchmarkFirstSight(b *testing.B) {
	for _, a := range AnyAlgorithm.List() {
		b.Run(a.String(), func(b *testing.B) {
			text := validDraft().by(a).text()
			presented, key := credential.NewSecret(text), keyFor(b, a)
			peeked := peek(b, text)
			signedText, signature := text[:peeked.signed], []byte(peeked.signature.Expose())
			rules := Rules{Audiences: []string{"https://api.example.com"}, RequireIssued: true}
			var bare, ours time.Duration
			for b.Loop() {
				start := time.Now()
				if !verifyBare(a, key.public, signedText, signature) {
					b.Fatal("does not verify")
				}
				middle := time.Now()
				peeked, _ := Peek(presented)
				if problem := Verify(peeked, key); problem.Fault != None {
					b.Fatal(problem)
				}
				claims, problem := peeked.Evaluate(rules)
				if _, until := claims.Window(testSkew); problem.Fault != None || !testNow.Before(until) {
					b.Fatal(problem)
				}
				bare += middle.Sub(start)
				ours += time.Since(middle)
			}
			b.ReportMetric(float64(ours)/float64(bare), "ratio")
			b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns/op")
		})
	}
}

// BenchmarkSeenBefore is what is done again for a JWT whose signature is a known
// fact.
func BenchmarkSeenBefore(b *testing.B) {
	presented, key := credential.NewSecret(issuedDraft().claim("scope", `"orders:read orders:write"`).text()), keyFor(b, ES256)
	rules := Rules{Audiences: []string{"https://api.example.com"}, SubjectClaim: "sub"}
	b.ReportAllocs()
	for b.Loop() {
		peeked, _ := Peek(presented)
		fact := [2][32]byte{peeked.Sum(), key.Sum()}
		claims, problem := peeked.Evaluate(rules)
		if _, until := claims.Window(testSkew); problem.Fault != None || !testNow.Before(until) || fact[0] == fact[1] {
			b.Fatal(problem)
		}
	}
}

// BenchmarkHostile is what the dearest JWTs cost before anybody has signed them.
func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile() {
		if len(text) > MaxLength {
			continue
		}
		b.Run(name, func(b *testing.B) {
			presented := credential.NewSecret(text)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Peek(presented)
			}
		})
	}
}
