package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Memory is a Store in memory: the simplest that behaves like Redis, for
// tests. It is safe for concurrent use. Put…, Expire, Tell, Forget and Remove
// write as another program would: at once, unread and without a commit.
type Memory struct {
	clock func() time.Time

	mu      sync.RWMutex
	records map[string]Fields          // by key
	sets    map[string]map[string]bool // indexes: members by key
	names   map[string]string          // indexes: digests by key of the token's id
	revoked map[string]int64           // when each may be forgotten, in Unix seconds
	other   map[string]bool            // keys of another type than they should be
	expires map[string]bool            // keys with an end
	stream  []Change                   // the change stream
	last    string                     // id of its last entry, also of one that was forgotten
	told    chan struct{}              // closed when the stream grows
}

// NewMemory makes a Memory that holds no registry yet. The clock says what a
// record must not be ahead of.
func NewMemory(clock func() time.Time) *Memory {
	return &Memory{
		clock:   clock,
		records: make(map[string]Fields),
		sets:    make(map[string]map[string]bool),
		names:   make(map[string]string),
		other:   make(map[string]bool),
		expires: make(map[string]bool),
		told:    make(chan struct{}),
	}
}

// Put makes fields all that stands under ref. Indexes are left alone.
func (m *Memory) Put(ref Ref, fields Fields) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(ref.Key())
	if len(fields) > 0 {
		m.records[ref.Key()] = maps.Clone(fields)
	}
}

// PutMember adds a member to a set, by the set's key.
func (m *Memory) PutMember(set, member string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(set, member)
}

// PutName sets the value of a string, by its key.
func (m *Memory) PutName(name, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(name)
	m.names[name] = value
}

// PutRevoked adds a member to the revoked JWTs, with the Unix seconds when it
// may be forgotten.
func (m *Memory) PutRevoked(member string, forget int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revoked == nil {
		m.remove(RevokedRef.Key())
		m.revoked = make(map[string]int64)
	}
	m.revoked[member] = forget
}

// PutOtherType makes a key hold something of a type that it should not have.
func (m *Memory) PutOtherType(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(key)
	m.other[key] = true
}

// Remove removes whatever a key holds.
func (m *Memory) Remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(key)
}

func (m *Memory) remove(key string) {
	delete(m.records, key)
	delete(m.sets, key)
	delete(m.names, key)
	delete(m.other, key)
	delete(m.expires, key)
	switch key {
	case ChangesKey:
		m.stream, m.last = nil, ""
	case RevokedRef.Key():
		m.revoked = nil
	}
}

func (m *Memory) add(set, member string) {
	if m.sets[set] == nil {
		m.sets[set] = make(map[string]bool)
	}
	m.sets[set][member] = true
}

// Read implements Reader.
func (m *Memory) Read(ctx context.Context, refs ...Ref) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("registry: read: %w: %w", ErrUnavailable, err)
	}
	now := m.clock()
	m.mu.RLock()
	defer m.mu.RUnlock()
	entries := make([]Entry, len(refs))
	for i, ref := range refs {
		switch key := ref.Key(); {
		case m.other[key]:
			entries[i] = Entry{Invalid: WrongType(key)}
		case ref == RevokedRef:
			entries[i] = RevokedEntry(slices.Collect(maps.Keys(m.revoked)))
		default:
			entries[i] = EntryOf(ref, maps.Clone(m.records[key]), now)
		}
	}
	return entries, nil
}

// ReadThrough implements Witness.
func (m *Memory) ReadThrough(ctx context.Context, refs ...Ref) (entries []Entry, through string, err error) {
	entries, err = m.Read(ctx, refs...)
	if err != nil {
		return nil, "", err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.other[ChangesKey] {
		return nil, "", WrongType(ChangesKey)
	}
	if len(m.stream) > 0 {
		through = m.stream[len(m.stream)-1].Entry
	}
	return entries, through, nil
}

// Init implements Store.
func (m *Memory) Init(ctx context.Context, root *Root) (created bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("registry: init: %w: %w", ErrUnavailable, err)
	}
	if _, err := Parse(RootRef, root.Fields(), m.clock()); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := RootRef.Key()
	if m.other[key] {
		return false, WrongType(key)
	}
	if m.records[key] != nil {
		return false, nil
	}
	m.records[key] = root.Fields()
	return true, nil
}

// Commit implements Store.
func (m *Memory) Commit(ctx context.Context, commit Commit) (Position, error) {
	if err := ctx.Err(); err != nil {
		return Position{}, fmt.Errorf("registry: commit: %w: %w", ErrUnavailable, err)
	}
	writes, err := commit.Writes()
	if err != nil {
		return Position{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	seq, err := m.next()
	if err != nil {
		return Position{}, err
	}
	for _, w := range writes {
		if err := m.check(w); err != nil {
			return Position{}, err
		}
	}
	revoked, err := m.revoke(commit)
	if err != nil {
		return Position{}, err
	}
	m.records[RootRef.Key()]["seq"] = strconv.FormatUint(seq, 10)
	entry := m.tell(commit.fieldsOf(seq, writes))
	for _, w := range writes {
		m.carryOut(w)
	}
	m.revoked = revoked
	return Position{Seq: seq, Entry: entry}, nil
}

// next gives the number of the commit to come, if there is a registry that
// this code may write to.
func (m *Memory) next() (uint64, error) {
	key := RootRef.Key()
	root := m.records[key]
	switch {
	case m.other[key]:
		return 0, WrongType(key)
	case root == nil:
		return 0, fmt.Errorf("registry: commit: %w", ErrNoRegistry)
	case m.other[ChangesKey]:
		return 0, WrongType(ChangesKey)
	}
	if _, err := parseSchema(root["schema"]); err != nil {
		return 0, &FieldError{key, "schema", err.Error()}
	}
	if root["seq"] == "" {
		return 1, nil
	}
	seq, err := parseSeq(root["seq"])
	if err != nil {
		return 0, &FieldError{key, "seq", err.Error()}
	}
	return seq + 1, nil
}

// check holds a write to what stands there.
func (m *Memory) check(w Write) error {
	key, index := w.Ref.Key(), w.Index()
	for _, k := range []string{key, index.Set, index.Name, w.Left.Set} {
		if m.other[k] {
			return WrongType(k)
		}
	}
	if w.Creates() {
		if m.records[key] != nil {
			return fmt.Errorf("registry: commit: %s: %w", key, ErrExists)
		}
		if _, taken := m.names[index.Name]; taken {
			return fmt.Errorf("registry: commit: %s: %w", index.Name, ErrExists)
		}
		return nil
	}
	if !maps.Equal(m.records[key], w.Expect) {
		return fmt.Errorf("registry: commit: %s: %w", key, ErrConflict)
	}
	return nil
}

// revoke gives the revoked JWTs as they are after a commit. Without revocations
// they stay as they are.
func (m *Memory) revoke(commit Commit) (map[string]int64, error) {
	if len(commit.Revoke) == 0 {
		return m.revoked, nil
	}
	if key := RevokedRef.Key(); m.other[key] {
		return nil, WrongType(key)
	}
	revoked := make(map[string]int64)
	for member, forget := range m.revoked {
		if forget >= min(commit.At.Unix(), m.clock().Unix()) {
			revoked[member] = forget
		}
	}
	for _, r := range commit.Revoke {
		member := r.JTI.String()
		revoked[member] = max(revoked[member], r.Forget.Unix())
	}
	if len(revoked) > MaxRevoked {
		return nil, fmt.Errorf("registry: commit: %w", ErrTooMany)
	}
	return revoked, nil
}

func (m *Memory) carryOut(w Write) {
	key := w.Ref.Key()
	if m.records[key] == nil {
		m.records[key] = make(Fields)
	}
	for _, field := range w.Unset {
		delete(m.records[key], field)
	}
	maps.Copy(m.records[key], w.Set)
	index := w.Index()
	delete(m.sets[w.Left.Set], w.Left.Member)
	if index.Set != "" {
		m.add(index.Set, index.Member)
	}
	if index.Name != "" {
		m.names[index.Name] = index.Value
	}
}
