package extauthz

import (
	"slices"
	"strings"
	"unicode/utf8"

	"credence/internal/authz"
)

// Identity says what the upstream is told of a client.
type Identity struct {
	// Prefix begins the names of the headers, in lower case and with hyphens
	// as the only signs: x-client-.
	Prefix string
	// Labels are the keys of a client's labels that are told, as headers
	// <prefix>label-<key> and in the metadata.
	Labels []string
	// StripSeenOnly leaves the list of all spellings out and removes what was
	// seen. It is safe only behind an Envoy that shows every header; a check
	// that may hide some gets the list all the same.
	StripSeenOnly bool
}

// suffixes are what follows the prefix in the names of the six identity
// headers.
var suffixes = [...]string{"id", "name", "profile", "credential-id", "credential-kind", "scopes"}

// identity makes the changes to the identity headers of a request.
type identity struct {
	names    []string        // the six, then one a label
	own      map[string]bool // the same as a set
	labels   []string        // keys
	variants []string        // every other spelling of the names with -, _ and .
	seenOnly bool

	listed    []byte    // variants to remove, encoded
	anonymous []byte    // names to remove, encoded
	begins    [256]bool // with which characters names begin
	longest   int       // of names, in bytes
}

func newIdentity(said Identity) *identity {
	id := &identity{labels: said.Labels, seenOnly: said.StripSeenOnly, own: make(map[string]bool)}
	for _, suffix := range suffixes {
		id.names = append(id.names, said.Prefix+suffix)
	}
	for _, key := range said.Labels {
		id.names = append(id.names, said.Prefix+"label-"+key)
	}
	for _, name := range id.names {
		id.own[name] = true
		id.variants = append(id.variants, spellings(name)[1:]...)
		id.begins[name[0]] = true
		id.longest = max(id.longest, len(name))
	}
	id.anonymous, id.listed = removing(id.names), removing(id.variants)
	return id
}

// removing encodes that headers are removed.
func removing(names []string) []byte {
	var w writer
	for _, name := range names {
		w.remove(name)
	}
	return w.text
}

// spellings gives every way to write a name with -, _ or . for each of its
// hyphens; the name itself is the first.
func spellings(name string) []string {
	head, tail, found := strings.Cut(name, "-")
	if !found {
		return []string{name}
	}
	tails := spellings(tail)
	all := make([]string, 0, 3*len(tails))
	for _, sign := range []string{"-", "_", "."} {
		for _, rest := range tails {
			all = append(all, head+sign+rest)
		}
	}
	return all
}

// tell writes, of a client that is known, the headers that have a value, and
// removes those that have none.
func (id *identity) tell(w *writer, facts authz.Facts) {
	id.header(w, 0, string(facts.Client.ID))
	id.header(w, 1, facts.Client.Name)
	id.header(w, 2, string(facts.Profile.ID))
	id.header(w, 3, facts.Credential.ID)
	id.header(w, 4, facts.Credential.Kind.String())
	id.header(w, 5, facts.Scopes()...)
	for i, key := range id.labels {
		value, _ := facts.Client.Labels.Get(key)
		id.header(w, len(suffixes)+i, value)
	}
}

// header writes one header, whose value are words with a space between them.
func (id *identity) header(w *writer, which int, words ...string) {
	if len(words) == 0 || len(words) == 1 && words[0] == "" {
		w.remove(id.names[which])
		return
	}
	at := w.set(id.names[which])
	for i, word := range words {
		if i > 0 {
			w.chars(" ")
		}
		w.escaped(word)
	}
	w.done(at)
}

// removeSpellings removes what is read as an identity header and is none of
// names, so that no identity header of the client's own goes on.
func (id *identity) removeSpellings(w *writer, q *question) {
	listed := !id.seenOnly || !q.showsAll
	if listed {
		w.bytes(id.listed)
	}
	var seen []string
	for name := range q.names() {
		if !id.spells(name) || id.own[name] || listed && isVariant(name) || !sayable(name) {
			continue
		}
		seen = append(seen, name)
	}
	slices.Sort(seen)
	for _, name := range slices.Compact(seen) {
		w.remove(name)
	}
}

// isVariant tells whether a name that spells an identity header does so with
// -, _ and . alone.
func isVariant(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// spells tells whether an upstream may read a name, in lower case, as one of
// the identity headers: CGI and its like take any sign for another.
func (id *identity) spells(name string) bool {
	if name == "" || !id.begins[folded(rune(name[0]))] {
		return false // most headers: no need to look further
	}
	var room [64]byte
	text := room[:0]
	for _, c := range name {
		if len(text) == id.longest {
			return false
		}
		text = append(text, folded(c))
	}
	return id.own[string(text)]
}

// folded gives letters and digits as they are, and a hyphen for each other sign.
func folded(c rune) byte {
	if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
		return byte(c)
	}
	return '-'
}

// sayable tells whether a name can be said in a response. Protocol buffers
// know no other text than UTF-8, and Envoy no such names as the rest.
func sayable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsAny(name, "\x00\r\n")
}
