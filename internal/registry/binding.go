package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"credence/internal/credential"
)

// A BindingID names a binding: 64 hex digits, the SHA-256 of issuer, newline
// and subject.
type BindingID string

// BindingIDOf gives the id of the binding of an issuer's subject.
func BindingIDOf(issuer, subject string) BindingID {
	sum := sha256.Sum256([]byte(issuer + "\n" + subject))
	return BindingID(hex.EncodeToString(sum[:]))
}

// ParseBindingID reads the id of a binding.
func ParseBindingID(text string) (BindingID, error) {
	if !isSum(text) {
		return "", fmt.Errorf("%s is no id of a binding: want 64 hex digits in lower case", credential.Shown(text))
	}
	return BindingID(text), nil
}

// isSum tells whether a text is a SHA-256 as keys and members have it.
func isSum(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 2*sha256.Size
}

// A Binding says whose JWTs an issuer makes for a subject (key binding:<sha256
// of issuer, newline, subject>).
type Binding struct {
	Issuer    string // the URL in iss
	Subject   string // the text of the issuer's subject claim
	Client    ClientID
	Profile   ProfileID
	State     State // Active or Revoked
	Created   time.Time
	ManagedBy string
}

// BindingRef names a binding.
func BindingRef(id BindingID) Ref { return Ref{BindingKind, string(id)} }

// BindingsOfKey is the key of the set that names the bindings to a client.
func BindingsOfKey(client ClientID) string { return "bindings-of:" + string(client) }

// ID gives the binding's id.
func (b *Binding) ID() BindingID { return BindingIDOf(b.Issuer, b.Subject) }

// Ref implements Record.
func (b *Binding) Ref() Ref { return BindingRef(b.ID()) }

// Fields implements Record.
func (b *Binding) Fields() Fields {
	f := Fields{
		"id": string(b.ID()), "issuer": b.Issuer, "subject": b.Subject, "client": string(b.Client), "profile": string(b.Profile),
		"state": b.State.String(), "created_at": FormatTime(b.Created),
	}
	f.put("managed_by", b.ManagedBy)
	return f
}

// parseIssuer refuses a newline, which would make the ids of two bindings one.
func parseIssuer(text string) (string, error) {
	if strings.Contains(text, "\n") {
		return "", fmt.Errorf("%s is no issuer: want one line", credential.Shown(text))
	}
	return text, nil
}

func scanBinding(s *scanner) *Binding {
	id := requiredID(s, "id", ParseBindingID)
	b := &Binding{
		Issuer:    required(s, "issuer", parseIssuer),
		Subject:   required(s, "subject", parseText),
		Client:    required(s, "client", ParseID[ClientID]),
		Profile:   required(s, "profile", ParseID[ProfileID]),
		State:     required(s, "state", parseCredentialState),
		Created:   s.createdAt(required),
		ManagedBy: optional(s, "managed_by", parseText),
	}
	if s.err == nil && b.ID() != id {
		s.fail("id", "is not the SHA-256 of issuer, newline and subject")
	}
	return b
}
