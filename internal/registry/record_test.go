package registry_test

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/registry"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const digest = credential.Digest("s1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

// kinds holds a record of each kind with every field, and which it must have.
var kinds = []struct {
	record   registry.Record
	required []string
}{
	{&registry.Root{
		ID: "b2f1", Seq: 17, Digests: []credential.DigestKind{"h2", "h1", "s1"},
		Checks:  map[credential.DigestKind]string{"h1": "0123456789abcdef", "h2": "fedcba9876543210"},
		Created: now,
	}, []string{"id", "schema", "digests"}},
	{&registry.Client{
		ID: "acme", Name: "Acme \xff", Contact: "ops@acme.example", State: registry.Disabled,
		Changed: registry.Annotation{By: "alice", At: now, Reason: "asked for"}, Allow: networks("192.0.2.0/24 2001:db8::1"),
		AllowMode: registry.Observe, ValidAfter: now.Add(-time.Nanosecond), Limit: registry.Limit{Count: 4294967295, Unit: "day"},
		Labels: registry.Labels{{Key: "tier", Value: "gold"}, {Key: "0"}}, ManagedBy: "portal", Created: now, Updated: now,
	}, []string{"id", "state", "created_at"}},
	{&registry.Profile{
		ID: "partner", State: registry.Active, Accepts: registry.Kinds{Token: true, JWT: true}, Allow: networks("::/0"),
		AllowMode: registry.Observe, Scopes: []string{"b", "a", "b"}, Limit: registry.Limit{Count: 1, Unit: "second"},
		MaxTokenAge: 90*24*time.Hour + time.Minute, MaxJWTLifetime: 30 * time.Minute, RequireTLS: true,
		ManagedBy: "portal", Created: now, Updated: now,
	}, []string{"id", "state", "accepts", "created_at"}},
	{&registry.Token{
		Digest: digest, ID: "0123456789", Client: "acme", Profile: "partner", State: registry.Revoked,
		Changed: registry.Annotation{By: "bob", At: now, Reason: "leaked"}, Label: "batch", Allow: networks("198.51.100.7"),
		Created: now, NotBefore: now, Expires: now.Add(time.Hour), ReplacedBy: "abcdefghij", ManagedBy: "portal",
	}, []string{"digest", "id", "client", "profile", "state", "created_at"}},
	{&registry.Key{
		ID: "K1.a_b~c-d", Client: "acme", Algorithm: "ES256", JWK: `{"kty":"EC"}`, Profile: "partner", State: registry.Active,
		RequireCnf: true, Created: now, Expires: now.Add(time.Hour), ManagedBy: "portal",
	}, []string{"id", "client", "alg", "jwk", "profile", "state", "created_at"}},
	{&registry.Binding{
		Issuer: "https://idp.example", Subject: "svc\n\xff ", Client: "acme", Profile: "partner", State: registry.Revoked,
		Created: now, ManagedBy: "portal",
	}, []string{"id", "issuer", "subject", "client", "profile", "state", "created_at"}},
}

func networks(text string) registry.Networks {
	n, err := registry.ParseNetworks(text)
	if err != nil {
		panic(err)
	}
	return n
}

var compareNetworks = cmp.Comparer(func(a, b registry.Networks) bool {
	return slices.EqualFunc(a.Prefixes(), b.Prefixes(), func(a, b netip.Prefix) bool { return a == b })
})

func with(fields registry.Fields, field, value string) registry.Fields {
	changed := maps.Clone(fields)
	changed[field] = value
	return changed
}

func without(fields registry.Fields, field string) registry.Fields {
	changed := maps.Clone(fields)
	delete(changed, field)
	return changed
}

// refuses wants an error that names key and field.
func refuses(t *testing.T, ref registry.Ref, fields registry.Fields, key, field string) {
	t.Helper()
	record, err := registry.Parse(ref, fields, now)
	var found *registry.FieldError
	if !errors.As(err, &found) || found.Key != key || found.Field != field || !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("Parse %s of %q: got error %v, want one of %s: %s", key, fields, err, key, field)
	}
	if record != nil {
		t.Errorf("Parse %s of %q: got %v beside the error", key, fields, record)
	}
}

func TestRecordsReadBackWhatTheyWrite(t *testing.T) {
	for _, kind := range kinds {
		fields := kind.record.Fields()
		got, err := registry.Parse(kind.record.Ref(), fields, now)
		if err != nil {
			t.Errorf("%s: %v", kind.record.Ref().Key(), err)
			continue
		}
		if diff := cmp.Diff(kind.record, got, compareNetworks); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", kind.record.Ref().Key(), diff)
		}
	}
}

// A record of which one field was left out reads as it did without it.
func TestFieldsMayBeMissingOrForeign(t *testing.T) {
	for _, kind := range kinds {
		ref, fields := kind.record.Ref(), kind.record.Fields()
		if _, err := registry.Parse(ref, with(with(fields, "x_crm", "4711"), "x_", ""), now); err != nil {
			t.Errorf("%s with x_ fields: %v", ref.Key(), err)
		}
		for field := range fields {
			if slices.Contains(kind.required, field) {
				refuses(t, ref, without(fields, field), ref.Key(), field)
				continue
			}
			record, err := registry.Parse(ref, without(fields, field), now)
			if err != nil {
				t.Errorf("%s without %s: %v", ref.Key(), field, err)
				continue
			}
			if text, there := record.Fields()[field]; there && text != "0" { // seq is written even where it is 0
				t.Errorf("%s without %s: got %q back", ref.Key(), field, text)
			}
		}
	}
}

func TestFieldsMayNotBeEmpty(t *testing.T) {
	for _, kind := range kinds {
		ref, fields := kind.record.Ref(), kind.record.Fields()
		for field := range fields {
			refuses(t, ref, with(fields, field, ""), ref.Key(), field)
		}
	}
}

func TestFieldsMayNotBeUnknown(t *testing.T) {
	for _, kind := range kinds {
		ref, fields := kind.record.Ref(), kind.record.Fields()
		for _, field := range []string{"colour", "", " state", "State", "X_crm", "x", "xx_crm", "state_"} {
			refuses(t, ref, with(fields, field, "red"), ref.Key(), field)
		}
	}
	for _, field := range []string{"check_s1", "check_h0", "check_h01", "check_h100", "check_", "check"} {
		root := kinds[0].record
		refuses(t, root.Ref(), with(root.Fields(), field, "0123456789abcdef"), "registry", field)
	}
}

// Values that are outside a field's format, for every field that has one.
func TestFieldsMustKeepTheirFormat(t *testing.T) {
	times := []string{"2026-03-01 12:00:00Z", "2026-03-01T12:00:00+00:00", "now", "1767225600", " ", "0001-01-01T00:00:00Z"}
	ids := []string{"Acme", "-acme", "acme corp", "acme\n", "é", strings.Repeat("a", 64)}
	allows := []string{"192.0.2.1/24", "192.0.2.0/24  192.0.3.0/24", " 192.0.2.0/24", "192.0.2.0/24 ", "any", "192.0.2.0/24,192.0.3.0/24"}
	limits := []string{"0/hour", "1000", "1000/week", "1000/hour ", "-1/hour", "4294967296/hour", "+1/hour", "01/hour", "/hour"}
	wrong := []map[string][]string{
		{
			"id": {"with space", "é", "tab\t"}, "schema": {"2", "01", "one"},
			"seq": {"-1", "1.0", "007", "+1", "9223372036854775808", " 1"}, "digests": {"s2", "h0", "s1 s1", "h1  s1", "h1,s1", "h100", "sha256"},
			"check_h1": {"0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"}, "created_at": times,
		},
		{
			"id": append(ids, "globex"), "name": {strings.Repeat("x", 257)}, "state": {"on", "Active", "revoked", "active "},
			"state_at": times, "allow": allows, "allow_mode": {"off", "Enforce"}, "valid_after": times, "limit": limits,
			"labels":     {"tier", "=gold", "tier=gold tier=silver", "Tier=gold", "tier=gold  a=b", "tier=a=b", "-tier=gold", "tier=é", manyLabels(17)},
			"created_at": append(times, "2026-03-01T12:00:30.000000001Z"), "updated_at": times,
		},
		{
			"id": append(ids, "internal"), "state": {"on", "revoked"}, "accepts": {"opaque", "token,jwt", "token token", "jwt  token", "Token"},
			"allow": allows, "allow_mode": {"off"}, "scopes": {"a  b", " a", "a ", "a\"b", "a\\b", "é", "a\tb"}, "limit": limits,
			"max_token_age": {"90", "-1h", "0s", "1w", "1d "}, "max_jwt_lifetime": {"30", "0d", "1h1d"}, "require_tls": {"yes", "True", "1"},
			"created_at": append(times, "2026-03-01T12:01:00Z"), "updated_at": times,
		},
		{
			"digest": {"s1:" + strings.Repeat("0", 64), "sha256", "s1:0", strings.ToUpper(string(digest))},
			"id":     {"012345678", "01234567890", "012345678A", "012345678_"}, "client": ids, "profile": ids,
			"state": {"disabled", "deleted", "on"}, "state_at": times, "allow": allows,
			"created_at": append(times, "2026-03-02T00:00:00Z"), "not_before": times, "expires_at": times, "replaced_by": {"none", "012345678A"},
		},
		{
			"id":     {"K1.a_b~c-e", "with space", "a:b", "a/b", "a+b", "a=b", "é", "a\x00", "a\n", strings.Repeat("a", 129)},
			"client": append(ids, "globex"), "profile": ids, "state": {"disabled", "deleted", "on", "Active"},
			"require_cnf": {"yes", "1", "True", " true"}, "created_at": append(times, "2026-03-01T12:00:30.000000001Z"), "expires_at": times,
		},
		{
			"id": {
				strings.Repeat("0", 64), strings.Repeat("0", 63), strings.ToUpper(string(registry.BindingIDOf("https://idp.example", "svc\n\xff "))), "svc",
			},
			"issuer": {"https://idp.example\nsvc", "\n"}, "client": ids, "profile": ids, "state": {"disabled", "deleted"},
			"created_at": append(times, "2026-03-02T00:00:00Z"),
		},
	}
	for i, kind := range kinds {
		ref, fields := kind.record.Ref(), kind.record.Fields()
		for field, values := range wrong[i] {
			if _, known := fields[field]; !known {
				t.Errorf("%s has no field %s", ref.Key(), field)
			}
			for _, value := range values {
				refuses(t, ref, with(fields, field, value), ref.Key(), field)
			}
		}
		free := []string{"contact", "state_by", "state_reason", "managed_by", "label", "check_h2", "name", "alg", "jwk", "subject"}
		for field := range fields {
			if wrong[i][field] == nil && !slices.Contains(free, field) {
				t.Errorf("%s: no value is tried that %s must not have", ref.Key(), field)
			}
		}
	}
}

func manyLabels(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = "label" + strings.Repeat("x", i) + "=1"
	}
	return strings.Join(words, " ")
}

func TestFieldsAtTheEdgeOfTheirFormat(t *testing.T) {
	values := []map[string][]string{
		{"id": {"!~"}, "seq": {"0", "9223372036854775807"}, "digests": {"s1", "h1 s1", "s1 h99"}, "created_at": {"2026-03-01T12:00:30Z"}},
		{
			"name": {strings.Repeat("x", 256), " ", "\x00"}, "state": {"active", "disabled", "deleted"}, "allow_mode": {"enforce", "observe"},
			"allow": {"0.0.0.0/0", "192.0.2.1", "::ffff:192.0.2.0/120", "192.0.2.0/24 192.0.2.0/24"}, "limit": {"1/second", "4294967295/minute"},
			"labels":     {"a=", strings.Repeat("a", 31) + "=" + strings.Repeat("Z", 63), manyLabels(16), "0-=._-"},
			"created_at": {"2026-03-01T12:00:30Z", "1970-01-01T00:00:00.999999999Z"}, "valid_after": {"2999-01-01T00:00:00Z"},
			"updated_at": {"2999-01-01T00:00:00Z"},
		},
		{
			"accepts": {"token", "jwt", "token jwt", "jwt token"}, "scopes": {"a", "a a", "!#[]~", "https://scope.example/x?y=z"},
			"max_token_age": {"1ns", "90d", "1d12h", "1.5h", "0d1s"}, "require_tls": {"true", "false"},
		},
		{"state": {"active", "revoked"}, "expires_at": {"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}},
		{
			"state": {"active", "revoked"}, "require_cnf": {"true", "false"}, "alg": {"none", " "}, "jwk": {"no JSON", "\x00"},
			"expires_at": {"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}, "created_at": {"2026-03-01T12:00:30Z"},
		},
		{"state": {"active", "revoked"}, "created_at": {"2026-03-01T12:00:30Z"}},
	}
	for i, kind := range kinds {
		ref, fields := kind.record.Ref(), kind.record.Fields()
		for field, values := range values[i] {
			for _, value := range values {
				if _, err := registry.Parse(ref, with(fields, field, value), now); err != nil {
					t.Errorf("%s with %s %q: %v", ref.Key(), field, value, err)
				}
			}
		}
	}
}

func TestParseUnknownKind(t *testing.T) {
	refuses(t, registry.Ref{Kind: "keys", ID: "acme:1"}, registry.Fields{"id": "1"}, "keys:acme:1", "")
	refuses(t, registry.RevokedRef, registry.Fields{"id": "1"}, "revoked-jtis", "") // which is no hash
}

func TestParseRef(t *testing.T) {
	for _, kind := range kinds {
		ref := kind.record.Ref()
		if got, ok := registry.ParseRef(ref.Key()); !ok || got != ref {
			t.Errorf("ParseRef(%q): got %v, %v, want %v", ref.Key(), got, ok, ref)
		}
	}
	for key, want := range map[string]registry.Ref{
		"revoked-jtis": registry.RevokedRef, "key:acme:k1": registry.KeyRef("acme", "k1"), "binding:x": registry.BindingRef("x"),
	} {
		if got, ok := registry.ParseRef(key); !ok || got != want || got.Key() != key {
			t.Errorf("ParseRef(%q): got %v, %v, want %v", key, got, ok, want)
		}
	}
	for _, key := range []string{
		"", "client", "client:", "token", "registry:", "clients", "token-id:0123456789", "Client:acme",
		"key", "key:", "key:acme", "key:acme:", "key::k1", "key:acme:k1:x", "key:acme::", "binding", "binding:",
		"keys-of:acme", "bindings-of:acme", "tokens-of:acme", "revoked-jtis:", "revoked-jtis:x", "revoked",
	} {
		if ref, ok := registry.ParseRef(key); ok {
			t.Errorf("ParseRef(%q): got %v, want none", key, ref)
		}
	}
}

func TestFieldErrorText(t *testing.T) {
	fields := with(kinds[1].record.Fields(), "state", "on")
	_, err := registry.Parse(registry.ClientRef("acme"), fields, now)
	const want = `registry: client:acme: state: unknown value "on": want one of active, disabled, deleted`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if got, want := registry.WrongType("clients").Error(), "registry: clients: the key is of another type"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
