package authz

import (
	"strings"
	"testing"

	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

// said makes a route's extensions of alternating keys and values.
func said(words ...string) Extensions {
	extensions := make(map[string]string)
	for i := 0; i < len(words); i += 2 {
		extensions[words[i]] = words[i+1]
	}
	return ExtensionsOf(extensions)
}

func TestParseRoute(t *testing.T) {
	open := RoutePolicy{PermitObserve: true, PermitOptional: true}
	for name, test := range map[string]struct {
		policy RoutePolicy
		said   Extensions
		want   Route
	}{
		"nothing said":               {open, nil, Route{}},
		"the operator observes":      {RoutePolicy{Observe: true}, nil, Route{Observe: true}},
		"the route enforces instead": {RoutePolicy{Observe: true}, said("mode", "enforce"), Route{}},
		"the route observes":         {open, said("mode", "observe"), Route{Observe: true}},
		"optional":                   {open, said("auth", "optional"), Route{Optional: true}},
		"required":                   {RoutePolicy{}, said("auth", "required"), Route{}},
		"preflights pass":            {RoutePolicy{}, said("preflight", "pass"), Route{PassPreflight: true}},
		"preflights do not":          {RoutePolicy{}, said("preflight", "deny"), Route{}},
		"everything else": {
			RoutePolicy{Ignore: map[string]bool{"tenant": true}},
			said("scopes", "orders:read orders:write", "profiles", "partner internal", "audience", "https://shop.example", "api", "orders",
				"resource_metadata", "https://api.example/.well-known/oauth-protected-resource?x=1", "tenant", ""),
			Route{
				Scopes: []string{"orders:read", "orders:write"}, Profiles: []registry.ProfileID{"partner", "internal"},
				Audience: "https://shop.example", API: "orders",
				ResourceMetadata: "https://api.example/.well-known/oauth-protected-resource?x=1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.policy.Parse(test.said)
			if err != nil {
				t.Fatalf("%v: %v", test.said, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%v: want (-) got (+):\n%s", test.said, diff)
			}
		})
	}
}

// TestParseRouteRefuses holds every refusal to an error that names the key, and
// to no route at all.
func TestParseRouteRefuses(t *testing.T) {
	open := RoutePolicy{PermitObserve: true, PermitOptional: true, Observe: true}
	for name, test := range map[string]struct {
		policy RoutePolicy
		said   Extensions
		names  string
	}{
		"unknown key":                  {open, said("scope", "a"), `"scope"`},
		"unknown key beside good ones": {open, said("auth", "optional", "Mode", "enforce"), `"Mode"`},
		"key of others, not named":     {RoutePolicy{Ignore: map[string]bool{"tenant": true}}, said("tenant", "a", "tier", "b"), `"tier"`},
		"scopes empty":                 {open, said("scopes", ""), "scopes"},
		"scopes with a quote":          {open, said("scopes", `a"`), "scopes"},
		"scopes with a backslash":      {open, said("scopes", `a\`), "scopes"},
		"scopes not ASCII":             {open, said("scopes", "é"), "scopes"},
		"scopes with a tab":            {open, said("scopes", "a\tb"), "scopes"},
		"scopes with a last space":     {open, said("scopes", "a "), "scopes"},
		"profiles empty":               {open, said("profiles", ""), "profiles"},
		"profiles joined by commas":    {open, said("profiles", "a,b"), "profiles"},
		"auth of another word":         {open, said("auth", "none"), "auth"},
		"mode of another word":         {open, said("mode", "shadow"), "mode"},
		"preflight of another word":    {open, said("preflight", "true"), "preflight"},
		"audience empty":               {open, said("audience", ""), "audience"},
		"api too long":                 {open, said("api", strings.Repeat("a", 64)), "api"},
		"metadata relative":            {open, said("resource_metadata", "/.well-known/x"), "resource_metadata"},
		"metadata plain":               {open, said("resource_metadata", "http://api.example/x"), "resource_metadata"},
		"metadata without a host":      {open, said("resource_metadata", "https:///x"), "resource_metadata"},
		"metadata with a password":     {open, said("resource_metadata", "https://a:b@api.example/x"), "resource_metadata"},
		"metadata with a space":        {open, said("resource_metadata", "https://api.example/a b"), "resource_metadata"},
		"metadata with a backslash":    {open, said("resource_metadata", `https://api.example/\`), "resource_metadata"},
		"observe not permitted":        {RoutePolicy{PermitOptional: true}, said("mode", "observe"), "routes.permit_observe"},
		"optional not permitted":       {RoutePolicy{PermitObserve: true}, said("auth", "optional"), "routes.permit_optional"},
		"optional beside scopes":       {open, said("auth", "optional", "scopes", "a"), "optional"},
		"optional beside profiles":     {open, said("auth", "optional", "profiles", "a"), "optional"},
		"optional beside an audience":  {open, said("auth", "optional", "audience", "a"), "optional"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.policy.Parse(test.said)
			if err == nil || !strings.Contains(err.Error(), test.names) {
				t.Errorf("%v: error %v, want one that names %s", test.said, err, test.names)
			}
			if diff := cmp.Diff(Route{}, got); diff != "" {
				t.Errorf("%v: a refused route says (+):\n%s", test.said, diff)
			}
		})
	}
}

func TestAdmits(t *testing.T) {
	for name, test := range map[string]struct {
		admitted []registry.ProfileID
		want     bool
	}{
		"names none":   {nil, true},
		"names it":     {[]registry.ProfileID{"internal", "partner"}, true},
		"names others": {[]registry.ProfileID{"internal", "partner2"}, false},
	} {
		if got := (Route{Profiles: test.admitted}).admits("partner"); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
