package authz

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// TestRoutesRemember holds what is remembered of a route to what reading it
// gives, and a route to what it says itself.
func TestRoutesRemember(t *testing.T) {
	r := newRoutes(RoutePolicy{PermitOptional: true})
	for range 3 {
		for _, said := range []Extensions{
			nil,
			said("scopes", "a b"), said("scopes", "a"), said("scopes", "b", "profiles", "a"),
			said("api", "scopes"), said("auth", "optional"), said("auth", "required"), said("mode", "enforce"),
			said("auth", "optional", "scopes", "a"), said("mode", "observe"), said("tenant", "x"), said("scopes", ""), // refused
		} {
			want, wantErr := r.policy.Parse(said)
			got, err := r.parse(said)
			if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
				t.Errorf("%v: %v, want %v; want (-) got (+):\n%s", said, err, wantErr, diff)
			}
		}
	}
	if known := len(*r.known.Load()); known != 8 {
		t.Errorf("%d routes are remembered, want the 8 that are understood", known)
	}
}

// TestRouteNames holds what routes are remembered by: nothing else is named the
// same.
func TestRouteNames(t *testing.T) {
	named := make(map[string]Extensions)
	for _, said := range []Extensions{
		nil, {{"", ""}}, {{"", ""}, {"", ""}}, {{"a", "b"}}, {{"ab", ""}}, {{"", "ab"}}, {{"a", "b"}, {"c", "d"}},
		{{"a", "b\x01c\x01d"}}, {{"a", strings.Repeat("b", 200)}}, {{"a" + strings.Repeat("b", 200), ""}},
	} {
		name := string(said.appendTo(nil))
		if other, taken := named[name]; taken {
			t.Errorf("%q and %q have one name", said, other)
		}
		named[name] = said
	}
}

// TestRoutesAreBounded holds what is remembered to its bound: what is beyond is
// read each time; and no text of a check is kept.
func TestRoutesAreBounded(t *testing.T) {
	r := newRoutes(RoutePolicy{})
	for i := range mostRoutes + 10 {
		api := fmt.Sprintf("api-%d", i)
		route, err := r.parse(Extensions{{"api", api}})
		if err != nil || route.API != api {
			t.Fatalf("%s: %+v, %v", api, route, err)
		}
		if again, _ := r.parse(Extensions{{"api", api}}); i < mostRoutes && unsafe.StringData(again.API) == unsafe.StringData(api) {
			t.Fatalf("%s: the text of a check is kept", api)
		}
	}
	if known := len(*r.known.Load()); known != mostRoutes {
		t.Errorf("%d routes are remembered, want %d", known, mostRoutes)
	}
	r = newRoutes(RoutePolicy{})
	long := strings.Repeat("a", longestRoute)
	if route, err := r.parse(Extensions{{"audience", long}}); err != nil || route.Audience != long || len(*r.known.Load()) != 0 {
		t.Errorf("a long route: %v, %d remembered; want it read, and not remembered", err, len(*r.known.Load()))
	}
}
