package registrytest

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	gocmp "github.com/google/go-cmp/cmp"

	"credence/internal/registry"
)

// lastError walks a sequence to its end.
func lastError[T any](pages iter.Seq2[[]T, error]) (last error) {
	for _, err := range pages {
		last = err
	}
	return last
}

// all gives what a sequence of pages holds.
func all[T any](s *suite, pages iter.Seq2[[]T, error]) []T {
	s.Helper()
	items := []T{}
	for page, err := range pages {
		if err != nil {
			s.Fatalf("after %d items: %v", len(items), err)
		}
		items = append(items, page...)
	}
	return items
}

func inventoryKeys(s *suite) {
	if keys := all(s, s.Store.Keys(s.Context())); len(keys) != 0 {
		s.Errorf("of nothing: got %v", keys)
	}
	s.withRegistry()
	binding := bareBinding("svc", "acme")
	s.create(bare("acme"), bareToken("0123456789", sampleDigest("ab"), "acme"), bareKey("acme", "k1"), binding)
	s.PutRevoked(1, registry.JTIOf("acme", "1").String())
	s.PutOtherType("profiles")
	s.PutOtherType("what:is:this")
	s.PutMember("tokens-of:acme", "and another")
	s.Expire("client:acme")
	s.Expire("clients")
	byName := func(a, b registry.StoredKey) int { return cmp.Compare(a.Name, b.Name) }
	want := []registry.StoredKey{
		{Name: "binding:" + string(binding.ID()), Type: "hash"},
		{Name: "bindings-of:acme", Type: "set"},
		{Name: "changes", Type: "stream"},
		{Name: "client:acme", Type: "hash", Expires: true},
		{Name: "clients", Type: "set", Expires: true},
		{Name: "key:acme:k1", Type: "hash"},
		{Name: "keys-of:acme", Type: "set"},
		{Name: "profiles", Type: "list"},
		{Name: "registry", Type: "hash"},
		{Name: "revoked-jtis", Type: "zset"},
		{Name: "token-id:0123456789", Type: "string"},
		{Name: "token:" + string(sampleDigest("ab")), Type: "hash"},
		{Name: "tokens-of:acme", Type: "set"},
		{Name: "what:is:this", Type: "list"},
	}
	got := all(s, s.Store.Keys(s.Context()))
	slices.SortFunc(got, byName)
	if diff := gocmp.Diff(want, got); diff != "" {
		s.Errorf("keys (-want +got):\n%s", diff)
	}

	// Many, in more than one page, each once, and as far as somebody reads.
	s.create(manyClients(registry.MaxEdits)...)
	for i := range 3 * registry.MaxEdits {
		s.PutName(fmt.Sprintf("token-id:%010d", i), "x")
	}
	names := make(map[string]int)
	for _, key := range all(s, s.Store.Keys(s.Context())) {
		names[key.Name]++
	}
	if len(names) != len(want)+4*registry.MaxEdits {
		s.Errorf("got %d keys, want %d", len(names), len(want)+4*registry.MaxEdits)
	}
	for name, times := range names {
		if times != 1 {
			s.Errorf("%s came %d times", name, times)
		}
	}
	for range s.Store.Keys(s.Context()) {
		break
	}
}

func inventoryIndexes(s *suite) {
	s.withRegistry()
	acme, token, key := bare("acme"), bareToken("0123456789", sampleDigest("ab"), "acme"), bareKey("acme", "k1")
	s.create(acme, token, key)
	s.PutMember("clients", "No Id")
	s.PutOtherType("token-id:9999999999")

	members := all(s, s.Store.Members(s.Context(), "clients"))
	slices.Sort(members)
	if diff := gocmp.Diff([]string{"No Id", "acme"}, members); diff != "" {
		s.Errorf("members (-want +got):\n%s", diff)
	}
	if members := all(s, s.Store.Members(s.Context(), "tokens-of:nobody")); len(members) != 0 {
		s.Errorf("members of no set: got %v", members)
	}

	values, err := s.Store.Values(s.Context(), "token-id:9999999999", "token-id:0123456789", "token-id:0000000000")
	if diff := gocmp.Diff([]string{"", string(token.Digest), ""}, values); diff != "" || err != nil {
		s.Errorf("values: error %v (-want +got):\n%s", err, diff)
	}

	s.PutOtherType("tokens-of:globex")
	listed, err := s.Store.Listed(s.Context(),
		registry.IndexOf(bare("globex")), registry.IndexOf(acme), registry.IndexOf(token),
		registry.IndexOf(bareToken("1111111111", sampleDigest("ab"), "acme")), registry.IndexOf(bareToken("1111111111", sampleDigest("ab"), "globex")),
		registry.IndexOf(key), registry.IndexOf(bareKey("acme", "k2")), registry.IndexOf(bareBinding("svc", "acme")))
	if diff := gocmp.Diff([]bool{false, true, true, false, false, true, false, false}, listed); diff != "" || err != nil {
		s.Errorf("listed: error %v (-want +got):\n%s", err, diff)
	}
	s.PutOtherType("clients")
	s.isInvalid(lastError(s.Store.Members(s.Context(), "clients")), "clients", "")
	if values, err := s.Store.Values(s.Context()); err != nil || len(values) != 0 {
		s.Errorf("values of nothing: got %v, %v", values, err)
	}
	if listed, err := s.Store.Listed(s.Context()); err != nil || len(listed) != 0 {
		s.Errorf("listed of nothing: got %v, %v", listed, err)
	}
}
