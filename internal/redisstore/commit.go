package redisstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"credence/internal/registry"
)

// streamLength is about how many changes are kept. It bounds how long a server
// may be away before it must forget everything instead of catching up.
const streamLength = 100000

// Init implements registry.Store.
func (s *Store) Init(ctx context.Context, root *registry.Root) (created bool, err error) {
	fields := root.Fields()
	if _, err := registry.Parse(registry.RootRef, fields, s.clock()); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	name := registry.RootRef.Key()
	var args []any
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		args = append(args, field, fields[field])
	}
	answer, err := s.init.run(ctx, s.client(), false, []string{s.key(name)}, args).Text()
	if err != nil {
		return false, s.uncommitted("init", err)
	}
	switch answer {
	case "made":
		return true, nil
	case "there":
		return false, nil
	case "type":
		return false, registry.WrongType(name)
	}
	return false, fmt.Errorf("redisstore: init: the script answered %q", answer)
}

// Commit implements registry.Store. Where the connection was lost after the
// commit was sent, the error is registry.ErrUnavailable and says that the
// outcome is not known: read the records again before anything else. A commit
// that only restricts is done even where Redis is full.
func (s *Store) Commit(ctx context.Context, commit registry.Commit) (registry.Position, error) {
	writes, err := commit.Writes()
	if err != nil {
		return registry.Position{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c := newCall(commit, writes)
	keys := make([]string, len(c.names))
	for i, name := range c.names {
		keys[i] = s.key(name)
	}
	by := s.committer()
	answer, err := s.commit.run(ctx, by, commit.Restricts(), keys, c.args).StringSlice()
	if err != nil {
		by.done(registry.Position{})
		return registry.Position{}, s.uncommitted("commit", err)
	}
	position, err := c.read(answer)
	by.done(position)
	return position, err
}

// A call is a commit in the form that commit.lua takes.
type call struct {
	names     []string // of the keys, without the prefix
	positions map[string]int
	args      []any
}

func newCall(commit registry.Commit, writes []registry.Write) *call {
	c := &call{positions: make(map[string]int)}
	c.position(registry.RootRef.Key())
	c.position(registry.ChangesKey)
	c.add(strconv.Itoa(registry.Schema), strconv.Itoa(streamLength))
	c.add(commit.ChangedKeys(writes), commit.Op, commit.By, registry.FormatTime(commit.At), commit.Note)
	c.addNumber(len(writes))
	for _, w := range writes {
		c.addWrite(w)
	}
	c.addRevoke(commit)
	return c
}

func (c *call) addWrite(w registry.Write) {
	c.addNumber(c.position(w.Ref.Key()))
	if w.Creates() {
		c.addNumber(-1)
	} else {
		c.addFields(w.Expect)
	}
	c.addFields(w.Set)
	c.addNumber(len(w.Unset))
	c.add(w.Unset...)
	index := w.Index()
	c.addNumber(c.position(index.Set))
	c.add(index.Member)
	c.addNumber(c.position(index.Name))
	c.add(index.Value)
	c.addNumber(c.position(w.Left.Set))
	c.add(w.Left.Member)
}

func (c *call) addRevoke(commit registry.Commit) {
	if len(commit.Revoke) == 0 {
		c.addNumber(0)
		return
	}
	c.addNumber(c.position(registry.RevokedRef.Key()))
	c.addNumber(registry.MaxRevoked)
	c.addNumber(int(commit.At.Unix()))
	c.addNumber(len(commit.Revoke))
	for _, r := range commit.Revoke {
		c.addNumber(int(r.Forget.Unix()))
		c.add(r.JTI.String())
	}
}

// position gives where a key stands among KEYS, counted from 1 as Lua does; 0
// for no key.
func (c *call) position(name string) int {
	if name == "" {
		return 0
	}
	if p, known := c.positions[name]; known {
		return p
	}
	c.names = append(c.names, name)
	c.positions[name] = len(c.names)
	return len(c.names)
}

func (c *call) add(texts ...string) {
	for _, text := range texts {
		c.args = append(c.args, text)
	}
}

func (c *call) addNumber(n int) { c.add(strconv.Itoa(n)) }

func (c *call) addFields(fields registry.Fields) {
	c.addNumber(len(fields))
	for field, value := range fields {
		c.add(field, value)
	}
}

// read turns the script's answer into what Commit gives.
func (c *call) read(answer []string) (registry.Position, error) {
	if len(answer) == 3 && answer[0] == "done" {
		seq, err := strconv.ParseUint(answer[1], 10, 64)
		return registry.Position{Seq: seq, Entry: answer[2]}, err
	}
	name, ok := c.inTheWay(answer)
	if !ok {
		return registry.Position{}, fmt.Errorf("redisstore: commit: the script answered %q", answer)
	}
	var err error
	switch answer[0] {
	case "type":
		err = registry.WrongType(name)
	case "registry":
		err = fmt.Errorf("redisstore: commit: %w", registry.ErrNoRegistry)
	case "schema", "seq":
		err = &registry.FieldError{Key: name, Field: answer[0], Why: "is not one that this credence writes to"}
	case "exists":
		err = fmt.Errorf("redisstore: commit: %s: %w", name, registry.ErrExists)
	case "many":
		err = fmt.Errorf("redisstore: commit: %w", registry.ErrTooMany)
	case "conflict":
		err = fmt.Errorf("redisstore: commit: %s: %w", name, registry.ErrConflict)
	default:
		err = fmt.Errorf("redisstore: commit: the script answered %q", answer)
	}
	return registry.Position{}, err
}

// inTheWay gives the key that an answer names by its position.
func (c *call) inTheWay(answer []string) (string, bool) {
	if len(answer) != 2 {
		return "", false
	}
	p, err := strconv.Atoi(answer[1])
	if err != nil || p < 1 || p > len(c.names) {
		return "", false
	}
	return c.names[p-1], true
}
