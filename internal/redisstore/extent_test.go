package redisstore

import (
	"errors"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

func TestExtent(t *testing.T) {
	server := parts.Redis(t)
	server.CLI("ACL", "SETUSER", "blind", "on", ">open", "%R~{credence}:changes", "-@all", "+type", "+xrange", "+xrevrange")
	embedded := miniredis.RunT(t)
	as := func(url string) *Store { return open(t, Options{URL: credential.NewSecret(url)}) }
	all, blind := as(server.URL()), as("redis://blind:open@"+server.Addr())
	both := []struct {
		name  string
		store *Store
		do    func(words ...string)
	}{
		{"redis-server", all, func(words ...string) { server.CLI(words...) }},
		{"miniredis", as("redis://" + embedded.Addr()), func(words ...string) {
			raw := rawClient(t, "redis://"+embedded.Addr())
			var args []any
			for _, word := range words {
				args = append(args, word)
			}
			if err := raw.Do(t.Context(), args...).Err(); err != nil {
				t.Fatalf("%q: %v", words, err)
			}
		}},
	}
	const stream = "{credence}:changes"
	add := func(id string) []string { return []string{"XADD", stream, id, "keys", "client:acme"} }
	tests := []struct {
		name string
		do   [][]string
		want registry.Extent
		seen string // Newest where only the entries are seen
	}{
		{"no stream", nil, registry.Extent{}, ""},
		{"one entry", [][]string{add("10-1")}, registry.Extent{There: true, First: "10-1", Last: "10-1", Newest: "10-1"}, "10-1"},
		{"several", [][]string{add("11-0"), add("12-5")}, registry.Extent{There: true, First: "10-1", Last: "12-5", Newest: "12-5"}, "12-5"},
		{"without the first", [][]string{{"XDEL", stream, "10-1"}}, registry.Extent{There: true, First: "11-0", Last: "12-5", Newest: "12-5"}, "12-5"},
		{"without the last", [][]string{{"XDEL", stream, "12-5"}}, registry.Extent{There: true, First: "11-0", Last: "11-0", Newest: "12-5"}, "11-0"},
		{"none left", [][]string{{"XTRIM", stream, "MAXLEN", "0"}}, registry.Extent{There: true, Newest: "12-5"}, ""},
		{"one more", [][]string{add("13-0")}, registry.Extent{There: true, First: "13-0", Last: "13-0", Newest: "13-0"}, "13-0"},
		{"none again", [][]string{{"DEL", stream}}, registry.Extent{}, ""},
		{"that never had one", [][]string{{"XGROUP", "CREATE", stream, "group", "$", "MKSTREAM"}}, registry.Extent{There: true}, ""},
	}
	for _, test := range tests {
		is := func(who string, store *Store, want registry.Extent) {
			t.Helper()
			got, err := store.Extent(t.Context())
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s, %s: error %v (-want +got):\n%s", test.name, who, err, diff)
			}
		}
		seen := test.want
		seen.Newest = test.seen
		for _, one := range both {
			for _, words := range test.do {
				one.do(words...)
			}
			if one.name == "redis-server" {
				is(one.name, all, test.want)
				is("who may not ask XINFO", blind, seen)
				continue
			}
			got, err := one.store.Extent(t.Context())
			if got.Newest == test.want.Newest {
				got.Newest = seen.Newest // it tells that of a stream without entries
			}
			if diff := cmp.Diff(seen, got); diff != "" || err != nil {
				t.Errorf("%s, %s: error %v (-want +got):\n%s", test.name, one.name, err, diff)
			}
		}
	}

	server.CLI("SET", stream, "x")
	for _, store := range []*Store{all, blind} {
		_, err := store.Extent(t.Context())
		var found *registry.FieldError
		if !errors.As(err, &found) || found.Key != "changes" {
			t.Errorf("of another type: got error %v, want one of changes", err)
		}
	}
	server.CLI("ACL", "SETUSER", "blind", "-type")
	if got, err := blind.Extent(t.Context()); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("who may not ask anything: got %v, error %v, want %v", got, err, registry.ErrUnavailable)
	}
}
