package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"credence/internal/credential"
)

// MaxRevoked is how many revoked JWTs the registry takes. Servers hold all of
// them in memory.
const MaxRevoked = 100_000

// A JTI names a JWT by its issuer and jti: the SHA-256 of issuer, newline and
// jti. The registry knows no more of it.
type JTI [sha256.Size]byte

// JTIOf gives the name of a JWT.
func JTIOf(issuer, jti string) JTI { return sha256.Sum256([]byte(issuer + "\n" + jti)) }

// String gives the JTI as the registry holds it: 64 hex digits in lower case.
func (j JTI) String() string { return hex.EncodeToString(j[:]) }

// parseJTI reads what String gives.
func parseJTI(text string) (JTI, error) {
	var j JTI
	if !isSum(text) {
		return j, fmt.Errorf("%s is no name of a JWT: want the SHA-256 of issuer, newline and jti as 64 hex digits in lower case", credential.Shown(text))
	}
	_, err := hex.Decode(j[:], []byte(text))
	return j, err
}

// A Revocation is a JWT that is revoked before its time.
type Revocation struct {
	JTI    JTI
	Forget time.Time // when it may be forgotten, to the second: the JWT has expired by then
}

// Revocations are the JWTs that are revoked (key revoked-jtis). A JWT counts while
// it is there. There is always such a record; it may be empty.
type Revocations struct {
	jtis map[JTI]struct{}
}

// RevokedRef names the revoked JWTs.
var RevokedRef = Ref{Kind: RevokedKind}

// RevokedEntry makes the Entry of the members of the sorted set.
func RevokedEntry(members []string) Entry {
	r := &Revocations{jtis: make(map[JTI]struct{}, len(members))}
	for _, member := range members {
		jti, err := parseJTI(member)
		if err != nil {
			return Entry{Invalid: BadMember(RevokedRef.Key(), member, err)}
		}
		r.jtis[jti] = struct{}{}
	}
	return Entry{Record: r}
}

// Has tells whether a JWT is revoked.
func (r *Revocations) Has(jti JTI) bool {
	_, revoked := r.jtis[jti]
	return revoked
}

// Len tells how many are revoked.
func (r *Revocations) Len() int { return len(r.jtis) }

// Ref implements Record.
func (r *Revocations) Ref() Ref { return RevokedRef }

// Fields implements Record. There are none: the set is no hash, and changed by
// the Revocations of a commit.
func (r *Revocations) Fields() Fields { return nil }

// LongRead gives how long a read of the revoked JWTs may take, where one of
// records may take so long: 5 s at least, for several megabytes on a slow link.
func LongRead(timeout time.Duration) time.Duration { return max(5*time.Second, timeout) }
