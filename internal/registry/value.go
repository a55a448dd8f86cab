package registry

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"credence/internal/credential"
)

// A ClientID names a client: [a-z0-9][a-z0-9._-]{0,62}.
type ClientID string

// A ProfileID names an access profile, in the form of a ClientID.
type ProfileID string

const maxID = 63

// ParseID reads the id of a client or profile, or the name of an API.
func ParseID[T ~string](text string) (T, error) {
	if text == "" || len(text) > maxID || !isLowerAlnum(text[0]) {
		return "", fmt.Errorf("%s is no id: want [a-z0-9][a-z0-9._-]{0,62}", credential.Shown(text))
	}
	for i := range len(text) {
		if c := text[i]; !isLowerAlnum(c) && c != '.' && c != '_' && c != '-' {
			return "", fmt.Errorf("%s is no id: want [a-z0-9][a-z0-9._-]{0,62}", credential.Shown(text))
		}
	}
	return T(text), nil
}

func isLowerAlnum(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// A State is what a record's owner has made of it.
type State uint8

// The states. The zero State is none: nothing is allowed by it.
const (
	NoState  State = iota
	Active         // in use
	Disabled       // of clients and profiles: switched off, may be switched on again
	Deleted        // of clients and profiles: for good; the id is never used again
	Revoked        // of credentials: for good
)

var stateNames = [...]string{NoState: "", Active: "active", Disabled: "disabled", Deleted: "deleted", Revoked: "revoked"}

// String gives the word that records use.
func (s State) String() string { return stateNames[s] }

// parseState reads one of the states that a record of its kind can have.
func parseState(allowed ...State) func(string) (State, error) {
	return func(text string) (State, error) {
		words := make([]string, len(allowed))
		for i, state := range allowed {
			words[i] = state.String()
			if text == words[i] {
				return state, nil
			}
		}
		return NoState, fmt.Errorf("unknown value %s: want one of %s", credential.Shown(text), strings.Join(words, ", "))
	}
}

var (
	parseOwnerState      = parseState(Active, Disabled, Deleted)
	parseCredentialState = parseState(Active, Revoked)
)

// ParseTime reads an RFC 3339 time in UTC that ends in Z, with up to nine
// digits of a fraction. The zero time, which means that there is none, is not
// one that text can give: an expiry of the year 1 must not read as "never".
func ParseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.IsZero() || !isStrictTime(text) {
		return time.Time{}, fmt.Errorf("%s is no time: want RFC 3339 in UTC, like 2026-01-31T12:00:00Z", credential.Shown(text))
	}
	return t, nil
}

// isStrictTime refuses what package time takes besides RFC 3339 (golang.org/issue/54580)
// or cuts off: hours of one digit, a comma before the fraction, its tenth digit.
func isStrictTime(text string) bool {
	const whole, fraction = len("2006-01-02T15:04:05"), len(".999999999")
	if len(text) <= whole || len(text) > whole+fraction+len("Z") || !strings.HasSuffix(text, "Z") {
		return false
	}
	return text[whole-6] == ':' && (text[whole] == '.' || text[whole] == 'Z')
}

// FormatTime gives a time as ParseTime reads it; empty for the zero time.
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

const day = 24 * time.Hour

// ParseDuration reads a duration longer than zero as Go writes it, or with
// days before it: 90d, 1d12h, 30m.
func ParseDuration(text string) (time.Duration, error) {
	failed := fmt.Errorf("%s is no duration: want one like 90d, 12h or 1h30m, above zero", credential.Shown(text))
	if text == "" || text[0] == '+' || text[0] == '-' {
		return 0, failed
	}
	var total time.Duration
	if days, rest, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || time.Duration(n) > math.MaxInt64/day {
			return 0, failed
		}
		total, text = time.Duration(n)*day, rest
	}
	if text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || text[0] == '+' || text[0] == '-' || d > math.MaxInt64-total {
			return 0, failed
		}
		total += d
	}
	if total <= 0 {
		return 0, failed
	}
	return total, nil
}

// FormatDuration gives a duration as ParseDuration reads it; empty for zero.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	days, rest := d/day, d%day
	switch {
	case days == 0:
		return rest.String()
	case rest == 0:
		return fmt.Sprintf("%dd", days)
	}
	return fmt.Sprintf("%dd%s", days, rest)
}

// A Limit is how many requests a client may send in a unit of time. credence
// tells it to Envoy and counts nothing itself. The zero Limit is none.
type Limit struct {
	Count uint32
	Unit  string // second, minute, hour or day
}

// ParseLimit reads a limit like 1000/hour.
func ParseLimit(text string) (Limit, error) {
	count, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(count, 10, 32)
	if err == nil && n > 0 && strconv.FormatUint(n, 10) == count {
		switch unit {
		case "second", "minute", "hour", "day":
			return Limit{uint32(n), unit}, nil
		}
	}
	return Limit{}, fmt.Errorf("%s is no limit: want 1 to 4294967295, then /second, /minute, /hour or /day", credential.Shown(text))
}

// String gives a limit as ParseLimit reads it; empty for none.
func (l Limit) String() string {
	if l.Count == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(l.Count), 10) + "/" + l.Unit
}

// A Label is one of a client's labels.
type Label struct{ Key, Value string }

// Labels are the labels of a client, in the order of the record.
type Labels []Label

const (
	maxLabels     = 16
	maxLabelKey   = 31
	maxLabelValue = 63
)

// ParseLabels reads key=value pairs separated by single spaces.
func ParseLabels(text string) (Labels, error) {
	var labels Labels
	for word := range strings.SplitSeq(text, " ") {
		label, err := parseLabel(word)
		if err != nil {
			return nil, err
		}
		if _, twice := labels.Get(label.Key); twice {
			return nil, fmt.Errorf("label %s stands there twice", credential.Shown(label.Key))
		}
		labels = append(labels, label)
	}
	if len(labels) > maxLabels {
		return nil, fmt.Errorf("%d labels: want at most %d", len(labels), maxLabels)
	}
	return labels, nil
}

func parseLabel(word string) (Label, error) {
	key, value, found := strings.Cut(word, "=")
	if !found || !IsLabelKey(key) || !IsLabelValue(value) {
		return Label{}, fmt.Errorf("%s is no label: want key=value, [a-z0-9][a-z0-9-]{0,30}=[A-Za-z0-9._-]{0,63}", credential.Shown(word))
	}
	return Label{key, value}, nil
}

// IsLabelKey tells whether a text can be the key of a label.
func IsLabelKey(key string) bool {
	if key == "" || len(key) > maxLabelKey || key[0] == '-' {
		return false
	}
	for i := range len(key) {
		if !isLowerAlnum(key[i]) && key[i] != '-' {
			return false
		}
	}
	return true
}

// IsLabelValue tells whether a text can be the value of a label.
func IsLabelValue(value string) bool {
	if len(value) > maxLabelValue {
		return false
	}
	for i := range len(value) {
		c := value[i]
		if !isLowerAlnum(c) && (c < 'A' || c > 'Z') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Get finds the value of a label.
func (l Labels) Get(key string) (string, bool) {
	for _, label := range l {
		if label.Key == key {
			return label.Value, true
		}
	}
	return "", false
}

// String gives the labels as ParseLabels reads them.
func (l Labels) String() string {
	words := make([]string, len(l))
	for i, label := range l {
		words[i] = label.Key + "=" + label.Value
	}
	return strings.Join(words, " ")
}

// ParseScopes reads scopes separated by single spaces (RFC 6749 §3.3).
func ParseScopes(text string) ([]string, error) {
	scopes := strings.Split(text, " ")
	for _, scope := range scopes {
		if !isScope(scope) {
			return nil, fmt.Errorf("%s is no scope (RFC 6749 §3.3)", credential.Shown(scope))
		}
	}
	return scopes, nil
}

// isScope holds a scope-token to %x21 / %x23-5B / %x5D-7E.
func isScope(scope string) bool {
	for i := range len(scope) {
		if c := scope[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return scope != ""
}

// Kinds is a set of kinds of credential.
type Kinds struct{ Token, JWT bool }

// ParseKinds reads the words token and jwt, separated by a single space.
func ParseKinds(text string) (Kinds, error) {
	var kinds Kinds
	for word := range strings.SplitSeq(text, " ") {
		kind, known := credential.ParseKind(word)
		if !known || kinds.Has(kind) {
			return Kinds{}, fmt.Errorf("%s: want token, jwt or both", credential.Shown(text))
		}
		kinds.Token = kinds.Token || kind == credential.Token
		kinds.JWT = kinds.JWT || kind == credential.JWT
	}
	return kinds, nil
}

// Has tells whether a kind is in the set.
func (k Kinds) Has(kind credential.Kind) bool {
	return kind == credential.Token && k.Token || kind == credential.JWT && k.JWT
}

// String gives the words as ParseKinds reads them.
func (k Kinds) String() string {
	switch {
	case k.Token && k.JWT:
		return "token jwt"
	case k.JWT:
		return "jwt"
	case k.Token:
		return "token"
	}
	return ""
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("want true or false")
}

const maxName = 256

func parseName(text string) (string, error) {
	if len(text) > maxName {
		return "", fmt.Errorf("%d bytes: want at most %d", len(text), maxName)
	}
	return text, nil
}

func parseText(text string) (string, error) { return text, nil }
