package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"credence/internal/config"

	"github.com/spf13/cobra"
)

// A role is what a user of Redis is for, and the rights that it needs.
type role struct {
	name     string
	about    string
	grants   []grant
	commands []string
}

// A grant is a right to keys.
type grant struct {
	access string // as ACL SETUSER takes it
	key    string // a pattern, behind the prefix
}

const (
	mayRead = "%R~"
	mayAll  = "~"
)

// roles are those who use a registry. A test holds each right to be needed,
// and none to be missing.
var roles = []role{
	{
		name: "server", about: "credence serve: reads what it needs for a decision, and writes only that it is there",
		grants: []grant{
			{mayRead, "registry"}, {mayRead, "client:*"}, {mayRead, "profile:*"}, {mayRead, "token:*"},
			{mayRead, "key:*"}, {mayRead, "binding:*"}, {mayRead, "revoked-jtis"}, {mayRead, "changes"},
			{mayAll, "fleet"}, {mayAll, "server:*"},
		},
		commands: []string{
			"client|tracking", "del", "eval", "evalsha", "hdel", "hget", "hgetall", "hset", "info", "ping", "time", "type",
			"xinfo|stream", "xrange", "xread", "xrevrange", "zadd", "zrange", "zrem", "zscore",
		},
	},
	{
		name: "admin", about: "the commands that work on the registry",
		grants: []grant{{mayAll, "*"}},
		commands: []string{
			"del", "eval", "evalsha", "get", "hdel", "hget", "hgetall", "hincrby", "hset", "info", "pttl", "sadd", "scan", "set", "sismember",
			"srem", "sscan", "time", "type", "wait", "xadd", "xinfo|stream", "xrange", "xread", "xrevrange", "zadd", "zcount", "zrange", "zrem",
			"zremrangebyscore", "zscore",
		},
	},
	{
		name: "report", about: "the commands that only read: get, list, identify, changes and doctor",
		grants:   []grant{{mayRead, "*"}},
		commands: []string{"get", "hgetall", "info", "pttl", "scan", "sismember", "sscan", "time", "type", "xinfo|stream", "xrange", "xread", "xrevrange", "zrange"},
	},
}

func newRedisCommand(a *app) *cobra.Command {
	group := newGroup("redis", "the Redis that the registry is in", "", `
credence redis acl server
credence redis acl admin --password-file admin.password`)
	group.AddCommand(newRedisACLCommand(a))
	return group
}

func newRedisACLCommand(a *app) *cobra.Command {
	var names, lines []string
	for _, r := range roles {
		names = append(names, r.name)
		lines = append(lines, fmt.Sprintf("  %-8s%s", r.name, r.about))
	}
	cmd := newLeaf("acl "+strings.Join(names, "|")+" [flags]", "print the rights that a user of Redis needs", `
Prints the command for Redis that gives a user the least rights for its work, bounded by redis.prefix:

`+strings.Join(lines, "\n")+`

With --password-file the line holds the SHA-256 of the password. Passwords that the user has stay, so that old and new
overlap while you replace one; ACL SETUSER NAME resetpass, and then the line again, leaves the new one only.

admin and report may SCAN, for doctor: Redis cannot bound that by the prefix, so that they see the names of other keys in
the same database, though not what these hold.`, `
credence redis acl server --password-file server.password | redis-cli
credence redis acl admin --user ops
credence redis acl report`)
	var user, file string
	cmd.Flags().StringVar(&user, "user", "", "`NAME` of the user (default credence-server, -admin, -report)")
	cmd.Flags().StringVar(&file, "password-file", "", "`FILE` with the user's password")
	cmd.ValidArgsFunction = first(words(names...))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := roleArg(cmd, args, names)
		if err != nil {
			return err
		}
		c, err := a.configuration()
		if err != nil {
			return err
		}
		if user == "" {
			user = "credence-" + r.name
		}
		if strings.ContainsFunc(user, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return misused("%s: --user %q: want visible ASCII without spaces", pathOf(cmd), user)
		}
		var password string
		if file != "" {
			secret, err := readPassword(file)
			if err != nil {
				return misused("%s: --password-file: %s", pathOf(cmd), strings.TrimPrefix(err.Error(), "redis.password_file: "))
			}
			sum := sha256.Sum256([]byte(secret.Expose()))
			password = "#" + hex.EncodeToString(sum[:])
		}
		fmt.Fprintln(a.stdout, r.line(user, password, c.Redis))
		if password == "" {
			a.note("a user without a password cannot log in: --password-file FILE gives it one")
		}
		a.note("then: redis.username: %s, and redis.password_file or %s", user, config.EnvRedisPassword)
		return nil
	}
	return cmd
}

func roleArg(cmd *cobra.Command, args, names []string) (role, error) {
	if len(args) == 1 {
		if at := slices.Index(names, args[0]); at >= 0 {
			return roles[at], nil
		}
		return role{}, misused("%s: unknown role %q: %s", pathOf(cmd), args[0], meant(args[0], names, "want one of "+strings.Join(names, ", ")))
	}
	return role{}, misused("%s: for whom? credence redis acl %s", pathOf(cmd), strings.Join(names, "|"))
}

// line gives the command that makes the user what the role needs, whatever it
// was before. Its passwords stay, and one is added. Another database than the
// first has to be selected.
func (r role) line(user, password string, c config.Redis) string {
	words := []string{"ACL", "SETUSER", user, "on"}
	if password != "" {
		words = append(words, password)
	}
	words = append(words, "resetkeys", "resetchannels", "-@all")
	for _, g := range r.grants {
		words = append(words, redisWord(g.access+c.Prefix+g.key)) // the configuration lets no pattern be in a prefix
	}
	for _, command := range r.commands {
		words = append(words, "+"+command)
	}
	if database(c.URL) != "0" {
		words = append(words, "+select")
	}
	return strings.Join(words, " ")
}

// database gives the number of the database that a URL names.
func database(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "0" // the configuration has read it
	}
	if u.Scheme == "unix" {
		return cmp.Or(u.Query().Get("db"), "0")
	}
	return cmp.Or(strings.Trim(u.Path, "/"), "0")
}
