package registrar

import (
	"context"
	"errors"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

func TestUpdateKeepsWhatIsNotAsked(t *testing.T) {
	d := stocked(t)
	before := d.fields(registry.ClientRef("acme"))
	d.now = d.now.Add(time.Hour)
	outcome, err := d.UpdateClient(t.Context(), Author{By: "bob", Reason: "moved"}, "acme", func(c *registry.Client) error {
		c.Name = "Acme Ltd"
		c.ID, c.State, c.Created, c.Changed.By = "globex", registry.Deleted, noon.Add(-time.Hour), "mallory"
		return nil
	})
	if err != nil || !outcome.Changed() {
		t.Fatalf("got changed %v, error %v", outcome.Changed(), err)
	}
	before["name"], before["updated_at"] = "Acme Ltd", "2026-01-31T13:00:00Z"
	if diff := cmp.Diff(before, d.fields(registry.ClientRef("acme"))); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if outcome.Commit.By != "bob" || outcome.Commit.Note != "moved" {
		t.Errorf("commit: got by %q, note %q", outcome.Commit.By, outcome.Commit.Note)
	}
	again, err := d.UpdateClient(t.Context(), alice, "acme", func(c *registry.Client) error { c.Name = "Acme Ltd"; return nil })
	if err != nil || again.Changed() {
		t.Errorf("the same again: got changed %v, error %v", again.Changed(), err)
	}
	stop := errors.New("stop")
	if _, err := d.UpdateClient(t.Context(), alice, "acme", func(*registry.Client) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a change that fails: got %v", err)
	}
}

func TestProfileLivesAndDies(t *testing.T) {
	d := stocked(t)
	type operation = func(context.Context, Author, registry.ProfileID) (Outcome, error)
	update := func(ctx context.Context, as Author, id registry.ProfileID) (Outcome, error) {
		return d.UpdateProfile(ctx, as, id, func(p *registry.Profile) error { p.RequireTLS, p.State = true, registry.Active; return nil })
	}
	steps := []struct {
		name    string
		do      operation
		changed bool
		state   string
		cause   error
	}{
		{"disable", d.DisableProfile, true, "disabled", nil},
		{"disable again", d.DisableProfile, false, "disabled", nil},
		{"update", update, true, "disabled", nil},
		{"enable", d.EnableProfile, true, "active", nil},
		{"delete", d.DeleteProfile, true, "deleted", nil},
		{"delete again", d.DeleteProfile, false, "deleted", nil},
		{"enable what is deleted", d.EnableProfile, false, "deleted", ErrDeleted},
		{"update what is deleted", update, false, "deleted", ErrDeleted},
	}
	for _, step := range steps {
		outcome, err := step.do(t.Context(), alice, "partner")
		if !errors.Is(err, step.cause) || outcome.Changed() != step.changed {
			t.Errorf("%s: got changed %v, error %v; want %v, %v", step.name, outcome.Changed(), err, step.changed, step.cause)
		}
		if got := d.fields(registry.ProfileRef("partner"))["state"]; got != step.state {
			t.Errorf("%s: state: got %q, want %q", step.name, got, step.state)
		}
		if restricts := step.state != "active" && step.name != "update"; step.changed && outcome.Commit.Restricts() != restricts {
			t.Errorf("%s: restricts: got %v, want %v", step.name, outcome.Commit.Restricts(), restricts)
		}
	}
	if _, err := d.CreateProfile(t.Context(), alice, registry.Profile{ID: "partner", Accepts: registry.Kinds{Token: true}}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("the id of a deleted profile: got %v, want %v", err, registry.ErrExists)
	}
}

func TestDeletedClientStaysDeleted(t *testing.T) {
	d := stocked(t)
	outcome, err := d.DeleteClient(t.Context(), alice, "acme")
	if err != nil || !outcome.Commit.Restricts() {
		t.Fatalf("got restricts %v, error %v", outcome.Commit.Restricts(), err)
	}
	if again, err := d.DeleteClient(t.Context(), Author{By: "bob"}, "acme"); err != nil || again.Changed() {
		t.Errorf("delete again: got changed %v, error %v", again.Changed(), err)
	}
	if _, err := d.EnableClient(t.Context(), alice, "acme"); !errors.Is(err, ErrDeleted) {
		t.Errorf("enable: got %v, want %v", err, ErrDeleted)
	}
	if _, err := d.CreateClient(t.Context(), alice, registry.Client{ID: "acme"}); !errors.Is(err, registry.ErrExists) {
		t.Errorf("create: got %v, want %v", err, registry.ErrExists)
	}
}

func TestUpdateOfTokens(t *testing.T) {
	tests := []struct {
		name   string
		change func(*registry.Token)
		want   string // of expires_at
		fails  string
	}{
		{"a later end", func(t *registry.Token) { t.Expires = noon.Add(48 * time.Hour) }, "2026-02-02T12:00:00Z", ""},
		{"no end", func(t *registry.Token) { t.Expires = time.Time{} }, "", ""},
		{"what it belongs to stays", func(t *registry.Token) {
			t.Client, t.Profile, t.Digest, t.State = "globex", "other", "s1:0", registry.Revoked
		}, "2026-02-01T12:00:00Z", ""},
		{"an end that is past", func(t *registry.Token) { t.Expires = noon }, "2026-02-01T12:00:00Z", ": expires_at 2026-01-31T12:00:00Z is past"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := stocked(t)
			issued, err := d.IssueToken(t.Context(), alice, registry.Token{Client: "acme", Profile: "partner", Expires: noon.Add(24 * time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.UpdateToken(t.Context(), alice, issued.Record.ID, func(token *registry.Token) error { test.change(token); return nil })
			if (err == nil) != (test.fails == "") || err != nil && err.Error() != tokenName(issued.Record.ID)+test.fails {
				t.Errorf("error: got %v, want %q", err, test.fails)
			}
			got := d.fields(issued.Record.Ref())
			if got["expires_at"] != test.want || got["client"] != "acme" || got["profile"] != "partner" || got["state"] != "active" {
				t.Errorf("record: got %v, want expires_at %q", got, test.want)
			}
		})
	}
}

func TestExpiredAndRevokedTokensAreUpdated(t *testing.T) {
	d := stocked(t)
	issued, err := d.IssueToken(t.Context(), alice, registry.Token{Client: "acme", Profile: "partner", Expires: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	relabel := func(token *registry.Token) error { token.Label = "old"; return nil }
	d.now = noon.Add(2 * time.Hour)
	if _, err := d.UpdateToken(t.Context(), alice, issued.Record.ID, relabel); err != nil {
		t.Errorf("the label of an expired token: %v", err)
	}
	if _, err := d.RevokeToken(t.Context(), alice, issued.Record.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.UpdateToken(t.Context(), alice, issued.Record.ID, relabel); !errors.Is(err, ErrDeleted) {
		t.Errorf("a revoked token: got %v, want %v", err, ErrDeleted)
	}
}

func TestTokensAreIdentifiedByTheirDigest(t *testing.T) {
	one := map[credential.DigestKind]string{"h1": "one"}
	d := newDesk(t, Options{Peppers: peppers(t, one)})
	if _, _, err := d.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	root := d.fields(registry.RootRef)
	root["digests"] = "h1 s1"
	d.memory.Put(registry.RootRef, root)
	if _, err := d.CreateClient(t.Context(), alice, registry.Client{ID: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateProfile(t.Context(), alice, registry.Profile{ID: "partner", Accepts: registry.Kinds{Token: true}}); err != nil {
		t.Fatal(err)
	}
	issued, err := d.IssueToken(t.Context(), alice, registry.Token{Client: "acme", Profile: "partner"})
	if err != nil {
		t.Fatal(err)
	}
	foreign := credential.NewSecret("a-token-of-another-system")
	digest, err := credential.Peppers{}.Digest(credential.PlainDigest, foreign)
	if err != nil {
		t.Fatal(err)
	}
	d.memory.Put(registry.TokenRef(digest), registry.Fields{
		"digest": string(digest), "id": "imported01", "client": "acme", "profile": "partner", "state": "active", "created_at": "2026-01-31T11:00:00Z",
	})
	tests := []struct {
		name  string
		token credential.Secret
		id    string
	}{
		{"our own", issued.Token, string(issued.Record.ID)},
		{"an imported one, by an older kind", foreign, "imported01"},
		{"one that only has the id of ours", credential.NewToken(issued.Record.ID), ""},
	}
	for _, test := range tests {
		item, err := d.IdentifyToken(t.Context(), test.token)
		if item.ID != test.id || (test.id == "") != errors.Is(err, ErrNotFound) {
			t.Errorf("%s: got %q, %v; want %q", test.name, item.ID, err, test.id)
		}
	}
	d.options.Peppers = credential.Peppers{}
	if _, err := d.IdentifyToken(t.Context(), issued.Token); !errors.Is(err, credential.ErrPepperMissing) {
		t.Errorf("without the pepper nobody can say: got %v, want %v", err, credential.ErrPepperMissing)
	}
}
