package registry_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"credence/internal/registry"
)

func TestBindingID(t *testing.T) {
	sum := sha256.Sum256([]byte("https://idp.example\nsvc"))
	want := registry.BindingID(hex.EncodeToString(sum[:]))
	binding := registry.Binding{Issuer: "https://idp.example", Subject: "svc"}
	if got := binding.ID(); got != want || binding.Ref().Key() != "binding:"+string(want) || binding.Fields()["id"] != string(want) {
		t.Errorf("got %s, key %s, want %s", got, binding.Ref().Key(), want)
	}
	if id, err := registry.ParseBindingID(string(want)); err != nil || id != want {
		t.Errorf("ParseBindingID(%s): got %s, %v", want, id, err)
	}
	for _, text := range []string{"", string(want[1:]), string(want) + "0", strings.ToUpper(string(want)), string(want[1:]) + "g", string(want[1:]) + "\n"} {
		if id, err := registry.ParseBindingID(text); err == nil {
			t.Errorf("ParseBindingID(%q): got %s, want an error", text, id)
		}
	}
}

// A binding belongs under the hash of its issuer and subject: neither under
// another, nor with another in its id.
func TestBindingUnderAnothersRef(t *testing.T) {
	binding := registry.Binding{Issuer: "https://idp.example", Subject: "svc", Client: "acme", Profile: "partner", State: registry.Active, Created: now}
	other := registry.BindingIDOf("https://idp.example", "other")
	ref, fields := registry.BindingRef(other), binding.Fields()
	refuses(t, ref, fields, ref.Key(), "id")
	refuses(t, ref, with(fields, "id", string(other)), ref.Key(), "id")
	refuses(t, binding.Ref(), with(fields, "subject", "other"), binding.Ref().Key(), "id")
	refuses(t, binding.Ref(), with(fields, "issuer", "https://idp.example/"), binding.Ref().Key(), "id")
	refuses(t, binding.Ref(), with(fields, "id", string(other)), binding.Ref().Key(), "id")
}
