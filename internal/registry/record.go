package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"credence/internal/credential"
)

// A RecordKind is the kind of a record, and how its key begins.
type RecordKind string

// The kinds of record.
const (
	RootKind    RecordKind = "registry"
	ClientKind  RecordKind = "client"
	ProfileKind RecordKind = "profile"
	TokenKind   RecordKind = "token"
	KeyKind     RecordKind = "key"
	BindingKind RecordKind = "binding"
	RevokedKind RecordKind = "revoked-jtis"
)

// A Ref names a record. ID is the client's or profile's id, the token's digest,
// the client and kid of a key with a colon between, or the binding's id; the
// root and the revoked JWTs have none.
type Ref struct {
	Kind RecordKind
	ID   string
}

// RootRef names the record that makes a Redis a registry.
var RootRef = Ref{Kind: RootKind}

// ClientRef names a client.
func ClientRef(id ClientID) Ref { return Ref{ClientKind, string(id)} }

// ProfileRef names a profile.
func ProfileRef(id ProfileID) Ref { return Ref{ProfileKind, string(id)} }

// TokenRef names a token.
func TokenRef(digest credential.Digest) Ref { return Ref{TokenKind, string(digest)} }

// Key gives the key without the registry's prefix: client:acme.
func (r Ref) Key() string {
	if r.Kind == RootKind || r.Kind == RevokedKind {
		return string(r.Kind)
	}
	return string(r.Kind) + ":" + r.ID
}

// ParseRef reads a key without the registry's prefix.
func ParseRef(key string) (Ref, bool) {
	switch key {
	case RootRef.Key():
		return RootRef, true
	case RevokedRef.Key():
		return RevokedRef, true
	}
	kind, id, found := strings.Cut(key, ":")
	ref := Ref{RecordKind(kind), id}
	switch ref.Kind {
	case ClientKind, ProfileKind, TokenKind, BindingKind:
		return ref, found && id != ""
	case KeyKind:
		client, kid := ref.OfKey()
		return ref, client != "" && kid != "" && !strings.Contains(string(kid), ":")
	}
	return Ref{}, false
}

// Fields are a record as text: the fields of its Redis hash.
type Fields map[string]string

// A Record is one of *Root, *Client, *Profile, *Token, *Key, *Binding and
// *Revocations.
type Record interface {
	Ref() Ref
	// Fields gives the record as text that Parse reads back. Fields that
	// begin with x_ belong to others and are not among them.
	Fields() Fields
}

// An Entry is what stands under a Ref. Neither Record nor Invalid set: there
// is no such record.
type Entry struct {
	Record  Record
	Invalid error  // why it cannot be read; errors.Is ErrInvalid
	Fields  Fields // as they stand there, x_ fields too; nil when absent
}

// Absent tells that there is no such record.
func (e Entry) Absent() bool { return e.Record == nil && e.Invalid == nil }

// ErrInvalid is what every error of Parse is.
var ErrInvalid = errors.New("invalid record")

// A FieldError says which field of which record is wrong, and how.
type FieldError struct {
	Key   string // without the registry's prefix
	Field string // empty: the record as a whole
	Why   string
}

// Error gives registry: client:acme: state: unknown value "on".
func (e *FieldError) Error() string {
	if e.Field == "" {
		return "registry: " + e.Key + ": " + e.Why
	}
	return "registry: " + e.Key + ": " + e.Field + ": " + e.Why
}

// Is makes errors.Is(err, ErrInvalid) true.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// WrongType says that a key, given without the registry's prefix, holds
// something else than what belongs there.
func WrongType(key string) *FieldError {
	return &FieldError{key, "", "the key is of another type"}
}

// clockSkew is how far ahead of us a record's created_at may be.
const clockSkew = 30 * time.Second

// Parse reads the record that stands under ref. Errors are *FieldError.
func Parse(ref Ref, fields Fields, now time.Time) (Record, error) {
	s := &scanner{ref: ref, fields: fields, now: now, read: make(map[string]bool, len(fields))}
	var record Record
	switch ref.Kind {
	case RootKind:
		record = scanRoot(s)
	case ClientKind:
		record = scanClient(s)
	case ProfileKind:
		record = scanProfile(s)
	case TokenKind:
		record = scanToken(s)
	case KeyKind:
		record = scanKey(s)
	case BindingKind:
		record = scanBinding(s)
	default:
		return nil, &FieldError{ref.Key(), "", "no kind of record that is known"}
	}
	s.refuseUnknown()
	if s.err != nil {
		return nil, s.err
	}
	return record, nil
}

// EntryOf makes the Entry of fields as they stand under ref; none: absent.
func EntryOf(ref Ref, fields Fields, now time.Time) Entry {
	if len(fields) == 0 {
		return Entry{}
	}
	record, err := Parse(ref, fields, now)
	if err != nil {
		return Entry{Invalid: err, Fields: fields}
	}
	return Entry{Record: record, Fields: fields}
}

// A scanner reads the fields of one record and keeps the first error.
type scanner struct {
	ref    Ref
	fields Fields
	now    time.Time
	read   map[string]bool
	err    error
}

func (s *scanner) fail(field, why string) {
	if s.err == nil {
		s.err = &FieldError{s.ref.Key(), field, why}
	}
}

// optional reads a field that may be missing; it then gives the zero value.
func optional[T any](s *scanner, field string, parse func(string) (T, error)) T {
	var value T
	text, present := s.fields[field]
	if !present {
		return value
	}
	s.read[field] = true
	if text == "" {
		s.fail(field, "is empty: leave it out")
		return value
	}
	value, err := parse(text)
	if err != nil {
		s.fail(field, err.Error())
	}
	return value
}

// required reads a field that must be there.
func required[T any](s *scanner, field string, parse func(string) (T, error)) T {
	if _, present := s.fields[field]; !present {
		s.fail(field, "is missing")
	}
	return optional(s, field, parse)
}

// requiredID reads a field that must say what the key says.
func requiredID[T ~string](s *scanner, field string, parse func(string) (T, error)) T {
	id := required(s, field, parse)
	if s.err == nil && string(id) != s.ref.ID {
		s.fail(field, fmt.Sprintf("%s is not what the key says", credential.Shown(string(id))))
	}
	return id
}

// createdAt reads created_at, which nobody but a wrong clock puts ahead.
func (s *scanner) createdAt(read func(*scanner, string, func(string) (time.Time, error)) time.Time) time.Time {
	t := read(s, "created_at", ParseTime)
	if s.err == nil && t.After(s.now.Add(clockSkew)) {
		s.fail("created_at", fmt.Sprintf("%s is in the future", FormatTime(t)))
	}
	return t
}

func (s *scanner) refuseUnknown() {
	for _, field := range slices.Sorted(maps.Keys(s.fields)) {
		if !s.read[field] && !isForeignField(field) {
			s.fail(shownName(field), "unknown field")
		}
	}
}

// shownName gives the name of a field that anybody may have written.
func shownName(field string) string {
	if quoted := credential.Shown(field); quoted != strconv.Quote(field) {
		return quoted
	}
	return field
}

// isForeignField tells fields that other programs may keep in our records.
func isForeignField(field string) bool { return strings.HasPrefix(field, "x_") }

// put sets a field unless its text is empty, which means that it is not there.
func (f Fields) put(field, text string) {
	if text != "" {
		f[field] = text
	}
}
