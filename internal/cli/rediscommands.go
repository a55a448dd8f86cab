package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"credence/internal/registry"
)

// showCommands shows a commit as the commands that another program would send
// for the same change. The count of commits, seq, is credence's own: others
// write it neither in the registry's record nor in the stream.
func (a *app) showCommands(commit registry.Commit) {
	writes, err := commit.Writes()
	if err != nil {
		return // it was checked when it was tried
	}
	a.redisCommand("MULTI")
	a.redisCommand("XADD", a.prefix+registry.ChangesKey, "MAXLEN", "~", "100000", "*", "keys", commit.ChangedKeys(writes),
		"op", commit.Op, "by", commit.By, "at", registry.FormatTime(commit.At), "note", commit.Note)
	for _, w := range writes {
		a.showWrite(w)
	}
	for _, r := range commit.Revoke {
		a.redisCommand("ZADD", a.prefix+registry.RevokedRef.Key(), strconv.FormatInt(r.Forget.Unix(), 10), r.JTI.String())
	}
	a.redisCommand("EXEC")
}

func (a *app) showWrite(w registry.Write) {
	key := a.prefix + w.Ref.Key()
	if len(w.Unset) > 0 {
		a.redisCommand(slices.Concat([]string{"HDEL", key}, w.Unset)...)
	}
	if len(w.Set) > 0 {
		words := []string{"HSET", key}
		for _, name := range slices.Sorted(maps.Keys(w.Set)) {
			words = append(words, name, w.Set[name])
		}
		a.redisCommand(words...)
	}
	if w.Left.Set != "" {
		a.redisCommand("SREM", a.prefix+w.Left.Set, w.Left.Member)
	}
	index := w.Index()
	if index.Set != "" {
		a.redisCommand("SADD", a.prefix+index.Set, index.Member)
	}
	if index.Name != "" {
		a.redisCommand("SET", a.prefix+index.Name, index.Value)
	}
}

func (a *app) redisCommand(words ...string) {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = redisWord(word)
	}
	a.note("  %s", strings.Join(quoted, " "))
}

// redisWord quotes a word for redis-cli.
func redisWord(word string) string {
	simple := func(r rune) bool { return r > 0x20 && r < 0x7f && r != '"' && r != '\'' && r != '\\' }
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !simple(r) }) < 0 {
		return word
	}
	var b strings.Builder
	for i := range len(word) {
		switch c := word[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return `"` + b.String() + `"`
}
