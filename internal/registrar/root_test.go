package registrar

import (
	"errors"
	"testing"

	"credence/internal/credential"
	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

func TestInitStoresByTheHighestPepper(t *testing.T) {
	tests := []struct {
		name    string
		peppers map[credential.DigestKind]string
		digests string
		checks  int
	}{
		{"no pepper", nil, "s1", 0},
		{"one pepper", map[credential.DigestKind]string{"h1": "one"}, "h1", 1},
		{"highest first", map[credential.DigestKind]string{"h2": "two", "h10": "ten", "h1": "one"}, "h10 h2 h1", 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, Options{Peppers: peppers(t, test.peppers)})
			root, created, err := d.Init(t.Context())
			if err != nil || !created {
				t.Fatalf("got created %v, error %v", created, err)
			}
			fields := d.fields(registry.RootRef)
			if fields["digests"] != test.digests {
				t.Errorf("digests: got %q, want %q", fields["digests"], test.digests)
			}
			if len(root.Checks) != test.checks {
				t.Errorf("checks: got %v, want %d", root.Checks, test.checks)
			}
			for kind := range test.peppers {
				want, err := d.options.Peppers.Check(kind)
				if err != nil || fields["check_"+string(kind)] != want {
					t.Errorf("check of %s: got %q, want %q", kind, fields["check_"+string(kind)], want)
				}
			}
		})
	}
}

func TestInitChangesNothingWhereThereIsARegistry(t *testing.T) {
	d := stocked(t)
	before := d.fields(registry.RootRef)
	d.options.Peppers = peppers(t, map[credential.DigestKind]string{"h1": "later"})
	root, created, err := d.Init(t.Context())
	if err != nil || created || root.ID != before["id"] {
		t.Errorf("got created %v, id %q, error %v; want the registry %q", created, root.ID, err, before["id"])
	}
	if diff := cmp.Diff(before, d.fields(registry.RootRef)); diff != "" {
		t.Errorf("registry changed:\n%s", diff)
	}
}

func TestTwoRegistriesHaveDifferentIDs(t *testing.T) {
	a, b := stocked(t), stocked(t)
	if x, y := a.fields(registry.RootRef)["id"], b.fields(registry.RootRef)["id"]; x == y {
		t.Errorf("both are %q", x)
	}
}

func TestPinnedRegistry(t *testing.T) {
	d := stocked(t)
	id := d.fields(registry.RootRef)["id"]
	d.options.RegistryID = id
	if _, err := d.DisableClient(t.Context(), alice, "acme"); err != nil {
		t.Errorf("the registry that is demanded: %v", err)
	}
	d.options.RegistryID = "other"
	if _, err := d.EnableClient(t.Context(), alice, "acme"); !errors.Is(err, ErrAnotherRegistry) {
		t.Errorf("enable: got %v, want %v", err, ErrAnotherRegistry)
	}
	if _, _, err := d.Init(t.Context()); !errors.Is(err, ErrAnotherRegistry) {
		t.Errorf("init: got %v, want %v", err, ErrAnotherRegistry)
	}
	empty := newDesk(t, Options{RegistryID: "other"})
	if _, _, err := empty.Init(t.Context()); !errors.Is(err, ErrAnotherRegistry) {
		t.Errorf("init of an empty one: got %v, want %v", err, ErrAnotherRegistry)
	}
	if fields := empty.fields(registry.RootRef); fields != nil {
		t.Errorf("a registry was made that could never be served: %v", fields)
	}
}

func TestInvalidRegistryIsNotWrittenTo(t *testing.T) {
	d := stocked(t)
	d.memory.Put(registry.RootRef, registry.Fields{"id": "r", "schema": "7", "digests": "s1"})
	if _, err := d.DisableClient(t.Context(), alice, "acme"); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("got %v, want %v", err, registry.ErrInvalid)
	}
	if _, _, err := d.Init(t.Context()); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("init: got %v, want %v", err, registry.ErrInvalid)
	}
}

func TestTokenIsStoredByTheRegistrysFirstKind(t *testing.T) {
	one, other := map[credential.DigestKind]string{"h1": "one"}, map[credential.DigestKind]string{"h1": "another"}
	tests := []struct {
		name     string
		made     map[credential.DigestKind]string // peppers that the registry was made with
		here     map[credential.DigestKind]string // peppers that are configured now
		digests  string                           // of the registry, where not as made
		accepted []credential.DigestKind
		kind     credential.DigestKind
		refused  string
	}{
		{name: "plain", kind: "s1"},
		{name: "plain where a pepper is configured later", here: one, kind: "s1"},
		{name: "peppered", made: one, here: one, kind: "h1"},
		{name: "only the first needs its pepper", made: one, here: one, digests: "h1 h2", kind: "h1"},
		{name: "peppered and demanded", made: one, here: one, accepted: []credential.DigestKind{"h1"}, kind: "h1"},
		{name: "missing pepper", made: one, refused: "the registry: stores tokens by h1, whose pepper is not configured: want credentials.pepper_files: {h1: FILE}"},
		{name: "another pepper", made: one, here: other, refused: "the registry: pepper h1 is not the one that the registry was made with: it makes digests that no server knows"},
		{name: "not accepted", here: one, accepted: []credential.DigestKind{"h1"}, refused: "the registry: stores tokens by s1, which credentials.digests does not accept: no server would know the token"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, Options{Peppers: peppers(t, test.made)})
			if _, _, err := d.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.digests != "" {
				root := d.fields(registry.RootRef)
				root["digests"] = test.digests
				d.memory.Put(registry.RootRef, root)
			}
			if _, err := d.CreateClient(t.Context(), alice, registry.Client{ID: "acme"}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.CreateProfile(t.Context(), alice, registry.Profile{ID: "partner", Accepts: registry.Kinds{Token: true}}); err != nil {
				t.Fatal(err)
			}
			d.options.Peppers, d.options.Digests = peppers(t, test.here), test.accepted
			issued, err := d.IssueToken(t.Context(), alice, registry.Token{Client: "acme", Profile: "partner"})
			if test.refused != "" {
				if err == nil || err.Error() != test.refused {
					t.Fatalf("error:\ngot  %v\nwant %s", err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, err := d.options.Peppers.Digest(test.kind, issued.Token)
			if err != nil {
				t.Fatal(err)
			}
			if issued.Record.Digest != want {
				t.Errorf("digest: got %s, want one of kind %s", issued.Record.Digest.Kind(), test.kind)
			}
		})
	}
}
