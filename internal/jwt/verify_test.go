package jwt

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"credence/internal/credential"
)

// TestOneBit flips one bit of each byte, or every bit where that is cheap, in
// header, claims and signature: nothing of it is accepted.
func TestOneBit(t *testing.T) {
	w := testWorld(t)
	for _, a := range AnyAlgorithm.List() {
		step := 11
		if a == EdDSA || a == ES256 {
			step = 1
		}
		parts := strings.Split(validDraft().by(a).head("kid", `"`+a.String()+`"`).text(), ".")
		if reason, why := w.judge(strings.Join(parts, ".")); reason != reasons[None] {
			t.Fatalf("%s: %s (%s)", a, reason, why)
		}
		for part, name := range [...]string{"header", "claims", "signature"} {
			decoded, _ := decode(parts[part])
			for bit := 0; bit < 8*len(decoded); bit += step {
				decoded[bit/8] ^= 1 << (bit % 8)
				changed := [...]string{parts[0], parts[1], parts[2]}
				changed[part] = encode(decoded)
				if reason, _ := w.judge(strings.Join(changed[:], ".")); reason == reasons[None] {
					t.Errorf("%s: accepted with bit %d of the %s flipped", a, bit, name)
				}
				decoded[bit/8] ^= 1 << (bit % 8)
			}
		}
	}
}

// TestOneCharacter replaces each character of the text: what base64 reads as
// the same bytes must not pass either.
func TestOneCharacter(t *testing.T) {
	w := testWorld(t)
	text := validDraft().by(EdDSA).head("kid", `"EdDSA"`).text()
	for i := range len(text) {
		for _, c := range []byte{text[i] ^ 1, text[i] ^ 0x20, '=', '\n', '.', 'A', '_'} {
			if c == text[i] {
				continue
			}
			if reason, _ := w.judge(text[:i] + string(c) + text[i+1:]); reason == reasons[None] {
				t.Errorf("accepted with %q for character %d, which is %q", c, i, text[i])
			}
		}
	}
}

// TestSaltOfPSS holds the salt to the length of the hash (RFC 7518 §3.5), which
// golang-jwt does not.
func TestSaltOfPSS(t *testing.T) {
	key := keyFor(t, PS256)
	text := encode([]byte(`{"alg":"PS256"}`)) + "." + encode([]byte(`{}`))
	for salt, want := range map[int]bool{rsa.PSSSaltLengthEqualsHash: true, rsa.PSSSaltLengthAuto: false, 20: false, 33: false} {
		signature, err := rsa.SignPSS(rand.Reader, rsaKey(), hashes[PS256], digestOf(hashes[PS256], text), &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		if got := Verify(peek(t, text+"."+encode(signature)), key).Fault == None; got != want {
			t.Errorf("salt length %d: verified %v; want %v", salt, got, want)
		}
	}
}

// TestVerifyNeedsAll holds zero values to verifying nothing.
func TestVerifyNeedsAll(t *testing.T) {
	peeked, key := peek(t, validDraft().text()), keyFor(t, ES256)
	for name, test := range map[string]struct {
		peeked Peeked
		key    *Key
		want   Fault
	}{
		"all":       {peeked, key, None},
		"no key":    {peeked, nil, KeyUnknown},
		"zero key":  {peeked, &Key{}, BadAlgorithm},
		"zero JWT":  {Peeked{}, key, BadAlgorithm},
		"no method": {Peeked{Algorithm: algorithmsEnd}, key, BadAlgorithm},
	} {
		if problem := Verify(test.peeked, test.key); problem.Fault != test.want {
			t.Errorf("%s: %+v; want %v", name, problem, test.want)
		}
	}
}

// TestRSAKeyWithoutAlgorithm verifies whichever of its algorithms the JWT names,
// as keys of a JWKS without alg must; never one that was not allowed.
func TestRSAKeyWithoutAlgorithm(t *testing.T) {
	key := newKeyFor(t, rsaKey().Public(), RS256, PS512)
	for a, want := range map[Algorithm]Fault{RS256: None, PS512: None, RS384: BadAlgorithm, PS256: BadAlgorithm} {
		if problem := Verify(peek(t, validDraft().by(a).text()), key); problem.Fault != want {
			t.Errorf("%s: %+v; want %v", a, problem, want)
		}
	}
}

// TestSums are what a cache of verified signatures tells facts apart by.
func TestSums(t *testing.T) {
	text := validDraft().text()
	first, again, other := peek(t, text), peek(t, text), peek(t, validDraft().text())
	if first.Sum() != again.Sum() || first.Sum() == other.Sum() {
		t.Error("the sum of a JWT is not that of its text")
	}
	seen := map[[32]byte]string{}
	for name, key := range map[string]*Key{
		"RS256": keyFor(t, RS256), "PS256": keyFor(t, PS256), "any RSA": newKeyFor(t, rsaKey().Public(), AnyAlgorithm.List()...),
		"another RSA": newKeyFor(t, otherRSAKey().Public(), RS256), "ES256": keyFor(t, ES256), "EdDSA": keyFor(t, EdDSA),
	} {
		if other, taken := seen[key.Sum()]; taken {
			t.Errorf("%s and %s have one sum", name, other)
		}
		seen[key.Sum()] = name
	}
	if one, same := keyFor(t, ES256), keyFor(t, ES256); one.Sum() != same.Sum() {
		t.Error("one key has two sums")
	}
}

// TestNothingIsPrinted holds a JWT to not being shown whole by whoever prints
// what was read of it, nor a private key.
func TestNothingIsPrinted(t *testing.T) {
	text := validDraft().text()
	peeked := peek(t, text)
	signature, _ := decode(text[strings.LastIndexByte(text, '.')+1:])
	signer, err := ReadSigner(credential.NewSecret(string(privatePEM(edKey()))), AnyAlgorithm)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, shown := range []string{fmt.Sprintf(verb, peeked), fmt.Sprintf(verb, &peeked), fmt.Sprintf(verb, struct{ p any }{peeked})} {
			for _, secret := range append(formsOf(signature), text, text[len(text)-40:]) {
				if strings.Contains(shown, secret) {
					t.Errorf("%s shows %q of %s", verb, secret, text)
				}
			}
		}
		for _, secret := range formsOf(edKey().Seed()) {
			if shown := fmt.Sprintf(verb, *signer) + fmt.Sprintf(verb, signer); strings.Contains(shown, secret) {
				t.Errorf("%s shows a private key: %s", verb, shown)
			}
		}
	}
}

// formsOf are the ways in which fmt shows bytes.
func formsOf(b []byte) []string {
	var decimal, short, long []string
	for _, c := range b[:8] {
		decimal = append(decimal, strconv.Itoa(int(c)))
		short = append(short, fmt.Sprintf("%#x", c))
		long = append(long, fmt.Sprintf("%#02x", c))
	}
	return []string{string(b[:16]), fmt.Sprintf("%x", b[:8]), strings.Join(decimal, " "), strings.Join(short, ", "), strings.Join(long, ", ")}
}
