package authz

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Extensions are what a route says, ordered by key; no key stands there twice.
type Extensions []Extension

// An Extension is one key and its value.
type Extension struct{ Key, Value string }

// ExtensionsOf puts what a route says in order.
func ExtensionsOf(said map[string]string) Extensions {
	if len(said) == 0 {
		return nil
	}
	e := make(Extensions, 0, len(said))
	for key, value := range said {
		e = append(e, Extension{key, value})
	}
	e.Sort()
	return e
}

// Sort puts extensions in order.
func (e Extensions) Sort() {
	slices.SortFunc(e, func(a, b Extension) int { return cmp.Compare(a.Key, b.Key) })
}

// Get gives the value of a key, and tells whether it is there.
func (e Extensions) Get(key string) (value string, found bool) {
	for i := range e {
		if e[i].Key == key {
			return e[i].Value, true
		}
	}
	return "", false
}

// appendTo writes extensions so that no other ones are written the same way.
func (e Extensions) appendTo(text []byte) []byte {
	for i := range e {
		for _, part := range [...]string{e[i].Key, e[i].Value} {
			text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
		}
	}
	return text
}

// clone gives extensions whose texts are nobody else's.
func (e Extensions) clone() Extensions {
	own := make(Extensions, len(e))
	for i := range e {
		own[i] = Extension{strings.Clone(e[i].Key), strings.Clone(e[i].Value)}
	}
	return own
}

// routes read what routes say, each once: there are few, they are the
// operator's, and every check names one.
type routes struct {
	policy RoutePolicy
	known  atomic.Pointer[map[string]*Route] // by what they say; replaced, never changed
	adding sync.Mutex
}

// mostRoutes is about how many routes are remembered. None is forgotten: the
// operator has so many, or something makes them up, and then remembering others
// would help nobody.
const mostRoutes = 1000

// longestRoute is the longest that is remembered of what a route says, in bytes.
const longestRoute = 4 << 10

func newRoutes(policy RoutePolicy) *routes {
	r := &routes{policy: policy}
	r.known.Store(&map[string]*Route{})
	return r
}

// parse gives what RoutePolicy.Parse gives. What a route has is shared by all
// who ask.
func (r *routes) parse(said Extensions) (Route, error) {
	var room [192]byte
	name := said.appendTo(room[:0])
	known := *r.known.Load()
	if route, found := known[string(name)]; found {
		return *route, nil
	}
	if len(known) >= mostRoutes || len(name) > longestRoute {
		return r.policy.Parse(said)
	}
	route, err := r.policy.Parse(said.clone())
	if err == nil {
		r.remember(string(name), &route)
	}
	return route, err
}

// remember adds a route to those that are known.
func (r *routes) remember(name string, route *Route) {
	r.adding.Lock()
	defer r.adding.Unlock()
	known := maps.Clone(*r.known.Load())
	known[name] = route
	r.known.Store(&known)
}
