package authz

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/jwt/jwttest"
	"credence/internal/registry"
)

const testIssuer = "https://id.example.com"

// testSigner signs as acme's key k1, and as the issuer's key of that id.
var testSigner struct {
	sync.Once
	jwttest.Pair
}

// signerOf gives testSigner.
func signerOf(t testing.TB) jwttest.Pair {
	t.Helper()
	testSigner.Do(func() { testSigner.Pair = jwttest.New(t, jwt.ES256) })
	return testSigner.Pair
}

// A testJWT is one to be: what of it is not good.
type testJWT struct {
	kid    string         // empty: k1
	claims map[string]any // besides the good ones; nil: without that
	forged bool
}

// request presents the JWT. By an issuer it is one's for user-1.
func (j testJWT) request(t testing.TB, byIssuer bool) Request {
	t.Helper()
	signer := signerOf(t)
	if j.forged {
		signer = jwttest.New(t, jwt.ES256)
	}
	claims := map[string]any{"iss": "acme", "aud": "api", "iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix()}
	if byIssuer {
		claims["iss"], claims["sub"] = testIssuer, "user-1"
	}
	for name, value := range j.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	kid := j.kid
	if kid == "" {
		kid = "k1"
	}
	text, err := signer.Sign(jwt.ES256, kid, claims)
	if err != nil {
		t.Fatal(err)
	}
	request := goodRequest()
	request.Headers = credential.Headers{{Name: "api-token", Value: text.Expose()}}
	return request
}

// jwtPolicy trusts testIssuer.
func jwtPolicy() Policy {
	policy := testPolicy
	policy.JWT = JWTPolicy{
		Audiences: []string{"api"}, MaxLifetime: time.Hour, Skew: 30 * time.Second,
		SubjectClaims: map[string]string{testIssuer: "sub"},
	}
	return policy
}

// jwtDirectory knows the client's key, the binding of user-1, and all that they
// need. No JWT is revoked.
func jwtDirectory(t testing.TB) fakeDirectory {
	t.Helper()
	d := goodDirectory()
	d.token = registry.Entry{}
	d.key = registry.Entry{Record: &registry.Key{
		ID: "k1", Client: "acme", Algorithm: "ES256", JWK: signerOf(t).Key().JWK("k1"), Profile: "partner", State: registry.Active,
	}}
	d.binding = registry.Entry{Record: &registry.Binding{
		Issuer: testIssuer, Subject: "user-1", Client: "acme", Profile: "partner", State: registry.Active,
	}}
	d.profile = registry.Entry{Record: &registry.Profile{ID: "partner", State: registry.Active, Accepts: registry.Kinds{JWT: true}}}
	d.revoked = registry.RevokedEntry(nil)
	return d
}

// fakeIssuers answer with a key.
type fakeIssuers struct {
	key *jwt.Key
	err error
}

func (f fakeIssuers) Key(context.Context, string, string, jwt.Algorithm) (*jwt.Key, error) {
	return f.key, f.err
}

// A busy verifier never comes to verify a signature.
type busy struct{}

func (busy) Verify(_ context.Context, _ netip.Addr, p jwt.Peeked, k *jwt.Key) (jwt.Problem, error) {
	if !k.Accepts(p.Algorithm) {
		return jwt.Verify(p, k), nil
	}
	return jwt.Problem{}, registry.ErrOverloaded
}

// A watched directory notes what it is asked, and has one of its facts be
// touched as often as it is told to.
type watched struct {
	fakeDirectory
	asked   []string
	touch   string
	touches int
	after   func(*watched) // what changes with the touch
}

// fact notes a fact that is handed out.
func (w *watched) fact(name string, fact *Fact, err error) (*Fact, error) {
	if w.touch == name && w.touches > 0 && err == nil {
		w.touches--
		fact.Touch()
		if w.after != nil {
			w.after(w)
		}
	}
	return fact, err
}

func (w *watched) Token(ctx context.Context, from netip.Addr, token credential.Secret) (*Fact, error) {
	w.asked = append(w.asked, "token")
	return w.fakeDirectory.Token(ctx, from, token)
}

func (w *watched) Key(ctx context.Context, from netip.Addr, client registry.ClientID, kid registry.KeyID) (*Fact, error) {
	w.asked = append(w.asked, "key")
	fact, err := w.fakeDirectory.Key(ctx, from, client, kid)
	return w.fact("key", fact, err)
}

func (w *watched) Binding(ctx context.Context, id registry.BindingID) (*Fact, error) {
	w.asked = append(w.asked, "binding")
	fact, err := w.fakeDirectory.Binding(ctx, id)
	return w.fact("binding", fact, err)
}

func (w *watched) Owner(ctx context.Context, client registry.ClientID, profile registry.ProfileID, revocable bool) (c, p, revoked Found) {
	word := "owner"
	if revocable {
		word = "owner and revoked"
	}
	w.asked = append(w.asked, word)
	c, p, revoked = w.fakeDirectory.Owner(ctx, client, profile, revocable)
	c.Fact, _ = w.fact("client", c.Fact, c.Err)
	p.Fact, _ = w.fact("profile", p.Fact, p.Err)
	revoked.Fact, _ = w.fact("revoked", revoked.Fact, revoked.Err)
	return c, p, revoked
}

// decide has a JWT judged by what a directory knows, and by issuers who have the
// key that signs.
func (j testJWT) decide(t testing.TB, d Directory, byIssuer bool) Decision {
	t.Helper()
	from := Sources{Directory: d, Issuers: fakeIssuers{key: signerOf(t).Key()}}
	return NewChecker(jwtPolicy(), from).Check(context.Background(), noon, j.request(t, byIssuer))
}

// sameLookups tells whether a directory was asked that, and no more.
func (w *watched) sameLookups(want ...string) bool { return slices.Equal(w.asked, want) }
