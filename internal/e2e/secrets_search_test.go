package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"credence/internal/e2e/parts"
)

// A search looks for secrets in everything that somebody might read. It names
// them, and never repeats one.
type search struct {
	secrets map[string]string   // by name
	places  map[string][]string // what was written, by where
}

func newSearch() *search {
	return &search{secrets: make(map[string]string), places: make(map[string][]string)}
}

// secretLength is how many characters of a token, before the last six, are
// what nobody may know.
const secretLength = 32

// keep adds something to look for.
func (s *search) keep(name, secret string) {
	s.secrets[name] = secret
}

// keepToken adds a token, and by itself the part that is random: it is one
// wherever it stands.
func (s *search) keepToken(name, token string) {
	s.keep(name, token)
	s.keep(name+", its secret part", token[len(token)-secretLength-6:len(token)-6])
}

// read adds what stands somewhere.
func (s *search) read(place, text string) { s.places[place] = append(s.places[place], text) }

// found tells every place that holds a secret, in upper case or lower.
func (s *search) found() []string {
	var found []string
	for place, texts := range s.places {
		text := strings.ToLower(strings.Join(texts, "\n"))
		for name, secret := range s.secrets {
			if strings.Contains(text, strings.ToLower(secret)) {
				found = append(found, fmt.Sprintf("%s: %s", place, name))
			}
		}
	}
	slices.Sort(found)
	return found
}

// wantRead fails where a place does not hold what shows that it was read at
// all: in nothing there is no secret.
func (s *search) wantRead(t *testing.T, place string, wants ...string) {
	t.Helper()
	text := strings.Join(s.places[place], "\n")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not hold %q: was it read?", place, want)
		}
	}
}

// size gives how much was looked through, in bytes.
func (s *search) size() int {
	n := 0
	for _, texts := range s.places {
		for _, text := range texts {
			n += len(text)
		}
	}
	return n
}

func TestSearchFinds(t *testing.T) {
	token := stranger()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "crd_ and " + token[:20], nil},
		{"the whole", "a=" + token + ";", []string{"here: t", "here: t, its secret part"}},
		{"in capitals", strings.ToUpper(token), []string{"here: t", "here: t, its secret part"}},
		{"what matters of it", token[10:50], []string{"here: t, its secret part"}},
	} {
		s := newSearch()
		s.keepToken("t", token)
		s.read("here", c.text)
		if got := s.found(); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
	}
}

// redisHolds gives all keys of a Redis and all that is in them.
func redisHolds(t *testing.T, redis *parts.RedisServer, login ...string) string {
	t.Helper()
	ask := func(args ...string) string { return redis.CLI(append(slices.Clone(login), args...)...) }
	readers := map[string][]string{
		"hash":   {"HGETALL"},
		"stream": {"XRANGE", "-", "+"},
		"set":    {"SMEMBERS"},
		"zset":   {"ZRANGE", "0", "-1", "WITHSCORES"},
		"string": {"GET"},
		"list":   {"LRANGE", "0", "-1"},
	}
	var all strings.Builder
	for key := range strings.FieldsSeq(ask("--scan")) {
		kind := ask("TYPE", key)
		reader := readers[kind]
		if reader == nil {
			t.Fatalf("%s is a %s, which nobody reads", key, kind)
		}
		fmt.Fprintf(&all, "%s %s\n%s\n", kind, key, ask(append([]string{reader[0], key}, reader[1:]...)...))
	}
	return all.String()
}
