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

// Schema is the version of the registry's layout that this code reads.
const Schema = 1

// A Root is the record that makes a Redis a registry (key registry).
type Root struct {
	ID      string                           // random; tells one registry from another
	Seq     uint64                           // how many commits there have been
	Digests []credential.DigestKind          // kinds that tokens are stored by, newest first
	Checks  map[credential.DigestKind]string // what peppers are proven by: check_h<n>
	Created time.Time                        // zero where unknown
}

// Ref gives RootRef.
func (r *Root) Ref() Ref { return RootRef }

// Fields implements Record.
func (r *Root) Fields() Fields {
	words := make([]string, len(r.Digests))
	for i, kind := range r.Digests {
		words[i] = string(kind)
	}
	f := Fields{"id": r.ID, "schema": strconv.Itoa(Schema), "seq": strconv.FormatUint(r.Seq, 10), "digests": strings.Join(words, " ")}
	f.put("created_at", FormatTime(r.Created))
	for kind, check := range r.Checks {
		f[checkField(kind)] = check
	}
	return f
}

func checkField(kind credential.DigestKind) string { return "check_" + string(kind) }

func scanRoot(s *scanner) *Root {
	r := &Root{
		ID:      required(s, "id", parseRootID),
		Seq:     optional(s, "seq", parseSeq),
		Digests: required(s, "digests", parseDigestKinds),
		Created: s.createdAt(optional),
		Checks:  make(map[credential.DigestKind]string),
	}
	required(s, "schema", parseSchema)
	for _, field := range slices.Sorted(maps.Keys(s.fields)) {
		name, isCheck := strings.CutPrefix(field, "check_")
		if kind, err := credential.ParseDigestKind(name); isCheck && err == nil && kind != credential.PlainDigest {
			r.Checks[kind] = required(s, field, parseCheck)
		}
	}
	return r
}

func parseRootID(text string) (string, error) {
	for i := range len(text) {
		if text[i] < 0x21 || text[i] > 0x7e {
			return "", errors.New("want visible ASCII")
		}
	}
	return text, nil
}

func parseSeq(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("%s is no count of commits", credential.Shown(text))
	}
	return n, nil
}

func parseSchema(text string) (struct{}, error) {
	if text != strconv.Itoa(Schema) {
		return struct{}{}, fmt.Errorf("%s is not supported: this credence reads schema %d", credential.Shown(text), Schema)
	}
	return struct{}{}, nil
}

func parseDigestKinds(text string) ([]credential.DigestKind, error) {
	var kinds []credential.DigestKind
	for word := range strings.SplitSeq(text, " ") {
		kind, err := credential.ParseDigestKind(word)
		if err != nil {
			return nil, err
		}
		if slices.Contains(kinds, kind) {
			return nil, fmt.Errorf("%s stands there twice", kind)
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

func parseCheck(text string) (string, error) {
	if len(text) != 16 || strings.Trim(text, "0123456789abcdef") != "" {
		return "", errors.New("want 16 lower-case hex digits")
	}
	return text, nil
}
