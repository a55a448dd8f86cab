package registrar

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

// A Fault is something in a registry that is not as it should be, or that
// somebody should know of.
type Fault struct {
	Kind  FaultKind
	Key   string    // where it is, without the registry's prefix
	Name  string    // of the record, as people know it; else empty
	Other string    // what it is about besides: a key, a kind of digest, an id
	Err   error     // of Unreadable: why
	Since time.Time // of Observing and Expired
}

// A FaultKind says what is wrong.
type FaultKind uint8

// The kinds of fault.
const (
	NoFault FaultKind = iota

	// Of the registry itself.
	NoRegistry      // there is none
	AnotherRegistry // it is not the one that is demanded (Other)
	PepperMissing   // the pepper of a kind of digest (Other) is not configured
	PepperDiffers   // … is not the one that the registry was made with
	PepperUnproven  // … is proven by nothing in the registry
	PepperUnused    // a pepper is configured, and tokens are not stored by its kind (Other)
	DigestExcluded  // tokens stored by a kind (Other) are not accepted by the configuration
	NewestExcluded  // … by which new tokens are stored

	// Of keys and records.
	Unreadable    // a record or an index is invalid
	UnknownKey    // a key of no known kind
	Ends          // a key that Redis will remove one day
	Unlisted      // a record that is not in its set (Other)
	Unnamed       // a token that its id (Other) does not lead to
	Misled        // an id of a token that leads to another one (Other)
	NoRecord      // an index that names what is not there (Other)
	ListsForeign  // a list of a client's tokens or bindings that has one of another client (Other)
	NoOwner       // a token, key or binding in use whose client or profile (Other) is not there
	UnknownDigest // a token stored by a kind (Other) that is not looked for
	NeverExpires  // a token in use without an end
	Expired       // a token or key that is long expired, and not revoked
	Observing     // an allowlist that refuses nobody
)

// expiredLong is how long a token is expired before somebody is told.
const expiredLong = 30 * 24 * time.Hour

// Faults are told as they are found, and end with the first error.
type Faults iter.Seq2[Fault, error]

// An Audit looks for faults in all of a registry.
type Audit struct {
	registrar *Registrar
	root      *registry.Root // nil: it is not known
	counts    map[registry.RecordKind]int
	yield     func(Fault, error) bool
	stopped   bool
}

// Audit makes an audit of the registry with a root; nil where it has none that
// can be read.
func (r *Registrar) Audit(root *registry.Root) *Audit {
	return &Audit{registrar: r, root: root, counts: make(map[registry.RecordKind]int)}
}

// Count tells how many records of a kind there are, unreadable ones too. It
// counts while Faults are told.
func (a *Audit) Count(kind registry.RecordKind) int { return a.counts[kind] }

// Faults looks at every key of the registry, page by page: are the records
// valid, are they where they should be, do the indexes name what is there? It
// holds no more than a page in memory.
func (a *Audit) Faults(ctx context.Context) Faults {
	return func(yield func(Fault, error) bool) {
		a.yield, a.stopped = yield, false
		clear(a.counts)
		for keys, err := range a.registrar.store.Keys(ctx) {
			if err != nil {
				a.fail(err)
			}
			for some := range slices.Chunk(keys, page) {
				if !a.stopped {
					a.look(ctx, some)
				}
			}
			if a.stopped {
				return
			}
		}
	}
}

func (a *Audit) tell(fault Fault) {
	if !a.stopped {
		a.stopped = !a.yield(fault, nil)
	}
}

// fail tells of an error, which is the end.
func (a *Audit) fail(err error) {
	if !a.stopped {
		a.yield(Fault{}, err)
		a.stopped = true
	}
}

// look looks at a page of keys.
func (a *Audit) look(ctx context.Context, keys []registry.StoredKey) {
	var records []registry.Ref
	var lists []list
	var ids []credential.TokenID
	for _, key := range keys {
		if key.Expires {
			a.tell(Fault{Kind: Ends, Key: key.Name})
		}
		if ref, ok := registry.ParseRef(key.Name); ok {
			if ref != registry.RootRef { // CheckRoot looks at that
				records = append(records, ref)
			}
			continue
		}
		kind := kindOfKey(key.Name)
		switch {
		case kind.holds == "":
			a.tell(Fault{Kind: UnknownKey, Key: key.Name})
		case kind.holds != key.Type:
			a.tell(Fault{Kind: Unreadable, Key: key.Name, Err: registry.WrongType(key.Name)})
		case kind.list != (list{}):
			lists = append(lists, kind.list)
		case kind.token != "":
			ids = append(ids, kind.token)
		case key.Name == registry.ClientsKey:
			a.lookAtSet(ctx, key.Name, func(id string) (registry.Ref, error) {
				client, err := registry.ParseID[registry.ClientID](id)
				return registry.ClientRef(client), err
			})
		case key.Name == registry.ProfilesKey:
			a.lookAtSet(ctx, key.Name, func(id string) (registry.Ref, error) {
				profile, err := registry.ParseID[registry.ProfileID](id)
				return registry.ProfileRef(profile), err
			})
		}
	}
	a.lookAtRecords(ctx, records)
	a.lookAtLists(ctx, lists)
	a.lookAtIDs(ctx, ids)
}

// A keyKind says what a key that is not a record's is for.
type keyKind struct {
	holds string             // the type that Redis calls it by; empty: nobody knows the key
	list  list               // what it lists
	token credential.TokenID // that it leads from
}

// listKinds are what is listed by client, by how the keys of the lists begin.
var listKinds = map[string]registry.RecordKind{
	"tokens-of": registry.TokenKind, "keys-of": registry.KeyKind, "bindings-of": registry.BindingKind,
}

func kindOfKey(name string) keyKind {
	switch name {
	case registry.ClientsKey, registry.ProfilesKey:
		return keyKind{holds: "set"}
	case registry.ChangesKey:
		return keyKind{holds: "stream"}
	case registry.FleetKey:
		return keyKind{holds: "zset"}
	}
	prefix, rest, _ := strings.Cut(name, ":")
	switch prefix {
	case "tokens-of", "keys-of", "bindings-of":
		if client, err := registry.ParseID[registry.ClientID](rest); err == nil {
			return keyKind{holds: "set", list: list{listKinds[prefix], client, name}}
		}
	case "token-id":
		if id, err := credential.ParseTokenID(rest); err == nil {
			return keyKind{holds: "string", token: id}
		}
	case "server":
		if rest != "" {
			return keyKind{holds: "hash"}
		}
	}
	return keyKind{}
}
