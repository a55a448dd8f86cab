package extauthz

import (
	"slices"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// TestEveryVariantIsListed pins the constant list: so many names, all
// different, all of them another spelling of an identity header. There are no
// more.
func TestEveryVariantIsListed(t *testing.T) {
	tests := []struct {
		name string
		said Identity
		want int
	}{
		{"the six by default", Identity{Prefix: "x-client-"}, 4*(9-1) + 2*(27-1)},
		{"with labels", Identity{Prefix: "x-client-", Labels: []string{"tier", "cost-center"}}, 84 + (27 - 1) + (81 - 1)},
		{"another prefix", Identity{Prefix: "id-"}, 4*(3-1) + 2*(9-1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id := newIdentity(tt.said)
			if len(id.variants) != tt.want {
				t.Errorf("%d variants, want %d", len(id.variants), tt.want)
			}
			seen := map[string]bool{}
			for _, variant := range id.variants {
				folded := strings.NewReplacer("_", "-", ".", "-").Replace(variant)
				if seen[variant] || folded == variant || !slices.Contains(id.names, folded) {
					t.Errorf("%q is listed twice, or is no other spelling of an identity header", variant)
				}
				seen[variant] = true
			}
		})
	}
	if variants := newIdentity(Identity{Prefix: "x-client-"}).variants; len(variants) != 84 {
		t.Errorf("%d variants of x-client-, want 84", len(variants))
	}
}

func TestStrip(t *testing.T) {
	mapOf := func(lines []string) map[string]string {
		headers := map[string]string{}
		for i := 0; i+1 < len(lines); i += 2 {
			headers[lines[i]] = lines[i+1]
		}
		return headers
	}
	names := func(list ...string) []string { // as header lines with a value
		lines := []string{":path", "/"}
		for _, name := range list {
			lines = append(lines, name, "smuggled")
		}
		return lines
	}
	const all = true
	tests := []struct {
		name     string
		seenOnly bool
		check    *authv3.CheckRequest
		listed   bool     // the constant list is there
		seen     []string // besides it
	}{
		{"nothing asked", false, nil, all, nil},
		{"nothing smuggled", false, raw(names("accept")...), all, nil},
		{"what the list does not hold", false, raw(names("x~client~id", "X!Client!Scopes", "x~client~id", "x_client_id", "x-client-id")...), all, []string{"x!client!scopes", "x~client~id"}},
		{"of labels too", false, raw(names("x+client+label+tier", "x_client_label_tier", "x-client-label-other", "x~client~label~other")...), all, []string{"x+client+label+tier"}},
		{"joined", false, joined(mapOf(names("x~client~id"))), all, []string{"x~client~id"}},
		{"others are left alone", false, raw(names("x-client-other", "xclientid", "x-client-id-2", "y-client-id", "x--client-id")...), all, nil},
		{"a name that cannot be said", false, raw(names("x\nclient-id", "x\x00client-id", "x-client\xffid")...), all, nil},
		{"a name that is no token but can be said", false, raw(names("x client id", "x\u00e9client-id")...), all, []string{"x client id", "x\u00e9client-id"}},

		{"seen only, raw with :path", true, raw(names("x~client~id", "x_client_id", "x-client-id", "x.client.id", "X_Client_Id")...), false, []string{"x.client.id", "x_client_id", "x~client~id"}},
		{"seen only, nothing smuggled", true, raw(names("accept")...), false, nil},
		{"seen only, joined: Envoy may hide some", true, joined(mapOf(names("x~client~id", "x_client_id"))), all, []string{"x~client~id"}},
		{"seen only, no :path: allowed_headers hides some", true, raw("authorization", "x", "x~client~id", "x"), all, []string{"x~client~id"}},
		{"seen only, no headers", true, raw(), all, nil},
		{"seen only, CONNECT has no path", true, raw(":authority", "db:5432"), all, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := standardIdentity
			said.StripSeenOnly = tt.seenOnly
			id := newIdentity(said)
			var want []string
			if tt.listed {
				want = append(want, id.variants...)
			}
			want = append(want, tt.seen...)
			if got := id.strip(nil, tt.check); !slices.Equal(got, want) {
				t.Errorf("strip(%v) removes %q, want %q", tt.check, got, want)
			}
		})
	}
}

func TestEscape(t *testing.T) {
	tests := []struct{ value, want string }{
		{"", ""},
		{"Acme", "Acme"},
		{" !~", " !~"},
		{"100%", "100%25"},
		{"a\r\nb", "a%0D%0Ab"},
		{"\x00\x1f\x7f\x80\xff", "%00%1F%7F%80%FF"},
		{"Müller", "M%C3%BCller"},
		{"%41", "%2541"},
	}
	for _, tt := range tests {
		if got := escape(tt.value); got != tt.want {
			t.Errorf("escape(%q) is %q, want %q", tt.value, got, tt.want)
		}
	}
}
