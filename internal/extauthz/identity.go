package extauthz

import (
	"slices"
	"strings"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

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
	}
	return id
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

// values gives the texts of the headers in the order of names; an empty one is
// not told.
func (id *identity) values(facts authz.Facts) []string {
	values := make([]string, len(id.names))
	values[0] = string(facts.Client.ID)
	values[1] = facts.Client.Name
	values[2] = string(facts.Profile.ID)
	values[3] = facts.Credential.ID
	values[4] = facts.Credential.Kind.String()
	values[5] = strings.Join(facts.Scopes(), " ")
	for i, key := range id.labels {
		values[len(suffixes)+i], _ = facts.Client.Labels.Get(key)
	}
	return values
}

// strip appends the names to remove so that no identity header of the client's
// own goes on, those in names aside.
func (id *identity) strip(remove []string, check *authv3.CheckRequest) []string {
	listed := !id.seenOnly || !showsEveryHeader(check)
	if listed {
		remove = append(remove, id.variants...)
	}
	seen := len(remove)
	for name := range names(check) {
		if id.own[name] || !id.spells(name) || listed && isVariant(name) || !sayable(name) {
			continue
		}
		remove = append(remove, name)
	}
	slices.Sort(remove[seen:])
	return remove[:seen+len(slices.Compact(remove[seen:]))]
}

// isVariant tells whether a name that spells an identity header does so with
// -, _ and . alone.
func isVariant(name string) bool {
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// spells tells whether an upstream may read a name, in lower case, as one of
// the identity headers: CGI and its like take any sign for another.
func (id *identity) spells(name string) bool {
	if id.own[name] {
		return true
	}
	folded := strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			return c
		}
		return '-'
	}, name)
	return id.own[folded]
}

// sayable tells whether a name can be said in a response. Protocol buffers
// know no other text than UTF-8, and Envoy no such names as the rest.
func sayable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsAny(name, "\x00\r\n")
}

const upperHex = "0123456789ABCDEF"

// escape percent-encodes what is not printable ASCII, and the percent sign
// itself, so that a value is one line that can be read back.
func escape(value string) string {
	plain := func(c byte) bool { return 0x20 <= c && c <= 0x7e && c != '%' }
	at := 0
	for at < len(value) && plain(value[at]) {
		at++
	}
	if at == len(value) {
		return value
	}
	var b strings.Builder
	b.WriteString(value[:at])
	for ; at < len(value); at++ {
		if c := value[at]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', upperHex[c>>4], upperHex[c&15]}))
		}
	}
	return b.String()
}
