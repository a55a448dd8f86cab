package authztest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"credence/internal/authz"
)

// A Want is what a case expects. What a decision section does not name of the
// fields of Decided must be absent; what it does not name of the others is not
// looked at, but for Status and Code.
type Want struct {
	Decided
	Presented string // where the accepted credential was: header NAME or query NAME

	// What Envoy, and the caller, are told.
	Status       int               // of the denial; 0: the request passes
	Code         string            // public code in the body of a denial
	Challenge    string            // WWW-Authenticate; none: there is none
	Sets         map[string]string // headers that are set, by name
	Removes      []string          // headers that are removed
	Keeps        []string          // headers that are neither set nor removed
	RemovesQuery []string          // query parameters that are removed
	Metadata     map[string]string // by dotted path: limit.unit
	NoMetadata   []string          // dotted paths that metadata must not hold
}

// Decided is a decision as text, as log and metadata tell it. Empty is absent.
type Decided struct {
	Reason, Observed              string
	Kind                          string
	Client, Profile, CredentialID string
	API                           string
	Peer                          string
}

// Allows tells whether the request is expected to pass.
func (w Want) Allows() bool { return w.Status == 0 }

func (w words) parseWant(text string) (Want, error) {
	want := Want{Sets: map[string]string{}, Metadata: map[string]string{}}
	text, err := w.expand(text, time.Time{})
	if err != nil {
		return Want{}, err
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		word, value, _ := strings.Cut(line, " ")
		if err := want.read(word, value); err != nil {
			return Want{}, fmt.Errorf("%q: %w", line, err)
		}
	}
	return want, want.check()
}

func (w *Want) read(word, value string) error {
	texts := map[string]*string{
		"reason": &w.Reason, "observed": &w.Observed, "kind": &w.Kind,
		"client": &w.Client, "profile": &w.Profile, "credential_id": &w.CredentialID,
		"api": &w.API, "peer": &w.Peer,
		"presented": &w.Presented, "code": &w.Code, "challenge": &w.Challenge,
	}
	lists := map[string]*[]string{
		"removes": &w.Removes, "keeps": &w.Keeps, "removes_query": &w.RemovesQuery, "no_metadata": &w.NoMetadata,
	}
	into, isText := texts[word]
	list, isList := lists[word]
	switch {
	case value == "":
		return fmt.Errorf("has no value")
	case isText && *into != "":
		return fmt.Errorf("stands there twice")
	case isText:
		*into = value
	case isList:
		*list = append(*list, value)
	case word == "status":
		var err error
		w.Status, err = strconv.Atoi(value)
		return err
	case word == "sets":
		name, text, _ := strings.Cut(value, ": ")
		w.Sets[name] = text
	case word == "metadata":
		path, text, _ := strings.Cut(value, " ")
		w.Metadata[path] = text
	default:
		return fmt.Errorf("unknown word")
	}
	return nil
}

// check finds decisions that cannot be.
func (w Want) check() error {
	reason, known := reasonNamed(w.Reason)
	_, observedKnown := reasonNamed(w.Observed)
	switch {
	case !known:
		return fmt.Errorf("reason %q is none", w.Reason)
	case w.Observed != "" && !observedKnown:
		return fmt.Errorf("observed %q is no reason", w.Observed)
	case reason.Allows() != (w.Status == 0):
		return fmt.Errorf("%s does not go with status %d", w.Reason, w.Status)
	}
	return nil
}

func reasonNamed(name string) (authz.Reason, bool) {
	for _, reason := range authz.Reasons() {
		if reason.String() == name {
			return reason, true
		}
	}
	return authz.Undecided, false
}
