package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"credence/internal/registry"
)

// fieldOrder is the order in which the fields of a record are shown. Fields
// that are not here come behind, by name.
var fieldOrder = map[registry.RecordKind][]string{
	registry.RootKind: {"id", "schema", "seq", "digests", "created_at"},
	registry.ClientKind: {
		"id", "name", "contact", "state", "state_by", "state_at", "state_reason", "allow", "allow_mode", "valid_after", "limit",
		"labels", "managed_by", "created_at", "updated_at",
	},
	registry.ProfileKind: {
		"id", "state", "accepts", "scopes", "allow", "allow_mode", "limit", "max_token_age", "max_jwt_lifetime", "require_tls",
		"managed_by", "created_at", "updated_at",
	},
	registry.TokenKind: {
		"id", "client", "profile", "state", "state_by", "state_at", "state_reason", "label", "allow", "created_at", "not_before",
		"expires_at", "replaced_by", "managed_by", "digest",
	},
	registry.KeyKind: {
		"id", "client", "profile", "state", "alg", "require_cnf", "created_at", "expires_at", "managed_by", "jwk",
	},
	registry.BindingKind: {"id", "issuer", "subject", "client", "profile", "state", "created_at", "managed_by"},
}

// unset says what it means that a field is not there. Of all others it means
// nothing: <none>.
var unset = map[string]string{
	"allow":       "any",
	"allow_mode":  "enforce",
	"require_cnf": "false",
	"require_tls": "false",
	"expires_at":  "never",
	"not_before":  "at once",
}

const notSet = "<none>"

func orNotSet(text string) string { return cmp.Or(text, notSet) }

// ordered gives the fields that are there, in the order of their kind.
func ordered(kind registry.RecordKind, fields registry.Fields) []field {
	var list []field
	for _, name := range fieldNames(kind, fields) {
		if text, there := fields[name]; there {
			list = append(list, field{name, text})
		}
	}
	return list
}

// fieldNames gives all names that a record of a kind can have, and behind them
// those that it has besides.
func fieldNames(kind registry.RecordKind, fields registry.Fields) []string {
	names := slices.Clone(fieldOrder[kind])
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// describe shows one record to a person: each field on a line, also those that
// are not set.
func (a *app) describe(kind registry.RecordKind, fields registry.Fields) {
	names := fieldNames(kind, fields)
	width := 0
	for _, name := range names {
		width = max(width, len(name))
	}
	for _, name := range names {
		text, there := fields[name]
		switch {
		case there && strings.HasSuffix(name, "_at"), there && name == "not_before", there && name == "valid_after":
			text = withDistance(text, a.now())
		case !there && unset[name] != "":
			text = unset[name]
		case !there:
			text = notSet
		}
		if name == "state" {
			text = a.paintState(text)
		} else {
			text = printable(text)
		}
		fmt.Fprintf(a.stdout, "%-*s  %s\n", width, printable(name), text)
	}
}

// withDistance adds to a time how far away it is.
func withDistance(text string, now time.Time) string {
	t, err := registry.ParseTime(text)
	if err != nil {
		return text
	}
	return text + " (" + distance(t, now) + ")"
}

// distance says how far a time is away: 3d ago, in 5h.
func distance(t, now time.Time) string {
	if years := t.Year() - now.Year(); max(years, -years) > farYears { // a Duration holds 292
		if years > 0 {
			return fmt.Sprintf("in %dy", years)
		}
		return fmt.Sprintf("%dy ago", -years)
	}
	if ahead := t.Sub(now); ahead > 0 {
		return "in " + span(ahead.Round(unitOf(ahead))) // 89d23h59m is 90d, as it was asked for
	}
	return age(t, now) + " ago"
}

// farYears is from where on years are counted by the calendar.
const farYears = 200

// age gives the time between two times as a table has room for it.
func age(from, to time.Time) string { return span(max(to.Sub(from), 0)) }

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// unitOf gives the unit that a time is counted in.
func unitOf(d time.Duration) time.Duration {
	switch {
	case d < 2*time.Minute:
		return time.Second
	case d < 2*time.Hour:
		return time.Minute
	case d < 2*day:
		return time.Hour
	case d < 2*year:
		return day
	}
	return year
}

func span(d time.Duration) string {
	unit := unitOf(d)
	letter := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h", day: "d", year: "y"}[unit]
	return fmt.Sprintf("%d%s", d/unit, letter)
}

// printable takes out of a text what would act on a terminal: other programs
// write records too.
func printable(text string) string {
	if !strings.ContainsFunc(text, isControl) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isControl tells what is not to be shown as it is: control and format
// characters, by which text can be moved, hidden and turned round, and bytes
// that are no UTF-8.
func isControl(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }
