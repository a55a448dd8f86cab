package registrar

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

func revocation(jti string, forget time.Time) registry.Revocation {
	return registry.Revocation{JTI: registry.JTIOf("acme", jti), Forget: forget}
}

func TestJWTsAreRevoked(t *testing.T) {
	d := stocked(t)
	until := noon.Add(time.Hour)
	one, two := revocation("1", until), revocation("2", until.Add(time.Millisecond))
	later := revocation("2", until.Add(time.Minute))
	steps := []struct {
		name   string
		revoke []registry.Revocation
		want   []registry.Revocation // that are committed
	}{
		{"none", nil, nil},
		{"one", []registry.Revocation{one}, []registry.Revocation{one}},
		{"one again", []registry.Revocation{one}, nil},
		{"one for shorter", []registry.Revocation{revocation("1", until.Add(-time.Minute))}, nil},
		{"one again, and another twice", []registry.Revocation{two, one, later, two}, []registry.Revocation{later}},
		{"within the same second", []registry.Revocation{revocation("2", until.Add(time.Minute+time.Millisecond))}, nil},
		{"one for longer", []registry.Revocation{revocation("1", until.Add(time.Second))}, []registry.Revocation{revocation("1", until.Add(time.Second))}},
	}
	for _, step := range steps {
		before := d.seq()
		revoked, err := d.RevokeJWTs(t.Context(), alice, step.revoke...)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, revoked.Commit.Revoke); diff != "" {
			t.Errorf("%s: committed (-want +got):\n%s", step.name, diff)
		}
		changed := len(step.want) > 0
		if revoked.Changed() != changed || (d.seq() != before) != changed || (revoked.Position != registry.Position{}) != changed {
			t.Errorf("%s: changed %v at %v, want %v", step.name, revoked.Changed(), revoked.Position, changed)
		}
		if changed && (revoked.Commit.Op != "revoke" || revoked.Commit.By != "alice" || revoked.Commit.Note != "because" || !revoked.Commit.Restricts()) {
			t.Errorf("%s: got %+v", step.name, revoked.Commit)
		}
	}
	got, err := d.memory.RevokedUntil(t.Context(), one.JTI, two.JTI, revocation("3", until).JTI)
	if diff := cmp.Diff([]time.Time{until.Add(time.Second), until.Add(time.Minute), {}}, got); diff != "" || err != nil {
		t.Errorf("revoked until: error %v (-want +got):\n%s", err, diff)
	}
}

func TestJWTsThatAreNotRevoked(t *testing.T) {
	d := newDesk(t, Options{})
	one := revocation("1", noon.Add(time.Hour))
	if _, err := d.RevokeJWTs(t.Context(), alice, one); !errors.Is(err, registry.ErrNoRegistry) {
		t.Errorf("without a registry: got error %v, want %v", err, registry.ErrNoRegistry)
	}
	d = stocked(t)
	if revoked, err := New(DryRun(d.memory), d.options).RevokeJWTs(t.Context(), alice, one); err != nil || !revoked.Changed() {
		t.Errorf("a dry run: got %+v, error %v, want that it would be done", revoked, err)
	}
	for i := range registry.MaxRevoked {
		d.memory.PutRevoked(registry.JTIOf("other", fmt.Sprint(i)).String(), noon.Unix())
	}
	revoked, err := d.RevokeJWTs(t.Context(), alice, one)
	const want = "revoked-jtis: 100000 JWTs are revoked already, and not expired: no more are taken"
	if !errors.Is(err, registry.ErrTooMany) || err.Error() != want || revoked.Changed() {
		t.Errorf("one too many: got %v, error %v, want %s", revoked.Changed(), err, want)
	}
	got, err := d.memory.RevokedUntil(t.Context(), one.JTI)
	if err != nil || !got[0].IsZero() {
		t.Errorf("revoked until %v, error %v, want not at all", got, err)
	}
	d.memory.PutOtherType("revoked-jtis")
	if _, err := d.RevokeJWTs(t.Context(), alice, one); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("of another type: got error %v, want %v", err, registry.ErrInvalid)
	}
}
