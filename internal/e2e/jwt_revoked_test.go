package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"credence/internal/cli"
	"credence/internal/config"
	"credence/internal/jwt"
)

// TestJWTIsSwitchedOffEverywhere switches off, in each way there is, what a JWT
// depends on that every server has verified and knows all about. When the command
// ends, none lets it pass, neither that nor any later time.
func TestJWTIsSwitchedOffEverywhere(t *testing.T) {
	issuer := newPair(t, jwt.RS256)
	jwks := newJWKS(t, serves(issuer.jwk("i1")))
	s := start(t, setting{noEnvoy: true, patient: true, config: jwks.trusting()})
	s.signed()
	s.fetched()
	c, err := config.Parse("credence.yaml", []byte(jwks.trusting()))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.URL, c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = s.redis.URL(), "127.0.0.1:0", "127.0.0.1:0", 0
	servers := []cli.Addresses{s.at}
	for range 2 {
		servers = append(servers, s.serveWithin(patientConfig(c), patience))
	}
	ask := func(at cli.Addresses, presented string) string {
		answer, err := newLine(t, at.GRPC).ask(checkBy(presented, "10.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := toldBy(answer)
		if err != nil {
			t.Fatal(err)
		}
		return got.reason
	}
	file := filepath.Join(t.TempDir(), "jwt")
	for _, test := range []struct {
		name   string
		claims claim
		args   []string
		want   string
	}{
		{"key", nil, []string{"key", "revoke", "acme", "key", "--yes"}, "credential_revoked"},
		{"jti", claim{"jti": "one"}, []string{"jwt", "revoke", "--from-file", file}, "credential_revoked"},
		{"jti by hand", claim{"jti": "two"}, []string{"jwt", "revoke", "two", "--issuer", "acme"}, "credential_revoked"},
		{"binding", claim{"iss": testIssuer, "sub": "user-1"}, []string{"binding", "remove", testIssuer, "user-1"}, "credential_revoked"},
		{"jti of an issuer", claim{"iss": testIssuer, "sub": "user-2", "jti": "one"}, []string{"jwt", "revoke", "--from-file", file}, "credential_revoked"},
		{"client", nil, []string{"client", "disable", "acme"}, "client_disabled"},
		{"valid_after", nil, []string{"client", "update", "acme", "--wait", "--valid-after", time.Now().Add(time.Minute).UTC().Format(time.RFC3339)}, "credential_revoked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var presented string
			if test.claims["iss"] == testIssuer {
				subject, _ := test.claims["sub"].(string)
				s.binding(subject)
				presented = issuer.sign(t, "i1", test.claims)
			} else {
				p := newPair(t, jwt.ES256)
				s.client("acme") // active, whatever was done before
				s.key(test.args[0], p)
				presented = p.sign(t, test.args[0], test.claims)
			}
			if err := os.WriteFile(file, []byte(presented), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, at := range servers {
				await(t, "it passes", func() bool { return ask(at, presented) == "allowed" })
				if got := ask(at, presented); got != "allowed" {
					t.Fatalf("before: %s", got)
				}
			}
			command := run(t, []string{"CREDENCE_REDIS_URL=" + s.redis.URL()}, test.args...)
			if status := command.wait(); status != 0 {
				t.Fatalf("%v: status %d", test.args, status)
			}
			for range 3 {
				for i, at := range servers {
					if got := ask(at, presented); got != test.want {
						t.Errorf("server %d: %s, want %s", i, got, test.want)
					}
				}
			}
		})
	}
}
