package cli

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"credence/internal/authz"
	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/redisstore"
	"credence/internal/registry"
)

const defaultPrefix = "{credence}:"

// A watch is a Redis in which a user has some rights, and who works under them.
type watch struct {
	t      *testing.T
	server *parts.RedisServer
	token  string // of the client acme
}

// prepare makes a registry with all rights, and a user with those of a role.
func (w *watch) prepare(r role) {
	w.t.Helper()
	w.server.CLI("FLUSHALL")
	w.server.CLI("SCRIPT", "FLUSH") // so that each run loads the scripts anew
	w.server.CLI("ACL", "DELUSER", "worker")
	if answer := w.server.CLI(strings.Fields(r.line("worker", ">sesame", config.Default().Redis))...); answer != "OK" {
		w.t.Fatalf("ACL SETUSER: %s", answer)
	}
	for _, line := range []string{"init", "profile create partner --accepts token", "client create acme --limit 5/second"} {
		if _, status := w.run("default", line); status != statusDone {
			w.t.Fatalf("credence %s: status %d", line, status)
		}
	}
	w.token, _ = w.run("default", "token issue acme --profile partner")
	w.server.CLI("SCRIPT", "FLUSH")
}

// run runs a command under a user of Redis.
func (w *watch) run(user, line string) (stdout string, status int) {
	w.t.Helper()
	url := w.server.URL()
	if user != "default" {
		url = strings.Replace(url, "redis://", "redis://"+user+":sesame@", 1)
	}
	env := func(name string) string {
		return map[string]string{"CREDENCE_REDIS_URL": url, "CREDENCE_BY": "alice"}[name]
	}
	var out, complaints bytes.Buffer
	status = Main(strings.Fields(line), strings.NewReader(w.token), &out, &complaints, env)
	return strings.TrimSpace(out.String()), status
}

// administers does what the role admin is for, under its rights, and gives
// what failed. The second run of a script finds it loaded.
func (w *watch) administers() (failed []string) {
	for _, line := range []string{
		"client create globex", "client disable globex", "client update acme --clear limit", "profile create other --accepts token",
		"token issue acme --profile partner", "token list", "token identify", "client list", "changes", "changes --all",
	} {
		if _, status := w.run("worker", line); status != statusDone {
			failed = append(failed, line)
		}
	}
	failed = append(failed, w.looks()...)
	w.server.CLI("DEL", defaultPrefix+"registry")
	if _, status := w.run("worker", "init"); status != statusDone {
		failed = append(failed, "init")
	}
	return failed
}

func (w *watch) reports() (failed []string) {
	for _, line := range []string{
		"client get acme", "client list", "profile list", "token list acme", "token identify", "changes", "changes --all",
	} {
		if _, status := w.run("worker", line); status != statusDone {
			failed = append(failed, line)
		}
	}
	return append(failed, w.looks()...)
}

// looks has doctor look at everything, and follows the changes.
func (w *watch) looks() (failed []string) {
	report, status := w.run("worker", "doctor")
	if status != statusDone || strings.Contains(report, "not looked at") {
		failed = append(failed, "doctor")
	}
	feed, err := w.store().Feed(time.Millisecond)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = feed.Close() }()
	if changes, err := feed.Next(w.t.Context(), registry.Position{}); err != nil || len(changes) == 0 {
		failed = append(failed, "changes --follow")
	}
	return failed
}

// store opens the registry under the user's rights.
func (w *watch) store() *redisstore.Store {
	w.t.Helper()
	store, err := redisstore.Open(redisstore.Options{
		URL:    credential.NewSecret(strings.Replace(w.server.URL(), "redis://", "redis://worker:sesame@", 1)),
		Prefix: defaultPrefix,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = store.Close() })
	return store
}

// serves asks what the server asks for a decision.
func (w *watch) serves() (failed []string) {
	w.t.Helper()
	store := w.store()
	lookups, err := authz.NewLookups(store, authz.LookupOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := context.Background()
	if err := lookups.Contact(ctx); err != nil {
		failed = append(failed, "contact")
	}
	if _, told, err := store.Evicts(ctx); err != nil || !told {
		failed = append(failed, "eviction")
	}
	if entry, err := lookups.Token(ctx, credential.NewSecret(w.token)); err != nil || entry.Record == nil {
		failed = append(failed, "token")
	}
	if c, p, err := lookups.Owner(ctx, "acme", "partner"); err != nil || c.Record == nil || p.Record == nil {
		failed = append(failed, "owner")
	}
	return failed
}

// TestRightsAreNeededAndEnough takes each right away in turn: without it
// something must fail, and with all nothing may.
func TestRightsAreNeededAndEnough(t *testing.T) {
	work := map[string]func(*watch) []string{
		"server": (*watch).serves,
		"admin":  (*watch).administers,
		"report": (*watch).reports,
	}
	for _, r := range roles {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := &watch{t: t, server: parts.Redis(t, "--appendonly", "yes")} // doctor wants it to be saved
			do := work[r.name]
			w.prepare(r)
			if failed := do(w); len(failed) > 0 {
				t.Fatalf("with all rights: %q fail", failed)
			}
			for i := range r.commands {
				less := r
				less.commands = slices.Delete(slices.Clone(r.commands), i, i+1)
				w.prepare(less)
				if failed := do(w); len(failed) == 0 {
					t.Errorf("nothing needs +%s", r.commands[i])
				}
			}
			for i := range r.keys {
				less := r
				less.keys = slices.Delete(slices.Clone(r.keys), i, i+1)
				w.prepare(less)
				if failed := do(w); len(failed) == 0 {
					t.Errorf("nothing needs the keys %s", r.keys[i])
				}
			}
		})
	}
}

func TestServerAndReportWriteNothing(t *testing.T) {
	w := &watch{t: t, server: parts.Redis(t)}
	for _, name := range []string{"server", "report"} {
		w.prepare(roles[slices.IndexFunc(roles, func(r role) bool { return r.name == name })])
		for _, line := range []string{"client disable acme", "client create globex", "token issue acme --profile partner"} {
			if _, status := w.run("worker", line); status == statusDone {
				t.Errorf("%s: credence %s: done", name, line)
			}
		}
	}
}

// TestACLOfAnotherDatabase has a user select the database that the URL names.
func TestACLOfAnotherDatabase(t *testing.T) {
	for address, selects := range map[string]bool{
		"redis://127.0.0.1:6379": false, "redis://127.0.0.1:6379/0": false, "redis://127.0.0.1:6379/8": true,
		"unix:///run/redis.sock": false, "unix:///run/redis.sock?db=0": false, "unix:///run/redis.sock?db=3": true,
	} {
		c := config.Default().Redis
		c.URL = address
		if line := roles[0].line("worker", "", c); strings.HasSuffix(line, " +select") != selects {
			t.Errorf("%s: %s: selects, want %v", address, line, selects)
		}
	}
}
