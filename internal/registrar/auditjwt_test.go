package registrar

import (
	"fmt"
	"testing"
	"time"

	"credence/internal/registry"

	gocmp "github.com/google/go-cmp/cmp"
)

// What an audit says of keys, bindings and revoked JWTs. There is the key k1 of
// acme, and a binding to it.
func TestAuditOfJWTs(t *testing.T) {
	const (
		key     = "key:acme:k1"
		keyName = "key/acme/k1"
	)
	id := string(registry.BindingIDOf(idp, "svc"))
	binding, bindingName := "binding:"+id, "binding/"+id
	change := func(ref registry.Ref, field, text string) func(*desk) {
		return func(d *desk) { d.memory.Put(ref, with(d.fields(ref), field, text)) }
	}
	keyRef, bindingRef := registry.KeyRef("acme", "k1"), registry.BindingRef(registry.BindingID(id))
	both := func(field, text string) func(*desk) {
		return func(d *desk) {
			change(keyRef, field, text)(d)
			change(bindingRef, field, text)(d)
		}
	}
	tests := []struct {
		name string
		do   func(*desk)
		want []Fault
	}{
		{"nothing is wrong", func(*desk) {}, []Fault{}},
		{"records without indexes", func(d *desk) {
			d.memory.Remove("keys-of:acme")
			d.memory.Remove("bindings-of:acme")
		}, []Fault{
			{Kind: Unlisted, Key: binding, Name: bindingName, Other: "bindings-of:acme"},
			{Kind: Unlisted, Key: key, Name: keyName, Other: "keys-of:acme"},
		}},
		{"indexes without records", func(d *desk) {
			d.memory.Remove(key)
			d.memory.Remove(binding)
		}, []Fault{
			{Kind: NoRecord, Key: "bindings-of:acme", Other: binding}, {Kind: NoRecord, Key: "keys-of:acme", Other: key},
		}},
		{"lists of nobody", func(d *desk) {
			d.memory.PutMember("keys-of:nobody", "k1")
			d.memory.PutMember("bindings-of:nobody", id)
		}, []Fault{
			{Kind: NoRecord, Key: "bindings-of:nobody", Other: "client:nobody"},
			{Kind: ListsForeign, Key: "bindings-of:nobody", Name: bindingName, Other: "client:acme"},
			{Kind: NoRecord, Key: "keys-of:nobody", Other: "client:nobody"},
			{Kind: NoRecord, Key: "keys-of:nobody", Other: "key:nobody:k1"},
		}},
		{"a binding in the list of another client", func(d *desk) { d.memory.PutMember("bindings-of:globex", id) }, []Fault{
			{Kind: ListsForeign, Key: "bindings-of:globex", Name: bindingName, Other: "client:acme"},
		}},
		{"a binding in the list of another client only", change(bindingRef, "client", "globex"), []Fault{
			{Kind: Unlisted, Key: binding, Name: bindingName, Other: "bindings-of:globex"},
			{Kind: ListsForeign, Key: "bindings-of:acme", Name: bindingName, Other: "client:globex"},
		}},
		{"members that are no ids", func(d *desk) {
			d.memory.PutMember("keys-of:acme", "a:b")
			d.memory.PutMember("bindings-of:acme", "svc")
		}, []Fault{{Kind: Unreadable, Key: "bindings-of:acme"}, {Kind: Unreadable, Key: "keys-of:acme"}}},
		{"indexes of another type", func(d *desk) {
			d.memory.PutOtherType("keys-of:acme")
			d.memory.PutOtherType("bindings-of:acme")
		}, []Fault{
			{Kind: Unlisted, Key: binding, Name: bindingName, Other: "bindings-of:acme"},
			{Kind: Unreadable, Key: "bindings-of:acme"},
			{Kind: Unlisted, Key: key, Name: keyName, Other: "keys-of:acme"},
			{Kind: Unreadable, Key: "keys-of:acme"},
		}},
		{"keys of no known kind", func(d *desk) {
			for _, name := range []string{"key:acme", "key:acme:k1:x", "keys-of:No Id", "bindings-of:", "revoked-jtis:x"} {
				d.memory.PutName(name, "x")
			}
		}, []Fault{
			{Kind: UnknownKey, Key: "bindings-of:"}, {Kind: UnknownKey, Key: "key:acme"}, {Kind: UnknownKey, Key: "key:acme:k1:x"},
			{Kind: UnknownKey, Key: "keys-of:No Id"}, {Kind: UnknownKey, Key: "revoked-jtis:x"},
		}},
		{"records of another type", func(d *desk) {
			d.memory.PutOtherType(key)
			d.memory.PutOtherType(binding)
			d.memory.PutOtherType("revoked-jtis")
		}, []Fault{{Kind: Unreadable, Key: binding}, {Kind: Unreadable, Key: key}, {Kind: Unreadable, Key: "revoked-jtis"}}},
		{"invalid records", both("state", "on"), []Fault{{Kind: Unreadable, Key: binding}, {Kind: Unreadable, Key: key}}},
		{"a JWK that is none", change(keyRef, "jwk", "{}"), []Fault{{Kind: Unreadable, Key: key}}},
		{"a JWK of another algorithm", change(keyRef, "alg", "ES256"), []Fault{{Kind: Unreadable, Key: key}}},
		{"an algorithm that is none", change(keyRef, "alg", "none"), []Fault{{Kind: Unreadable, Key: key}}},
		{"without a profile", both("profile", "none"), []Fault{
			{Kind: NoOwner, Key: binding, Name: bindingName, Other: "profile:none"}, {Kind: NoOwner, Key: key, Name: keyName, Other: "profile:none"},
		}},
		{"without a client", func(d *desk) { d.memory.Remove("client:acme") }, []Fault{
			{Kind: NoOwner, Key: binding, Name: bindingName, Other: "client:acme"},
			{Kind: NoRecord, Key: "bindings-of:acme", Other: "client:acme"},
			{Kind: NoRecord, Key: "clients", Other: "client:acme"},
			{Kind: NoOwner, Key: key, Name: keyName, Other: "client:acme"},
			{Kind: NoRecord, Key: "keys-of:acme", Other: "client:acme"},
		}},
		{"revoked, without a profile", func(d *desk) {
			both("profile", "none")(d)
			both("state", "revoked")(d)
		}, []Fault{}},
		{"a key expired, without a profile", func(d *desk) {
			change(keyRef, "profile", "none")(d)
			change(keyRef, "expires_at", "2026-01-31T12:00:00Z")(d)
		}, []Fault{}},
		{"a key expired lately", change(keyRef, "expires_at", registry.FormatTime(noon.Add(-expiredLong+time.Second))), []Fault{}},
		{"a key expired long ago", change(keyRef, "expires_at", registry.FormatTime(noon.Add(-expiredLong))), []Fault{
			{Kind: Expired, Key: key, Name: keyName, Since: noon.Add(-expiredLong)},
		}},
		{"a key expired long ago, of a deleted client", func(d *desk) {
			change(keyRef, "expires_at", registry.FormatTime(noon.Add(-expiredLong)))(d)
			mustDelete(d, "acme")
		}, []Fault{}},
		{"revoked JWTs", func(d *desk) { d.memory.PutRevoked(registry.JTIOf("acme", "1").String(), 1) }, []Fault{}},
		{"a revoked JWT that is no hash", func(d *desk) { d.memory.PutRevoked("4711", 1) }, []Fault{{Kind: Unreadable, Key: "revoked-jtis"}}},
		{"what ends", func(d *desk) {
			d.memory.PutRevoked(registry.JTIOf("acme", "1").String(), 1)
			d.memory.Expire("revoked-jtis")
			d.memory.Expire(key)
		}, []Fault{{Kind: Ends, Key: key}, {Kind: Ends, Key: "revoked-jtis"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := signing(t)
			mustAdd(t, d, "acme", "k1")
			mustBind(t, d, "svc", "acme")
			d.t = t
			test.do(d)
			if diff := gocmp.Diff(test.want, faultsOf(t, d)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuditCountsKeysAndBindings(t *testing.T) {
	d := signing(t)
	for i := range 3 {
		mustAdd(t, d, "acme", registry.KeyID(fmt.Sprint(i)))
	}
	mustBind(t, d, "one", "acme")
	mustBind(t, d, "two", "globex")
	d.memory.Put(registry.KeyRef("acme", "0"), registry.Fields{"id": "0"}) // unreadable ones count too
	audit := d.Audit(nil)
	for _, err := range audit.Faults(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff([]int{3, 2}, []int{audit.Count(registry.KeyKind), audit.Count(registry.BindingKind)}); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
