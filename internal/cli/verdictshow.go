package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/jwt"
	"credence/internal/registry"
)

// showVerdict tells what came of judging a JWT. That it would be denied is a "no".
func (a *app) showVerdict(v *verdict) error {
	if a.output.isTable() {
		a.describeVerdict(v)
	} else {
		writeDocument(a.stdout, a.output, document{"jwt", v.fields()})
	}
	if !v.decision.Allows() {
		return &answerNo{}
	}
	return nil
}

// fields gives a verdict for programs. Header and claims are JSON as they stand
// there.
func (v *verdict) fields() []field {
	var fields []field
	add := func(name, text string) {
		if text != "" {
			fields = append(fields, field{name, redact(text)})
		}
	}
	add("header", v.peeked.Header())
	add("claims", v.peeked.Payload())
	for _, date := range v.dates() {
		add(date.name, date.text)
	}
	add("signature", v.signature())
	facts := v.decision.Facts
	add("client", string(facts.Credential.Client))
	add("profile", string(facts.Credential.Profile))
	add("scopes", strings.Join(facts.Scopes(), " "))
	add("decision", v.word())
	add("reason", v.decision.Reason.String())
	add("observed", v.observed())
	add("why", v.why())
	if row := answer.Of(v.decision.Reason); !v.decision.Allows() {
		add("status", strconv.Itoa(row.Status))
		add("code", row.Code)
	}
	return fields
}

// word gives the decision in a word, as Envoy's dynamic metadata has it.
func (v *verdict) word() string {
	if v.decision.Allows() {
		return "allow"
	}
	return "deny"
}

// observed gives what enforcing would have said; empty where it was enforced.
func (v *verdict) observed() string {
	if v.decision.Observed == authz.Undecided {
		return ""
	}
	return v.decision.Observed.String()
}

// dates gives the times of a JWT as the registry writes times.
func (v *verdict) dates() []field {
	claims, _ := v.peeked.Evaluate(jwt.Rules{}) // of which only what could be read counts
	var dates []field
	for _, date := range []struct {
		name string
		at   time.Time
	}{{"issued_at", claims.Issued}, {"not_before", claims.NotBefore}, {"expires_at", claims.Expires}} {
		if !date.at.IsZero() {
			dates = append(dates, field{date.name, registry.FormatTime(date.at)})
		}
	}
	return dates
}

// describeVerdict shows a verdict to a person.
func (a *app) describeVerdict(v *verdict) {
	dates := v.dates()
	a.describeMembers("header", v.peeked.Header())
	a.describeMembers("claims", v.peeked.Payload())
	facts := v.decision.Facts
	lines := make([]field, 0, len(dates)+8)
	for _, date := range dates {
		lines = append(lines, field{date.name, withDistance(date.text, v.now)})
	}
	lines = append(lines, field{"signature", v.signature()})
	if facts.Credential.Client != "" {
		lines = append(lines,
			field{"client", string(facts.Credential.Client)}, field{"profile", string(facts.Credential.Profile)})
	}
	if facts.Profile != nil {
		lines = append(lines, field{"scopes", orNotSet(strings.Join(facts.Scopes(), " "))})
	}
	lines = append(lines, field{"decision", v.word()}, field{"reason", v.decision.Reason.String()})
	if observed := v.observed(); observed != "" {
		lines = append(lines, field{"observed", observed + " is what enforcing would have said"})
	}
	if why := v.why(); why != "" {
		lines = append(lines, field{"why", why})
	}
	if row := answer.Of(v.decision.Reason); !v.decision.Allows() {
		lines = append(lines, field{"answer", fmt.Sprintf("%d %s", row.Status, row.Code)})
	}
	for _, line := range lines {
		fmt.Fprintf(a.stdout, "%-10s  %s\n", line.name, printable(redact(line.text)))
	}
}

// describeMembers shows the members of a JSON object, each on a line of its own
// that is indented: what others wrote must not look like a line of ours.
func (a *app) describeMembers(title, object string) {
	members := membersOf(object)
	if len(members) == 0 {
		return
	}
	width := 0
	for i := range members {
		members[i].name = printable(redact(members[i].name))
		width = max(width, len(members[i].name))
	}
	fmt.Fprintln(a.stdout, title)
	for _, member := range members {
		fmt.Fprintf(a.stdout, "  %-*s  %s\n", width, member.name, printable(redact(member.text)))
	}
}

// membersOf gives the members of a JSON object in their order, each value in one
// line; none where it is no object.
func membersOf(object string) []field {
	decoder := json.NewDecoder(strings.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return nil
	}
	var members []field
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return members
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return members
		}
		var line bytes.Buffer
		if err := json.Compact(&line, value); err != nil {
			return members
		}
		members = append(members, field{fmt.Sprint(name), line.String()})
	}
	return members
}
