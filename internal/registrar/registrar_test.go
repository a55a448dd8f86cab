package registrar

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// A desk is a registrar at work on a memory store, with a clock that the test
// moves.
type desk struct {
	*Registrar
	t      *testing.T
	memory *registry.Memory
	now    time.Time
}

var alice = Author{By: "alice", Reason: "because"}

// newDesk makes a desk; a nil options.Now is the desk's own clock. There is no
// registry yet.
func newDesk(t *testing.T, options Options) *desk {
	t.Helper()
	d := &desk{t: t, now: noon}
	options.Now = func() time.Time { return d.now }
	d.memory = registry.NewMemory(options.Now)
	d.Registrar = New(d.memory, options)
	return d
}

// stocked is a desk with a registry, the client acme and the profile partner.
func stocked(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t, Options{})
	if _, _, err := d.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateClient(t.Context(), alice, registry.Client{ID: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateProfile(t.Context(), alice, registry.Profile{ID: "partner", Accepts: registry.Kinds{Token: true}}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) fields(ref registry.Ref) registry.Fields {
	d.t.Helper()
	entries, err := d.memory.Read(d.t.Context(), ref)
	if err != nil {
		d.t.Fatal(err)
	}
	return entries[0].Fields
}

// wantRefused wants an operation to have failed in a certain way, and to have
// committed nothing.
func (d *desk) wantRefused(t *testing.T, outcome Outcome, err error, before uint64, cause error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), want) || cause != nil && !errors.Is(err, cause) {
		t.Errorf("got error %v, want %v: %s", err, cause, want)
	}
	if outcome.Changed() || d.seq() != before {
		t.Errorf("it was committed: %+v", outcome.Commit)
	}
}

func (d *desk) seq() uint64 {
	d.t.Helper()
	root, err := d.Root(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return root.Seq
}

func peppers(t *testing.T, texts map[credential.DigestKind]string) credential.Peppers {
	t.Helper()
	secrets := make(map[credential.DigestKind]credential.Secret)
	for kind, text := range texts {
		secrets[kind] = credential.NewSecret(text)
	}
	p, err := credential.NewPeppers(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestClientIsSwitchedOffAndOn(t *testing.T) {
	d := stocked(t)
	ref := registry.ClientRef("acme")
	d.memory.Put(ref, registry.Fields{
		"id": "acme", "state": "active", "allow": "10.0.0.1", "created_at": "2026-01-31T11:00:00Z", "x_crm": "42",
	})
	steps := []struct {
		name    string
		do      func(context.Context, Author, registry.ClientID) (Outcome, error)
		after   time.Duration
		changed bool
		want    registry.Fields
	}{
		{"disable", d.DisableClient, 0, true, registry.Fields{"state": "disabled", "state_at": "2026-01-31T12:00:00Z", "updated_at": "2026-01-31T12:00:00Z"}},
		{"disable again", d.DisableClient, time.Hour, false, registry.Fields{"state": "disabled", "state_at": "2026-01-31T12:00:00Z", "updated_at": "2026-01-31T12:00:00Z"}},
		{"enable", d.EnableClient, time.Hour, true, registry.Fields{"state": "active", "state_at": "2026-01-31T14:00:00Z", "updated_at": "2026-01-31T14:00:00Z"}},
		{"enable again", d.EnableClient, time.Hour, false, registry.Fields{"state": "active", "state_at": "2026-01-31T14:00:00Z", "updated_at": "2026-01-31T14:00:00Z"}},
	}
	for _, step := range steps {
		d.now = d.now.Add(step.after)
		before := d.seq()
		outcome, err := step.do(t.Context(), alice, "acme")
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if outcome.Changed() != step.changed {
			t.Errorf("%s: changed: got %v, want %v", step.name, outcome.Changed(), step.changed)
		}
		if committed := d.seq() != before; committed != step.changed {
			t.Errorf("%s: committed: got %v, want %v", step.name, committed, step.changed)
		}
		for field, text := range map[string]string{
			"id": "acme", "allow": "10.0.0.1", "created_at": "2026-01-31T11:00:00Z", "x_crm": "42", "state_by": "alice", "state_reason": "because",
		} {
			step.want[field] = text
		}
		if diff := cmp.Diff(step.want, d.fields(ref)); diff != "" {
			t.Errorf("%s: record (-want +got):\n%s", step.name, diff)
		}
		if got := outcome.Fields()["x_crm"]; got != "42" {
			t.Errorf("%s: outcome's x_crm: got %q, want 42", step.name, got)
		}
	}
}

func TestCommitSaysWhoWhatWhenWhy(t *testing.T) {
	d := stocked(t)
	d.now = d.now.Add(1500 * time.Millisecond)
	outcome, err := d.DisableClient(t.Context(), alice, "acme")
	if err != nil {
		t.Fatal(err)
	}
	got := outcome.Commit
	if got.Op != "disable" || got.By != "alice" || got.Note != "because" || !got.At.Equal(noon.Add(time.Second)) {
		t.Errorf("commit: got op %q by %q note %q at %v", got.Op, got.By, got.Note, got.At)
	}
	if !got.Restricts() {
		t.Error("a disable must be a commit that restricts: it has to succeed where Redis is full")
	}
	if outcome.Position.Seq != d.seq() {
		t.Errorf("position: got %d, want the registry's %d", outcome.Position.Seq, d.seq())
	}
}

func TestRevocationRestricts(t *testing.T) {
	d := stocked(t)
	issued, err := d.IssueToken(t.Context(), alice, registry.Token{Client: "acme", Profile: "partner"})
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := d.RevokeToken(t.Context(), alice, issued.Record.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !outcome.Commit.Restricts() {
		t.Error("a revocation must be a commit that restricts")
	}
	again, err := d.RevokeToken(t.Context(), Author{By: "bob"}, issued.Record.ID)
	if err != nil || again.Changed() {
		t.Errorf("second revocation: got changed %v, error %v", again.Changed(), err)
	}
	if by := d.fields(issued.Record.Ref())["state_by"]; by != "alice" {
		t.Errorf("state_by: got %q, want alice: who revoked it first", by)
	}
}

func TestCreateKeepsTheDraftOnly(t *testing.T) {
	d := stocked(t)
	draft := registry.Client{
		ID: "globex", Name: "Globex", State: registry.Deleted, Created: noon.Add(-time.Hour), Updated: noon,
		Changed: registry.Annotation{By: "mallory"}, Labels: registry.Labels{{Key: "tier", Value: "gold"}},
	}
	if _, err := d.CreateClient(t.Context(), alice, draft); err != nil {
		t.Fatal(err)
	}
	want := registry.Fields{
		"id": "globex", "name": "Globex", "state": "active", "labels": "tier=gold", "created_at": "2026-01-31T12:00:00Z",
		"state_by": "alice", "state_at": "2026-01-31T12:00:00Z", "state_reason": "because",
	}
	if diff := cmp.Diff(want, d.fields(registry.ClientRef("globex"))); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	deleted := registry.Fields{"id": "gone", "state": "deleted", "created_at": "2026-01-31T11:00:00Z"}
	broken := registry.Fields{"id": "broken", "state": "on", "created_at": "2026-01-31T11:00:00Z"}
	jwtOnly := registry.Fields{"id": "jwts", "state": "active", "accepts": "jwt", "created_at": "2026-01-31T11:00:00Z"}
	issue := func(draft registry.Token) func(*desk) error {
		return func(d *desk) error {
			_, err := d.IssueToken(d.t.Context(), alice, draft)
			return err
		}
	}
	disable := func(id registry.ClientID) func(*desk) error {
		return func(d *desk) error {
			_, err := d.DisableClient(d.t.Context(), alice, id)
			return err
		}
	}
	create := func(id registry.ClientID) func(*desk) error {
		return func(d *desk) error {
			_, err := d.CreateClient(d.t.Context(), alice, registry.Client{ID: id})
			return err
		}
	}
	revoke := func(d *desk) error {
		_, err := d.RevokeToken(d.t.Context(), alice, "0123456789")
		return err
	}
	tests := []struct {
		name  string
		do    func(*desk) error
		want  string
		cause error
	}{
		{"create what exists", create("acme"), "client/acme: exists already", registry.ErrExists},
		{"create what was deleted", create("gone"), "client/gone: was deleted, and an id is never used again: choose another", registry.ErrExists},
		{"create over an invalid record", create("broken"), "client/broken: exists already", registry.ErrExists},
		{"disable a stranger", disable("nobody"), "client/nobody: no such client", ErrNotFound},
		{"disable what is deleted", disable("gone"), "client/gone: is deleted, and stays so", ErrDeleted},
		{"disable an invalid record", disable("broken"), `client/broken: its record is invalid and denies every request that needs it; mend the field first (registry: client:broken: state: unknown value "on": want one of active, disabled, deleted)`, registry.ErrInvalid},
		{"revoke a stranger", revoke, "token/0123456789: no such token", ErrNotFound},
		{"issue to a stranger", issue(registry.Token{Client: "nobody", Profile: "partner"}), "client/nobody: no such client", ErrNotFound},
		{"issue to a deleted client", issue(registry.Token{Client: "gone", Profile: "partner"}), "client/gone: is deleted, and stays so", ErrDeleted},
		{"issue for a strange profile", issue(registry.Token{Client: "acme", Profile: "nothing"}), "profile/nothing: no such profile", ErrNotFound},
		{"issue for a profile of JWTs", issue(registry.Token{Client: "acme", Profile: "jwts"}), "profile/jwts: accepts jwt only: a token would be denied always", nil},
		{"issue an expired token", issue(registry.Token{Client: "acme", Profile: "partner", Expires: noon}), "token: expires_at 2026-01-31T12:00:00Z is past", nil},
		{"issue a token that ends before it begins", issue(registry.Token{Client: "acme", Profile: "partner", NotBefore: noon.Add(2 * time.Hour), Expires: noon.Add(time.Hour)}), "token: expires_at 2026-01-31T13:00:00Z comes before not_before 2026-01-31T14:00:00Z", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := stocked(t)
			d.memory.Put(registry.ClientRef("gone"), deleted)
			d.memory.Put(registry.ClientRef("broken"), broken)
			d.memory.Put(registry.ProfileRef("jwts"), jwtOnly)
			before := d.seq()
			err := test.do(d)
			if err == nil || err.Error() != test.want {
				t.Fatalf("error:\ngot  %v\nwant %s", err, test.want)
			}
			if test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("cause: got %v, want %v", errors.Unwrap(err), test.cause)
			}
			if got := d.seq(); got != before {
				t.Errorf("something was committed: seq %d, want %d", got, before)
			}
		})
	}
}

func TestNothingIsFoundWhereThereIsNoRegistry(t *testing.T) {
	d := newDesk(t, Options{})
	operations := map[string]func() error{
		"create": func() error { _, err := d.CreateClient(t.Context(), alice, registry.Client{ID: "acme"}); return err },
		"get":    func() error { _, err := d.Client(t.Context(), "acme"); return err },
		"token":  func() error { _, err := d.Token(t.Context(), "0123456789"); return err },
		"list":   func() error { return last(d.Clients(t.Context())) },
		"tokens": func() error { return last(d.Tokens(t.Context(), "")) },
		"revoke": func() error { _, err := d.RevokeToken(t.Context(), alice, "0123456789"); return err },
	}
	for name, do := range operations {
		if err := do(); !errors.Is(err, registry.ErrNoRegistry) {
			t.Errorf("%s: got %v, want %v", name, err, registry.ErrNoRegistry)
		}
	}
}

func last(items Items) (err error) {
	for _, err = range items {
		continue
	}
	return err
}

// A contested store changes records behind the back of whoever commits.
type contested struct {
	registry.Store
	meanwhile func()
	times     int
}

func (c *contested) Commit(ctx context.Context, commit registry.Commit) (registry.Position, error) {
	if c.times > 0 {
		c.times--
		c.meanwhile()
	}
	return c.Store.Commit(ctx, commit)
}

func TestLostRaceBeginsAnew(t *testing.T) {
	tests := []struct {
		name  string
		times int
		want  error
	}{
		{"lost once", 1, nil},
		{"lost until the last try", tries - 1, nil},
		{"lost always", tries, registry.ErrConflict},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := stocked(t)
			renamed := 0
			store := &contested{Store: d.memory, times: test.times, meanwhile: func() {
				renamed++
				fields := d.fields(registry.ClientRef("acme"))
				fields["name"] = "Acme" + string(rune('0'+renamed))
				d.memory.Put(registry.ClientRef("acme"), fields)
			}}
			_, err := New(store, d.options).DisableClient(t.Context(), alice, "acme")
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			fields := d.fields(registry.ClientRef("acme"))
			if got := fields["state"] == "disabled"; got != (test.want == nil) {
				t.Errorf("state after %v: got %q", err, fields["state"])
			}
			if want := "Acme" + string(rune('0'+renamed)); fields["name"] != want {
				t.Errorf("the other's change: got %q, want %q", fields["name"], want)
			}
		})
	}
}

func TestLostRaceOfTwoWhoCreate(t *testing.T) {
	d := stocked(t)
	store := &contested{Store: d.memory, times: 1, meanwhile: func() {
		if _, err := d.CreateClient(t.Context(), Author{By: "bob"}, registry.Client{ID: "globex"}); err != nil {
			t.Fatal(err)
		}
	}}
	_, err := New(store, d.options).CreateClient(t.Context(), alice, registry.Client{ID: "globex"})
	if err == nil || err.Error() != "client/globex: exists already" {
		t.Fatalf("got %v, want client/globex: exists already", err)
	}
	if by := d.fields(registry.ClientRef("globex"))["state_by"]; by != "bob" {
		t.Errorf("state_by: got %q, want bob, who was first", by)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	d := stocked(t)
	dry := New(DryRun(d.memory), d.options)
	before := d.seq()
	outcome, err := dry.DisableClient(t.Context(), alice, "acme")
	if err != nil || !outcome.Changed() || outcome.Fields()["state"] != "disabled" {
		t.Fatalf("got changed %v, fields %v, error %v", outcome.Changed(), outcome.Fields(), err)
	}
	if state := d.fields(registry.ClientRef("acme"))["state"]; state != "active" || d.seq() != before {
		t.Errorf("written: state %q, seq %d, want active and %d", state, d.seq(), before)
	}
	if _, err := dry.CreateClient(t.Context(), alice, registry.Client{ID: "Bad Id"}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("invalid record: got %v, want %v", err, registry.ErrInvalid)
	}

	signer := signing(t)
	dry, before = New(DryRun(signer.memory), signer.options), signer.seq()
	key, errKey := dry.AddKey(t.Context(), alice, draftKey("acme", "k1"))
	binding, errBinding := dry.AddBinding(t.Context(), alice, draftBinding("svc", "acme"))
	if err := errors.Join(errKey, errBinding); err != nil || !key.Changed() || !binding.Changed() || signer.seq() != before {
		t.Errorf("key and binding: got changed %v and %v, error %v, %d commits", key.Changed(), binding.Changed(), err, signer.seq()-before)
	}
	if _, err := dry.AddKey(t.Context(), alice, draftKey("acme", "a:b")); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("invalid key: got %v, want %v", err, registry.ErrInvalid)
	}

	empty := newDesk(t, Options{})
	if _, created, err := New(DryRun(empty.memory), empty.options).Init(t.Context()); err != nil || !created {
		t.Errorf("init: got created %v, error %v", created, err)
	}
	if _, err := empty.Root(t.Context()); !errors.Is(err, registry.ErrNoRegistry) {
		t.Errorf("after a dry init: got %v, want %v", err, registry.ErrNoRegistry)
	}
	if _, created, err := New(DryRun(d.memory), d.options).Init(t.Context()); err != nil || created {
		t.Errorf("init where there is one: got created %v, error %v", created, err)
	}
}

func TestCommitWithoutAnswerIsUncertain(t *testing.T) {
	d := stocked(t)
	ctx, cancel := context.WithCancel(t.Context())
	store := &contested{Store: d.memory, times: 1, meanwhile: cancel}
	_, err := New(store, d.options).DisableClient(ctx, alice, "acme")
	if !errors.Is(err, ErrUncertain) || !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("got %v, want %v and %v", err, ErrUncertain, registry.ErrUnavailable)
	}
	if _, err := d.Client(ctx, "acme"); errors.Is(err, ErrUncertain) {
		t.Errorf("a read that fails leaves nothing uncertain: got %v", err)
	}
}
