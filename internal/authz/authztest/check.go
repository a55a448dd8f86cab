package authztest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"credence/internal/authz"

	"github.com/google/go-cmp/cmp"
)

// Check holds a decision to what the case expects.
func (c Case) Check(t testing.TB, got authz.Decision) {
	t.Helper()
	decided := Decided{
		Reason:       got.Reason.String(),
		Kind:         got.Kind.String(),
		Client:       string(got.Facts.Credential.Client),
		Profile:      string(got.Facts.Credential.Profile),
		CredentialID: got.Facts.Credential.ID,
		API:          got.Route.API,
	}
	if got.Observed != authz.Undecided {
		decided.Observed = got.Observed.String()
	}
	if got.Peer.IsValid() {
		decided.Peer = got.Peer.String()
	}
	var wrong []string
	if diff := cmp.Diff(c.Want.Decided, decided); diff != "" {
		wrong = append(wrong, "decision, want (-) got (+):\n"+diff)
	}
	if place := placeOf(got); c.Want.Presented != "" && place != c.Want.Presented {
		wrong = append(wrong, fmt.Sprintf("presented in %q, want %q", place, c.Want.Presented))
	}
	if got.Allows() != c.Want.Allows() {
		wrong = append(wrong, fmt.Sprintf("passes %v, want %v", got.Allows(), c.Want.Allows()))
	}
	if len(wrong) > 0 && got.Cause != nil {
		wrong = append(wrong, "cause: "+got.Cause.Error())
	}
	c.report(t, wrong)
}

func placeOf(d authz.Decision) string {
	switch {
	case d.Header != "":
		return "header " + d.Header
	case d.Query != "":
		return "query " + d.Query
	}
	return ""
}

// An Answer is what Envoy is told, without Envoy's types.
type Answer struct {
	Status       int    // HTTP status of a denial; 0: OK
	Code         string // code in the body of a denial; empty where the body has none
	Challenge    string // WWW-Authenticate; empty where there is none
	Sets         map[string]string
	Removes      []string
	RemovesQuery []string
	Metadata     map[string]any // dynamic metadata, as Struct.AsMap gives it
}

// CheckAnswer holds an answer to what the case expects. Besides what the file
// says it holds: the metadata tells all of the decision; identity headers are
// set on allowed, and removed on everything else that passes; an accepted
// credential is removed, and one that was only observed is not; no header is
// both set and removed.
func (c Case) CheckAnswer(t testing.TB, got Answer) {
	t.Helper()
	var wrong []string
	fault := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if got.Status != c.Want.Status || got.Code != c.Want.Code {
		fault("status %d, code %q; want %d, %q", got.Status, got.Code, c.Want.Status, c.Want.Code)
	}
	if want := strings.TrimPrefix(c.Want.Challenge, "none"); c.Want.Challenge != "" && got.Challenge != want {
		fault("challenge %q, want %q", got.Challenge, want)
	}
	for name, want := range c.Want.Sets {
		if value, set := got.Sets[name]; !set || value != want {
			fault("sets %s: %q (%v), want %q", name, value, set, want)
		}
	}
	for _, name := range c.Want.Removes {
		if !slices.Contains(got.Removes, name) {
			fault("does not remove %s", name)
		}
	}
	for _, name := range c.Want.Keeps {
		if _, set := got.Sets[name]; set || slices.Contains(got.Removes, name) {
			fault("does not leave %s alone", name)
		}
	}
	for _, name := range c.Want.RemovesQuery {
		if !slices.Contains(got.RemovesQuery, name) {
			fault("does not remove the query parameter %s", name)
		}
	}
	for name := range got.Sets {
		if slices.Contains(got.Removes, name) {
			fault("%s is both set and removed", name)
		}
	}
	wrong = append(wrong, c.metadataFaults(got.Metadata)...)
	if c.Want.Allows() {
		wrong = append(wrong, c.identityFaults(got)...)
	}
	c.report(t, wrong)
}

func (c Case) metadataFaults(metadata map[string]any) (wrong []string) {
	decision := "deny"
	if c.Want.Allows() {
		decision = "allow"
	}
	want := map[string]string{
		"decision": decision, "reason": c.Want.Reason, "observed": c.Want.Observed,
		"credential_kind": c.Want.Kind, "client": c.Want.Client, "profile": c.Want.Profile,
		"credential_id": c.Want.CredentialID, "api": c.Want.API, "peer": c.Want.Peer,
	}
	for path, value := range c.Want.Metadata {
		want[path] = value
	}
	for _, path := range c.Want.NoMetadata {
		want[path] = ""
	}
	for path, value := range want {
		if got := textAt(metadata, path); got != value {
			wrong = append(wrong, fmt.Sprintf("metadata %s is %q, want %q", path, got, value))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// textAt gives what stands at a dotted path as text; empty: nothing.
func textAt(metadata map[string]any, path string) string {
	var at any = metadata
	for step := range strings.SplitSeq(path, ".") {
		inner, _ := at.(map[string]any)
		at = inner[step]
	}
	if at == nil {
		return ""
	}
	return fmt.Sprint(at)
}

// identityFaults looks at the headers of a request that passes.
func (c Case) identityFaults(got Answer) (wrong []string) {
	prefix := c.Config.Identity.Prefix
	known := map[string]string{
		"id": c.Want.Client, "profile": c.Want.Profile, "credential-id": c.Want.CredentialID, "credential-kind": c.Want.Kind,
	}
	for _, name := range []string{"id", "name", "profile", "credential-id", "credential-kind", "scopes"} {
		value, set := got.Sets[prefix+name]
		want, always := known[name]
		switch {
		case c.Want.Reason != authz.Allowed.String() && set:
			wrong = append(wrong, fmt.Sprintf("sets %s%s on %s", prefix, name, c.Want.Reason))
		case c.Want.Reason == authz.Allowed.String() && always && value != want:
			wrong = append(wrong, fmt.Sprintf("sets %s%s: %q, want %q", prefix, name, value, want))
		case !set && !slices.Contains(got.Removes, prefix+name):
			wrong = append(wrong, fmt.Sprintf("neither sets nor removes %s%s", prefix, name))
		}
	}
	kind, name, _ := strings.Cut(c.Want.Presented, " ")
	if name == "" {
		return wrong
	}
	removed := slices.Contains(got.Removes, name)
	if kind == "query" {
		removed = slices.Contains(got.RemovesQuery, name)
	}
	if accepted := c.Want.Reason == authz.Allowed.String(); removed != accepted {
		wrong = append(wrong, fmt.Sprintf("removes the credential (%s): %v, want %v", c.Want.Presented, removed, accepted))
	}
	return wrong
}

func (c Case) report(t testing.TB, wrong []string) {
	t.Helper()
	if len(wrong) > 0 {
		t.Errorf("%s (testdata/decisions/%s)\nwhy: %s\n%s", c.Name, c.File, c.Sentence, strings.Join(wrong, "\n"))
	}
}
