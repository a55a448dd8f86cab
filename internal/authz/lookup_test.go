package authz

import (
	"context"
	"errors"
	"testing"

	"credence/internal/credential"
	"credence/internal/registry"
)

// TestRoundTrips counts the reads of one check: two at most, and none where
// the shape of what is presented decides. Each begins with the root record.
func TestRoundTrips(t *testing.T) {
	with := func(change func(*Request)) Request {
		request := goodRequest()
		change(&request)
		return request
	}
	token := func(text string) Request {
		return with(func(r *Request) { r.Headers = lines("api-token", text) })
	}
	const another = "0123456789abcdef-of-another-system"
	for name, test := range map[string]struct {
		request Request
		reads   int
		want    Reason
	}{
		"allowed":                     {goodRequest(), 2, Allowed},
		"unknown token":               {token(another), 1, TokenUnknown},
		"malformed token":             {token("crd_0123456789"), 0, CredentialMalformed},
		"nothing presented":           {with(func(r *Request) { r.Headers = nil }), 0, CredentialMissing},
		"ambiguous":                   {with(func(r *Request) { r.Headers = lines("api-token", another, another) }), 0, CredentialAmbiguous},
		"in the URL":                  {with(func(r *Request) { r.Target = "/" + goodToken }), 0, CredentialInURL},
		"JWT":                         {token("eyJhIjoxfQ.e30.x"), 0, JWTIssuerUnknown},
		"route not understood":        {with(func(r *Request) { r.Extensions = map[string]string{"x": ""} }), 0, RouteInvalid},
		"no method":                   {with(func(r *Request) { r.Method = "" }), 0, RequestInvalid},
		"no HTTP":                     {Request{}, 0, RequestInvalid},
		"route demands what is not":   {with(func(r *Request) { r.Extensions = map[string]string{"scopes": "a"} }), 2, ScopeMissing},
		"optional without credential": {with(func(r *Request) { r.Headers, r.Extensions = nil, map[string]string{"auth": "optional"} }), 0, AllowedAnonymous},
	} {
		t.Run(name, func(t *testing.T) {
			reader := &countingReader{Reader: goodMemory(t)}
			got := NewChecker(testPolicy, newLookups(t, reader, LookupOptions{})).Check(context.Background(), noon, test.request)
			if got.Reason != test.want || len(reader.reads) != test.reads {
				t.Errorf("got %s by %d reads, want %s by %d", got.Reason, len(reader.reads), test.want, test.reads)
			}
			for _, refs := range reader.reads {
				if refs[0] != registry.RootRef {
					t.Errorf("read %v: want the root record first", refs)
				}
			}
		})
	}
}

// TestEveryKindInOneRead holds a lookup to one read for all kinds of digest.
func TestEveryKindInOneRead(t *testing.T) {
	peppers, err := credential.NewPeppers(map[credential.DigestKind]credential.Secret{
		"h1": credential.NewSecret("one"), "h2": credential.NewSecret("two"),
	})
	if err != nil {
		t.Fatal(err)
	}
	reader := &countingReader{Reader: goodMemory(t)}
	lookups := newLookups(t, reader, LookupOptions{Peppers: peppers})
	if _, err := lookups.Token(context.Background(), credential.NewSecret(goodToken)); err != nil {
		t.Fatal(err)
	}
	if len(reader.reads) != 1 || len(reader.reads[0]) != 4 {
		t.Errorf("reads %v: want one of the root and three digests", reader.reads)
	}
}

// TestFailedReads fails each read of a check in turn: nobody knows then, and
// the token is never unknown, whatever the error says.
func TestFailedReads(t *testing.T) {
	for name, failure := range map[string]error{
		"unavailable":   registry.ErrUnavailable,
		"deadline":      context.DeadlineExceeded,
		"other":         errors.New("broken pipe"),
		"no registry":   registry.ErrNoRegistry,
		"wrapped twice": errors.Join(registry.ErrUnavailable, context.Canceled),
	} {
		for read := 1; read <= 2; read++ {
			reader := &countingReader{Reader: goodMemory(t), fail: map[int]error{read: failure}}
			got := NewChecker(testPolicy, newLookups(t, reader, LookupOptions{})).Check(context.Background(), noon, goodRequest())
			if got.Reason != RegistryUnavailable || !errors.Is(got.Cause, failure) {
				t.Errorf("%s at read %d: got %s because of %v, want %s", name, read, got.Reason, got.Cause, RegistryUnavailable)
			}
			if len(reader.reads) != read {
				t.Errorf("%s at read %d: %d reads", name, read, len(reader.reads))
			}
		}
	}
}

// TestContextEnds has the budget of a check be spent before its first read.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got := NewChecker(testPolicy, newLookups(t, goodMemory(t), LookupOptions{})).Check(ctx, noon, goodRequest())
	if got.Reason != RegistryUnavailable {
		t.Errorf("got %s, want %s", got.Reason, RegistryUnavailable)
	}
}

// TestRecovery holds lookups to what the registry says now: an outage in the
// middle leaves nothing behind.
func TestRecovery(t *testing.T) {
	reader := &countingReader{Reader: goodMemory(t), fail: map[int]error{3: registry.ErrUnavailable, 5: registry.ErrUnavailable}}
	checker := NewChecker(testPolicy, newLookups(t, reader, LookupOptions{}))
	for i, want := range []Reason{Allowed, RegistryUnavailable, RegistryUnavailable, Allowed} {
		if got := checker.Check(context.Background(), noon, goodRequest()); got.Reason != want {
			t.Errorf("check %d: got %s, want %s", i+1, got.Reason, want)
		}
	}
}

// TestAnotherRegistry exchanges the registry under a server: the other one is
// not served until the first is back.
func TestAnotherRegistry(t *testing.T) {
	memory := goodMemory(t)
	checker := NewChecker(testPolicy, newLookups(t, memory, LookupOptions{}))
	for _, step := range []struct {
		id   string
		want Reason
	}{{"first", Allowed}, {"second", RegistryUnavailable}, {"first", Allowed}} {
		memory.Put(registry.RootRef, registry.Fields{"id": step.id, "schema": "1", "digests": "s1"})
		got := checker.Check(context.Background(), noon, goodRequest())
		if got.Reason != step.want {
			t.Errorf("registry %s: got %s (%v), want %s", step.id, got.Reason, got.Cause, step.want)
		}
		if step.want == RegistryUnavailable && !errors.Is(got.Cause, ErrAnotherRegistry) {
			t.Errorf("registry %s: cause is %v, want %v", step.id, got.Cause, ErrAnotherRegistry)
		}
	}
}

// A vanishing reader loses the registry between the two reads of a check.
type vanishing struct {
	memory *registry.Memory
	reads  *int
}

func (v vanishing) Read(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, error) {
	if *v.reads++; *v.reads == 2 {
		v.memory.Remove("registry")
		v.memory.Remove("client:acme")
	}
	return v.memory.Read(ctx, refs...)
}

// TestRegistryGoesBack restores an older registry under a server: whoever was
// switched off since must not be let in again.
func TestRegistryGoesBack(t *testing.T) {
	memory := goodMemory(t)
	root := func(seq string) {
		memory.Put(registry.RootRef, registry.Fields{"id": "r", "schema": "1", "digests": "s1", "seq": seq})
	}
	checker := NewChecker(testPolicy, newLookups(t, memory, LookupOptions{}))
	for _, step := range []struct {
		seq  string
		want Reason
	}{{"4", Allowed}, {"5", Allowed}, {"4", RegistryUnavailable}, {"5", Allowed}, {"6", Allowed}} {
		root(step.seq)
		if got := checker.Check(context.Background(), noon, goodRequest()); got.Reason != step.want {
			t.Errorf("seq %s: got %s (%v), want %s", step.seq, got.Reason, got.Cause, step.want)
		}
	}
}

// TestRegistryVanishes holds the second read to the root record as well: a
// client that is gone with its registry is not unknown.
func TestRegistryVanishes(t *testing.T) {
	reads := 0
	got := NewChecker(testPolicy, newLookups(t, vanishing{goodMemory(t), &reads}, LookupOptions{})).Check(context.Background(), noon, goodRequest())
	if got.Reason != RegistryUnavailable || !errors.Is(got.Cause, registry.ErrNoRegistry) {
		t.Errorf("got %s because of %v, want %s because of %v", got.Reason, got.Cause, RegistryUnavailable, registry.ErrNoRegistry)
	}
}

func TestNewLookupsNeedsPeppers(t *testing.T) {
	_, err := NewLookups(goodMemory(t), LookupOptions{Digests: []credential.DigestKind{"s1", "h1"}})
	if !errors.Is(err, credential.ErrPepperMissing) {
		t.Errorf("digests h1 without its pepper: got %v, want %v", err, credential.ErrPepperMissing)
	}
}

func TestContact(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*registry.Memory)
		options LookupOptions
		want    error
	}{
		"served":          {func(*registry.Memory) {}, LookupOptions{}, nil},
		"pinned":          {func(*registry.Memory) {}, LookupOptions{RegistryID: "first"}, nil},
		"pinned another":  {func(*registry.Memory) {}, LookupOptions{RegistryID: "second"}, ErrAnotherRegistry},
		"no registry":     {func(m *registry.Memory) { m.Remove("registry") }, LookupOptions{}, registry.ErrNoRegistry},
		"of another type": {func(m *registry.Memory) { m.PutOtherType("registry") }, LookupOptions{}, registry.ErrInvalid},
		"pepper not there": {func(m *registry.Memory) {
			m.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "h1"})
		}, LookupOptions{}, credential.ErrPepperMissing},
	} {
		t.Run(name, func(t *testing.T) {
			memory := goodMemory(t)
			test.change(memory)
			if err := newLookups(t, memory, test.options).Contact(context.Background()); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	reader := &countingReader{Reader: goodMemory(t), fail: map[int]error{1: registry.ErrUnavailable}}
	if err := newLookups(t, reader, LookupOptions{}).Contact(context.Background()); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("a read that fails: got %v, want %v", err, registry.ErrUnavailable)
	}
}

// TestWrongPepper tells a pepper that differs by its check from one that is
// right.
func TestWrongPepper(t *testing.T) {
	right, err := credential.NewPeppers(map[credential.DigestKind]credential.Secret{"h1": credential.NewSecret("right")})
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := credential.NewPeppers(map[credential.DigestKind]credential.Secret{"h1": credential.NewSecret("wrong")})
	if err != nil {
		t.Fatal(err)
	}
	check, err := right.Check("h1")
	if err != nil {
		t.Fatal(err)
	}
	memory := goodMemory(t)
	memory.Put(registry.RootRef, registry.Fields{"id": "first", "schema": "1", "digests": "h1", "check_h1": check})
	if err := newLookups(t, memory, LookupOptions{Peppers: right}).Contact(context.Background()); err != nil {
		t.Errorf("the right pepper: %v", err)
	}
	if err := newLookups(t, memory, LookupOptions{Peppers: wrong}).Contact(context.Background()); !errors.Is(err, ErrPepperDiffers) {
		t.Errorf("another pepper: got %v, want %v", err, ErrPepperDiffers)
	}
}

// overtaken is a reader whose first read is answered late: meanwhile there is
// a commit, and another read that sees it.
type overtaken struct {
	memory    *registry.Memory
	meanwhile func()
}

func (o *overtaken) Read(ctx context.Context, refs ...registry.Ref) ([]registry.Entry, error) {
	entries, err := o.memory.Read(ctx, refs...)
	if meanwhile := o.meanwhile; meanwhile != nil {
		o.meanwhile = nil
		meanwhile()
	}
	return entries, err
}

// TestReadIsOvertaken has two reads end in another order than they were
// answered in: the one from before the commit is not from an old registry.
func TestReadIsOvertaken(t *testing.T) {
	memory := goodMemory(t)
	root := func(seq string) {
		memory.Put(registry.RootRef, registry.Fields{"id": "r", "schema": "1", "digests": "s1", "seq": seq})
	}
	reader := &overtaken{memory: memory}
	lookups := newLookups(t, reader, LookupOptions{})
	root("4")
	reader.meanwhile = func() {
		root("5")
		if err := lookups.Contact(context.Background()); err != nil {
			t.Errorf("the read that overtakes: %v", err)
		}
	}
	if err := lookups.Contact(context.Background()); err != nil {
		t.Errorf("the read that is overtaken: %v", err)
	}
	root("4")
	if err := lookups.Contact(context.Background()); !errors.Is(err, ErrOldRegistry) {
		t.Errorf("a read that was sent after: got %v, want %v", err, ErrOldRegistry)
	}
}
