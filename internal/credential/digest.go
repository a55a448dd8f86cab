package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Digest is how a token is stored: its kind, a colon, 64 hex digits.
//
//	s1:<hex of SHA-256(token)>
//	h<n>:<hex of HMAC-SHA-256(pepper n, the 32 bytes of SHA-256(token))>
//
// The inner hash is the plain one, so that SHA-256 digests of another system
// can be imported with or without a pepper.
type Digest string

// ParseDigest reads a Digest.
func ParseDigest(text string) (Digest, error) {
	kind, sum, found := strings.Cut(text, ":")
	if _, err := ParseDigestKind(kind); err != nil || !found || len(sum) != 2*sha256.Size || !consistsOf(sum, &isHex) {
		return "", errors.New("want s1: or h<n>: and 64 lower-case hex digits")
	}
	return Digest(text), nil
}

// Kind gives the part before the colon.
func (d Digest) Kind() DigestKind {
	kind, _, _ := strings.Cut(string(d), ":")
	return DigestKind(kind)
}

// A DigestKind names a way to make digests: s1, or h1 to h99 with a pepper.
type DigestKind string

// PlainDigest is the kind without a pepper.
const PlainDigest DigestKind = "s1"

const maxPepper = 99

// ParseDigestKind reads a DigestKind.
func ParseDigestKind(text string) (DigestKind, error) {
	if text == string(PlainDigest) {
		return PlainDigest, nil
	}
	number, isPeppered := strings.CutPrefix(text, "h")
	n, err := strconv.Atoi(number)
	if !isPeppered || err != nil || n < 1 || n > maxPepper || strconv.Itoa(n) != number {
		return "", fmt.Errorf("%q is no kind of digest: want s1, or h1 to h%d", text, maxPepper)
	}
	return DigestKind(text), nil
}

// generation orders kinds by age: s1 is the oldest, then h1, h2 …
func (k DigestKind) generation() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(string(k), "h"))
	return n // s1 gives 0
}

// ErrPepperMissing says that a kind of digest was asked for whose pepper is
// not configured.
var ErrPepperMissing = errors.New("pepper is not configured")

// Peppers makes digests. It holds each configured pepper; the zero Peppers
// makes plain digests only. It is immutable.
type Peppers struct{ byKind map[DigestKind]*pepper }

// A pepper is a key, and what makes digests with it.
type pepper struct{ makers sync.Pool }

// A maker makes digests, one at a time. It has their room, since what is given
// to a hash is garbage otherwise.
type maker struct {
	mac   hash.Hash
	plain [sha256.Size]byte
	keyed [sha256.Size]byte
}

func newPepper(key string) *pepper {
	return &pepper{makers: sync.Pool{New: func() any { return &maker{mac: hmac.New(sha256.New, []byte(key))} }}}
}

// NewPeppers takes the peppers by kind. White space at their ends is dropped;
// an empty one, and one for a kind that takes none, is an error.
func NewPeppers(byKind map[DigestKind]Secret) (Peppers, error) {
	peppers := make(map[DigestKind]*pepper, len(byKind))
	for kind, secret := range byKind {
		if _, err := ParseDigestKind(string(kind)); err != nil || kind == PlainDigest {
			return Peppers{}, fmt.Errorf("credential: pepper %q: want h1 to h%d", kind, maxPepper)
		}
		text := strings.TrimSpace(secret.Expose())
		if text == "" {
			return Peppers{}, fmt.Errorf("credential: pepper %s is empty", kind)
		}
		peppers[kind] = newPepper(text)
	}
	return Peppers{peppers}, nil
}

// Kinds lists what can be made, newest first; s1 is always the last.
func (p Peppers) Kinds() []DigestKind {
	kinds := []DigestKind{PlainDigest}
	for kind := range p.byKind {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b DigestKind) int { return b.generation() - a.generation() })
	return kinds
}

// Has tells whether digests of the kind can be made.
func (p Peppers) Has(kind DigestKind) bool {
	_, found := p.byKind[kind]
	return found || kind == PlainDigest
}

// Digest makes the digest of a token. It fails with ErrPepperMissing.
func (p Peppers) Digest(kind DigestKind, token Secret) (Digest, error) {
	text, err := p.AppendDigest(nil, kind, token)
	return Digest(text), err
}

// AppendDigest appends the digest of a token to text. It fails as Digest does.
func (p Peppers) AppendDigest(text []byte, kind DigestKind, token Secret) ([]byte, error) {
	sum := sumOf(token.Expose(), sha256.Sum256)
	if kind == PlainDigest {
		return hex.AppendEncode(append(text, PlainDigest+":"...), sum[:]), nil
	}
	pepper, err := p.of(kind)
	if err != nil {
		return nil, err
	}
	m := pepper.makers.Get().(*maker)
	defer pepper.makers.Put(m)
	m.plain = sum
	return hex.AppendEncode(append(append(text, kind...), ':'), m.sign(m.plain[:])), nil
}

// texts are rooms for texts of which a sum is made.
var texts = sync.Pool{New: func() any { return new([]byte) }}

// sumOf gives a sum of a text. The copy that a sum takes would be garbage each
// time.
func sumOf[S any](text string, sum func([]byte) S) S {
	room := texts.Get().(*[]byte)
	defer texts.Put(room)
	*room = append((*room)[:0], text...)
	defer clear(*room) // it may be a token
	return sum(*room)
}

// checkText is what a pepper is proven by, in the registry's check_h<n>.
const checkText = "credence pepper check"

// Check gives what the registry keeps to tell one pepper from another: the
// first 16 hex digits of HMAC-SHA-256(pepper, "credence pepper check").
func (p Peppers) Check(kind DigestKind) (string, error) {
	pepper, err := p.of(kind)
	if err != nil {
		return "", err
	}
	m := pepper.makers.Get().(*maker)
	defer pepper.makers.Put(m)
	return hex.EncodeToString(m.sign([]byte(checkText))[:8]), nil
}

func (p Peppers) of(kind DigestKind) (*pepper, error) {
	pepper, found := p.byKind[kind]
	if !found {
		return nil, fmt.Errorf("credential: %s: %w", kind, ErrPepperMissing)
	}
	return pepper, nil
}

// sign gives the HMAC of a message. It holds until the next one.
func (m *maker) sign(message []byte) []byte {
	m.mac.Reset()
	m.mac.Write(message)
	return m.mac.Sum(m.keyed[:0])
}
