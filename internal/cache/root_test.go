package cache

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/registry"
)

// TestJudge holds what a registry may be served from to its root record.
func TestJudge(t *testing.T) {
	right, wrong := peppersOf(t, map[credential.DigestKind]string{"h1": "right"}), peppersOf(t, map[credential.DigestKind]string{"h1": "wrong"})
	check := checkOf(t, right, "h1")
	root := func(digests string, more ...string) registry.Fields {
		fields := registry.Fields{"id": "first", "schema": "1", "digests": digests}
		for i := 0; i < len(more); i += 2 {
			fields[more[i]] = more[i+1]
		}
		return fields
	}
	kinds := func(kinds ...credential.DigestKind) []credential.DigestKind { return kinds }
	for name, test := range map[string]struct {
		root    registry.Fields
		options Options
		want    []credential.DigestKind
		err     error
	}{
		"plain":                               {root("s1"), Options{}, kinds("s1"), nil},
		"pinned":                              {root("s1"), Options{RegistryID: "first"}, kinds("s1"), nil},
		"pinned another":                      {root("s1"), Options{RegistryID: "second"}, nil, ErrAnotherRegistry},
		"none":                                {nil, Options{}, nil, registry.ErrNoRegistry},
		"of another schema":                   {root("s1", "schema", "2"), Options{}, nil, registry.ErrInvalid},
		"pepper not there":                    {root("h1"), Options{}, nil, credential.ErrPepperMissing},
		"pepper of another kind":              {root("h2 h1", "check_h1", check), Options{Peppers: right}, nil, credential.ErrPepperMissing},
		"the right pepper":                    {root("h1 s1", "check_h1", check), Options{Peppers: right}, kinds("h1", "s1"), nil},
		"the wrong pepper":                    {root("h1 s1", "check_h1", check), Options{Peppers: wrong}, nil, ErrPepperDiffers},
		"a pepper that nothing proves":        {root("h1"), Options{Peppers: right}, nil, ErrPepperUnproven},
		"a wrong pepper of no use":            {root("s1", "check_h1", check), Options{Peppers: wrong}, kinds("s1"), nil},
		"only ours":                           {root("h1 s1", "check_h1", check), Options{Peppers: right, Digests: kinds("h1")}, kinds("h1"), nil},
		"only ours, wrong pepper":             {root("s1", "check_h1", check), Options{Peppers: wrong, Digests: kinds("h1")}, nil, ErrPepperDiffers},
		"only ours, of which it says nothing": {root("s1"), Options{Peppers: right, Digests: kinds("h1")}, kinds("h1"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := newJudge(test.options)
			if err != nil {
				t.Fatal(err)
			}
			got, err := j.kinds(registry.EntryOf(registry.RootRef, test.root, noon))
			if diff := cmp.Diff(test.want, got); diff != "" || !errors.Is(err, test.err) {
				t.Errorf("got error %v, want %v; kinds (-want +got):\n%s", err, test.err, diff)
			}
		})
	}
}

// TestJudgeRemembers has the first registry be the only one.
func TestJudgeRemembers(t *testing.T) {
	j, err := newJudge(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		id   string
		want error
	}{{"first", nil}, {"second", ErrAnotherRegistry}, {"first", nil}} {
		entry := registry.EntryOf(registry.RootRef, registry.Fields{"id": step.id, "schema": "1", "digests": "s1"}, noon)
		if _, err := j.kinds(entry); !errors.Is(err, step.want) {
			t.Errorf("registry %s: got %v, want %v", step.id, err, step.want)
		}
	}
}

func TestNewNeedsPeppers(t *testing.T) {
	_, err := New(Options{Source: acme(t), Digests: []credential.DigestKind{"s1", "h1"}})
	if !errors.Is(err, credential.ErrPepperMissing) {
		t.Errorf("digests h1 without its pepper: got %v, want %v", err, credential.ErrPepperMissing)
	}
}

// TestRootChanges has the root record change while facts are known: another
// word about digests drops all, another count does not.
func TestRootChanges(t *testing.T) {
	peppers := peppersOf(t, map[credential.DigestKind]string{"h1": "one"})
	check := checkOf(t, peppers, "h1")
	for name, test := range map[string]struct {
		root  registry.Fields
		drops bool
	}{
		"as it was":            {registry.Fields{"id": "first", "schema": "1", "digests": "s1"}, false},
		"more commits":         {registry.Fields{"id": "first", "schema": "1", "digests": "s1", "seq": "8"}, false},
		"when it was made":     {registry.Fields{"id": "first", "schema": "1", "digests": "s1", "created_at": "2026-01-01T00:00:00Z"}, false},
		"another kind":         {registry.Fields{"id": "first", "schema": "1", "digests": "h1 s1", "check_h1": check}, true},
		"the check of no kind": {registry.Fields{"id": "first", "schema": "1", "digests": "s1", "check_h2": check}, true},
	} {
		for how, tell := range map[string]func(s *subject){
			"a round":         func(s *subject) { s.mustRound() },
			"a read":          func(s *subject) { s.checks(noToken) },
			"tracking":        func(s *subject) { s.ReadRoot() },
			"a round of late": func(s *subject) { s.dial.pass(1); s.mustRound() },
		} {
			s := open(t, Options{Peppers: peppers})
			if reason := s.checks(ownToken).Reason; reason.String() != "allowed" {
				t.Fatal(reason)
			}
			s.memory.Put(registry.RootRef, test.root)
			before := s.State().Flushes
			tell(s)
			if dropped := s.State().Flushes > before; dropped != test.drops {
				t.Errorf("%s by %s: dropped all %v, want %v", name, how, dropped, test.drops)
			}
		}
	}
}
