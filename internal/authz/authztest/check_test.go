package authztest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"credence/internal/authz"
	"credence/internal/config"
	"credence/internal/credential"
)

// A listener hears what a check has to say.
type listener struct {
	testing.TB
	heard []string
}

func (l *listener) Helper() {}
func (l *listener) Errorf(format string, args ...any) {
	l.heard = append(l.heard, fmt.Sprintf(format, args...))
}

var allowedCase = Case{
	Name: "case", File: "case.txtar", Sentence: "Why it is so.", Config: config.Default(),
	Want: Want{
		Decided: Decided{
			Reason: "allowed", Kind: "token", Client: "acme", Profile: "partner", CredentialID: "0123456789", API: "orders", Peer: "203.0.113.7",
		},
		Presented: "header api-token",
		Sets:      map[string]string{"x-client-name": "Acme"},
		Removes:   []string{"x_client_id"}, Keeps: []string{"authorization"},
		Metadata: map[string]string{"limit.unit": "HOUR"}, NoMetadata: []string{"labels.tier"},
	},
}

// TestCheckHasTeeth changes one thing of a decision at a time.
func TestCheckHasTeeth(t *testing.T) {
	good := func() authz.Decision {
		return authz.Decision{
			Reason: authz.Allowed, Kind: credential.Token, Header: "api-token", Route: authz.Route{API: "orders"},
			Facts: authz.Facts{Credential: authz.Credential{ID: "0123456789", Client: "acme", Profile: "partner"}},
			Peer:  netip.MustParseAddr("203.0.113.7"),
		}
	}
	for name, change := range map[string]func(*authz.Decision){
		"":              func(*authz.Decision) {},
		"reason":        func(d *authz.Decision) { d.Reason = authz.TokenUnknown },
		"observed":      func(d *authz.Decision) { d.Observed = authz.PeerUnknown },
		"kind":          func(d *authz.Decision) { d.Kind = credential.JWT },
		"client":        func(d *authz.Decision) { d.Facts.Credential.Client = "" },
		"profile":       func(d *authz.Decision) { d.Facts.Credential.Profile = "other" },
		"credential id": func(d *authz.Decision) { d.Facts.Credential.ID = "" },
		"api":           func(d *authz.Decision) { d.Route.API = "" },
		"peer":          func(d *authz.Decision) { d.Peer = netip.Addr{} },
		"place":         func(d *authz.Decision) { d.Header, d.Query = "", "api-token" },
	} {
		decision, heard := good(), &listener{}
		change(&decision)
		allowedCase.Check(heard, decision)
		if (len(heard.heard) == 0) != (name == "") {
			t.Errorf("another %q: heard %q", name, heard.heard)
		}
		for _, said := range heard.heard {
			if !strings.Contains(said, "case.txtar") || !strings.Contains(said, "Why it is so.") {
				t.Errorf("another %q: %q names neither file nor sentence", name, said)
			}
		}
	}
}

// TestCheckAnswerHasTeeth changes one thing of an answer at a time.
func TestCheckAnswerHasTeeth(t *testing.T) {
	good := func() Answer {
		return Answer{
			Sets: map[string]string{
				"x-client-id": "acme", "x-client-name": "Acme", "x-client-profile": "partner",
				"x-client-credential-id": "0123456789", "x-client-credential-kind": "token",
			},
			Removes: []string{"x-client-scopes", "api-token", "x_client_id"},
			Metadata: map[string]any{
				"decision": "allow", "reason": "allowed", "client": "acme", "profile": "partner", "credential_id": "0123456789",
				"credential_kind": "token", "api": "orders", "peer": "203.0.113.7", "limit": map[string]any{"unit": "HOUR"},
			},
		}
	}
	for name, change := range map[string]func(*Answer){
		"":                        func(*Answer) {},
		"status":                  func(a *Answer) { a.Status = 403 },
		"code":                    func(a *Answer) { a.Code = "client_disabled" },
		"name":                    func(a *Answer) { a.Sets["x-client-name"] = "Globex" },
		"client id":               func(a *Answer) { a.Sets["x-client-id"] = "globex" },
		"credential kind missing": func(a *Answer) { delete(a.Sets, "x-client-credential-kind") },
		"scopes left alone":       func(a *Answer) { a.Removes = []string{"api-token", "x_client_id"} },
		"spelling left alone":     func(a *Answer) { a.Removes = []string{"api-token", "x-client-scopes"} },
		"credential left alone":   func(a *Answer) { a.Removes = []string{"x-client-scopes", "x_client_id"} },
		"authorization removed":   func(a *Answer) { a.Removes = append(a.Removes, "authorization") },
		"set and removed":         func(a *Answer) { a.Removes = append(a.Removes, "x-client-id") },
		"verdict":                 func(a *Answer) { a.Metadata["decision"] = "deny" },
		"reason":                  func(a *Answer) { delete(a.Metadata, "reason") },
		"observed":                func(a *Answer) { a.Metadata["observed"] = "peer_unknown" },
		"limit":                   func(a *Answer) { delete(a.Metadata, "limit") },
		"label":                   func(a *Answer) { a.Metadata["labels"] = map[string]any{"tier": "gold"} },
	} {
		answer, heard := good(), &listener{}
		change(&answer)
		allowedCase.CheckAnswer(heard, answer)
		if (len(heard.heard) == 0) != (name == "") {
			t.Errorf("another %q: heard %q", name, heard.heard)
		}
	}
}

// TestCheckAnswerOfWhoIsNobody holds an answer that lets pass without identity
// to removing what the client says of itself.
func TestCheckAnswerOfWhoIsNobody(t *testing.T) {
	names := []string{"x-client-id", "x-client-name", "x-client-profile", "x-client-credential-id", "x-client-credential-kind", "x-client-scopes"}
	observed := Case{Config: config.Default(), Want: Want{Decided: Decided{Reason: "allowed_observed", Observed: "token_unknown"}, Presented: "header api-token"}}
	metadata := map[string]any{"decision": "allow", "reason": "allowed_observed", "observed": "token_unknown"}
	for name, test := range map[string]struct {
		answer Answer
		faults bool
	}{
		"right":              {Answer{Removes: names, Metadata: metadata}, false},
		"identity set":       {Answer{Sets: map[string]string{"x-client-id": "acme"}, Removes: names[1:], Metadata: metadata}, true},
		"identity let by":    {Answer{Removes: names[1:], Metadata: metadata}, true},
		"credential removed": {Answer{Removes: append(names[:6:6], "api-token"), Metadata: metadata}, true},
	} {
		heard := &listener{}
		observed.CheckAnswer(heard, test.answer)
		if (len(heard.heard) > 0) != test.faults {
			t.Errorf("%s: heard %q", name, heard.heard)
		}
	}
}
