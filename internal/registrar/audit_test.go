package registrar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"

	gocmp "github.com/google/go-cmp/cmp"
)

// faultsOf gives what an audit finds, sorted, without the texts of errors.
func faultsOf(t *testing.T, d *desk) []Fault {
	t.Helper()
	root, _, err := d.CheckRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	faults := []Fault{}
	for fault, err := range d.Audit(root).Faults(t.Context()) {
		if err != nil {
			t.Fatalf("behind %v: %v", faults, err)
		}
		if (fault.Err != nil) != (fault.Kind == Unreadable) {
			t.Errorf("%+v: has error %v", fault, fault.Err)
		}
		fault.Err = nil
		faults = append(faults, fault)
	}
	slices.SortFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Other, b.Other))
	})
	return faults
}

const (
	auditedID    = "k3v9x0q2ab"
	auditedToken = "token/" + auditedID
)

var auditedKey = "token:s1:" + strings.Repeat("ab", 32)

// putToken writes a token of acme and its indexes as another program would.
func putToken(d *desk, change func(*registry.Token)) *registry.Token {
	token := &registry.Token{
		Digest: credential.Digest("s1:" + strings.Repeat("ab", 32)), ID: auditedID, Client: "acme", Profile: "partner",
		State: registry.Active, Created: noon.Add(-time.Hour), Expires: noon.Add(time.Hour),
	}
	change(token)
	d.memory.Put(token.Ref(), token.Fields())
	index := registry.IndexOf(token)
	d.memory.PutMember(index.Set, index.Member)
	d.memory.PutName(index.Name, index.Value)
	return token
}

func TestAudit(t *testing.T) {
	put := func(change func(*registry.Token)) func(*desk) {
		return func(d *desk) { putToken(d, change) }
	}
	asIs := func(*registry.Token) {}
	tests := []struct {
		name string
		do   func(*desk)
		want []Fault
	}{
		{"nothing is wrong", put(asIs), []Fault{}},
		{"nothing to find fault with", func(d *desk) { d.memory.Put(registry.RootRef, nil) }, []Fault{}},
		{"an invalid record", func(d *desk) {
			d.memory.Put(registry.ClientRef("acme"), registry.Fields{"id": "acme", "state": "on"})
		}, []Fault{{Kind: Unreadable, Key: "client:acme"}}},
		{"a record of another type", func(d *desk) { d.memory.PutOtherType("profile:partner") }, []Fault{
			{Kind: Unreadable, Key: "profile:partner"},
		}},
		{"indexes of another type", func(d *desk) {
			for _, key := range []string{"clients", "profiles", "changes", "tokens-of:acme", "token-id:" + auditedID, "fleet"} {
				d.memory.PutOtherType(key)
			}
		}, []Fault{
			{Kind: Unreadable, Key: "changes"},
			{Kind: Unlisted, Key: "client:acme", Name: "client/acme", Other: "clients"},
			{Kind: Unreadable, Key: "clients"},
			{Kind: Unreadable, Key: "fleet"},
			{Kind: Unlisted, Key: "profile:partner", Name: "profile/partner", Other: "profiles"},
			{Kind: Unreadable, Key: "profiles"},
			{Kind: Unreadable, Key: "token-id:" + auditedID},
			{Kind: Unreadable, Key: "tokens-of:acme"},
		}},
		{"members that are no ids", func(d *desk) {
			d.memory.PutMember("clients", "Acme Ltd")
			d.memory.PutMember("tokens-of:acme", "short")
			d.memory.PutName("token-id:"+auditedID, "no digest")
		}, []Fault{
			{Kind: Unreadable, Key: "clients"}, {Kind: Unreadable, Key: "token-id:" + auditedID}, {Kind: Unreadable, Key: "tokens-of:acme"},
		}},
		{"servers", func(d *desk) {
			d.memory.Put(registry.Ref{Kind: "server", ID: "web-1"}, registry.Fields{"boot": "x"})
		}, []Fault{}},
		{"keys of no known kind", func(d *desk) {
			for _, name := range []string{"clinet:acme", "client:", "tokens-of:No Id", "token-id:short", "x", "key:acme:k1", "server:a"} {
				d.memory.PutName(name, "x")
			}
		}, []Fault{
			{Kind: UnknownKey, Key: "client:"}, {Kind: UnknownKey, Key: "clinet:acme"}, {Kind: Unreadable, Key: "server:a"}, {Kind: UnknownKey, Key: "token-id:short"},
			{Kind: UnknownKey, Key: "tokens-of:No Id"}, {Kind: UnknownKey, Key: "x"},
		}},
		{"keys that end", func(d *desk) {
			d.memory.Expire("client:acme")
			d.memory.Expire("clients")
			d.memory.Expire("registry")
		}, []Fault{{Kind: Ends, Key: "client:acme"}, {Kind: Ends, Key: "clients"}, {Kind: Ends, Key: "registry"}}},
		{"records without indexes", func(d *desk) {
			putToken(d, asIs)
			d.memory.Remove("clients")
			d.memory.Remove("tokens-of:acme")
			d.memory.Remove("token-id:" + auditedID)
		}, []Fault{
			{Kind: Unlisted, Key: "client:acme", Name: "client/acme", Other: "clients"},
			{Kind: Unlisted, Key: auditedKey, Name: auditedToken, Other: "tokens-of:acme"},
			{Kind: Unnamed, Key: auditedKey, Name: auditedToken, Other: "token-id:" + auditedID},
		}},
		{"indexes without records", func(d *desk) {
			d.memory.PutMember("clients", "ghost")
			d.memory.PutMember("profiles", "ghost")
			d.memory.PutMember("tokens-of:acme", auditedID)
			d.memory.PutMember("tokens-of:nobody", "zzzzzzzzzz")
			d.memory.PutName("token-id:zzzzzzzzzz", "s1:"+strings.Repeat("cd", 32))
		}, []Fault{
			{Kind: NoRecord, Key: "clients", Other: "client:ghost"},
			{Kind: NoRecord, Key: "profiles", Other: "profile:ghost"},
			{Kind: NoRecord, Key: "token-id:zzzzzzzzzz", Other: "token:s1:" + strings.Repeat("cd", 32)},
			{Kind: NoRecord, Key: "tokens-of:acme", Other: "token-id:" + auditedID},
			{Kind: NoRecord, Key: "tokens-of:nobody", Other: "client:nobody"},
		}},
		{"an id that leads to another token", func(d *desk) {
			putToken(d, asIs)
			other := putToken(d, func(token *registry.Token) {
				token.ID, token.Digest = "zzzzzzzzzz", credential.Digest("s1:"+strings.Repeat("cd", 32))
			})
			d.memory.PutName("token-id:"+auditedID, string(other.Digest))
		}, []Fault{
			{Kind: Misled, Key: "token-id:" + auditedID, Name: auditedToken, Other: "token/zzzzzzzzzz"},
			{Kind: Unnamed, Key: auditedKey, Name: auditedToken, Other: "token-id:" + auditedID},
		}},
		{"a token in the list of another client", func(d *desk) {
			putToken(d, asIs)
			d.memory.PutMember("clients", "globex")
			d.memory.Put(registry.ClientRef("globex"), registry.Fields{"id": "globex", "state": "active", "created_at": "2026-01-31T11:00:00Z"})
			d.memory.PutMember("tokens-of:globex", auditedID)
		}, []Fault{{Kind: ListsForeign, Key: "tokens-of:globex", Name: auditedToken, Other: "client:acme"}}},
		{"a token without client and profile", put(func(token *registry.Token) { token.Client, token.Profile = "nobody", "none" }), []Fault{
			{Kind: NoOwner, Key: auditedKey, Name: auditedToken, Other: "client:nobody"},
			{Kind: NoOwner, Key: auditedKey, Name: auditedToken, Other: "profile:none"},
			{Kind: NoRecord, Key: "tokens-of:nobody", Other: "client:nobody"},
		}},
		{"a revoked token without a profile", put(func(token *registry.Token) { token.Profile, token.State = "none", registry.Revoked }), []Fault{}},
		{"a token without an end", put(func(token *registry.Token) { token.Expires = time.Time{} }), []Fault{
			{Kind: NeverExpires, Key: auditedKey, Name: auditedToken},
		}},
		{"a token that its profile ends", func(d *desk) {
			putToken(d, func(token *registry.Token) { token.Expires = time.Time{} })
			if _, err := d.UpdateProfile(d.t.Context(), alice, "partner", func(p *registry.Profile) error {
				p.MaxTokenAge = time.Hour
				return nil
			}); err != nil {
				d.t.Fatal(err)
			}
		}, []Fault{}},
		{"a token without an end, of a deleted client", func(d *desk) {
			putToken(d, func(token *registry.Token) { token.Expires = time.Time{} })
			if _, err := d.DeleteClient(d.t.Context(), alice, "acme"); err != nil {
				d.t.Fatal(err)
			}
		}, []Fault{}},
		{"a token expired lately", put(func(token *registry.Token) { token.Expires = noon.Add(-expiredLong + time.Second) }), []Fault{}},
		{"a token expired long ago", put(func(token *registry.Token) { token.Expires = noon.Add(-expiredLong) }), []Fault{
			{Kind: Expired, Key: auditedKey, Name: auditedToken, Since: noon.Add(-expiredLong)},
		}},
		{"a token stored by a kind that nobody looks for", put(func(token *registry.Token) {
			token.Digest = credential.Digest("h1:" + strings.Repeat("ab", 32))
		}), []Fault{{Kind: UnknownDigest, Key: "token:h1:" + strings.Repeat("ab", 32), Name: auditedToken, Other: "h1"}}},
		{"a list that refuses nobody", func(d *desk) {
			d.memory.Put(registry.ClientRef("acme"), registry.Fields{
				"id": "acme", "state": "active", "created_at": "2026-01-31T11:00:00Z", "allow": "192.0.2.0/24", "allow_mode": "observe",
			})
			d.memory.Put(registry.ProfileRef("partner"), registry.Fields{
				"id": "partner", "state": "active", "created_at": "2026-01-31T11:00:00Z", "updated_at": "2026-01-31T11:30:00Z",
				"accepts": "token", "allow": "192.0.2.0/24", "allow_mode": "observe",
			})
		}, []Fault{
			{Kind: Observing, Key: "client:acme", Name: "client/acme", Since: noon.Add(-time.Hour)},
			{Kind: Observing, Key: "profile:partner", Name: "profile/partner", Since: noon.Add(-time.Hour / 2)},
		}},
		{"a mode without a list", func(d *desk) {
			d.memory.Put(registry.ClientRef("acme"), registry.Fields{
				"id": "acme", "state": "active", "created_at": "2026-01-31T11:00:00Z", "allow_mode": "observe",
			})
		}, []Fault{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := stocked(t)
			d.t = t
			test.do(d)
			if diff := gocmp.Diff(test.want, faultsOf(t, d)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// A large registry is looked at page by page, and its records are counted.
func TestAuditOfManyRecords(t *testing.T) {
	d := stocked(t)
	const total = 2*page + 1
	for i := range total {
		putToken(d, func(token *registry.Token) {
			token.ID = credential.TokenID(fmt.Sprintf("%010d", i))
			token.Digest = credential.Digest(fmt.Sprintf("s1:%064x", i))
			if i%2 == 0 {
				token.Expires = time.Time{}
			}
		})
	}
	audit := d.Audit(nil)
	found := 0
	for fault, err := range audit.Faults(t.Context()) {
		if err != nil || fault.Kind != NeverExpires {
			t.Fatalf("got %+v, error %v", fault, err)
		}
		found++
	}
	if found != page+1 {
		t.Errorf("got %d faults, want %d", found, page+1)
	}
	got := []int{audit.Count(registry.ClientKind), audit.Count(registry.ProfileKind), audit.Count(registry.TokenKind)}
	if diff := gocmp.Diff([]int{1, 1, total}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	for range audit.Faults(t.Context()) {
		break // who has seen enough goes
	}
}

// A limping store fails at some call.
type limping struct {
	registry.Store
	calls *int
}

func (l limping) Read(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, error) {
	if *l.calls--; *l.calls < 0 {
		return nil, registry.ErrUnavailable
	}
	return l.Store.Read(ctx, refs...)
}

func TestAuditThatCannotLook(t *testing.T) {
	d := signing(t)
	putToken(d, func(*registry.Token) {})
	mustAdd(t, d, "acme", "k1")
	mustBind(t, d, "svc", "acme")
	for calls := range 100 {
		left := calls
		r := New(limping{d.memory, &left}, Options{Now: d.options.Now})
		var last error
		for _, err := range r.Audit(nil).Faults(t.Context()) {
			if last != nil {
				t.Fatalf("%d reads: goes on behind its error", calls)
			}
			last = err
		}
		if last == nil && left >= 0 {
			if calls < 7 {
				t.Errorf("%d reads are enough: what does it look at?", calls)
			}
			return // all of it was read
		}
		if !errors.Is(last, registry.ErrUnavailable) {
			t.Errorf("%d reads: got error %v, want %v", calls, last, registry.ErrUnavailable)
		}
	}
	t.Error("100 reads are not enough")
}

func TestCheckRoot(t *testing.T) {
	one := peppers(t, map[credential.DigestKind]string{"h1": "one"})
	both := peppers(t, map[credential.DigestKind]string{"h1": "one", "h2": "two"})
	wrong := peppers(t, map[credential.DigestKind]string{"h1": "one", "h2": "another"})
	tests := []struct {
		name    string
		made    credential.Peppers // the registry was made with
		options Options
		do      func(*desk)
		want    []Fault
		noRoot  bool
	}{
		{"plain", credential.Peppers{}, Options{}, nil, nil, false},
		{"both peppers", both, Options{Peppers: both}, nil, nil, false},
		{"pinned", credential.Peppers{}, Options{RegistryID: "other"}, nil, []Fault{{Kind: AnotherRegistry, Key: "registry", Other: "other"}}, false},
		{"no registry", credential.Peppers{}, Options{}, func(d *desk) { d.memory.Remove("registry") }, []Fault{{Kind: NoRegistry, Key: "registry"}}, true},
		{"no hash", credential.Peppers{}, Options{}, func(d *desk) { d.memory.PutOtherType("registry") }, []Fault{{Kind: Unreadable, Key: "registry"}}, true},
		{"of a schema to come", credential.Peppers{}, Options{}, func(d *desk) {
			d.memory.Put(registry.RootRef, registry.Fields{"id": "x", "schema": "2", "digests": "s1"})
		}, []Fault{{Kind: Unreadable, Key: "registry"}}, true},
		{"a pepper is missing", both, Options{Peppers: one}, nil, []Fault{{Kind: PepperMissing, Key: "registry", Other: "h2"}}, false},
		{"a pepper differs", both, Options{Peppers: wrong}, nil, []Fault{{Kind: PepperDiffers, Key: "registry", Other: "h2"}}, false},
		{"a pepper is not proven", one, Options{Peppers: one}, func(d *desk) {
			fields := d.fields(registry.RootRef)
			delete(fields, "check_h1")
			d.memory.Put(registry.RootRef, fields)
		}, []Fault{{Kind: PepperUnproven, Key: "registry", Other: "h1"}}, false},
		{"a pepper is not used", one, Options{Peppers: both}, nil, []Fault{{Kind: PepperUnused, Key: "registry", Other: "h2"}}, false},
		{"the newest is not accepted", both, Options{Peppers: both, Digests: []credential.DigestKind{"h1"}}, nil, []Fault{
			{Kind: NewestExcluded, Key: "registry", Other: "h2"},
		}, false},
		{"an older is not accepted", both, Options{Peppers: both, Digests: []credential.DigestKind{"h2"}}, nil, []Fault{
			{Kind: DigestExcluded, Key: "registry", Other: "h1"},
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, Options{Peppers: test.made})
			if _, _, err := d.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.do != nil {
				test.do(d)
			}
			root, got, err := New(d.memory, test.options).CheckRoot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				got[i].Err = nil
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if (root == nil) != test.noRoot {
				t.Errorf("root: got %v, want none: %v", root, test.noRoot)
			}
		})
	}
}
