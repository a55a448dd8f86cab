package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/fleet"
	"credence/internal/redisstore"
	"credence/internal/registrar"
	"credence/internal/registry"
)

const (
	defaultPrefix = "{credence}:"
	issuer        = "https://idp.example"
)

// A watch is a Redis in which a user has some rights, and who works under them.
type watch struct {
	t      *testing.T
	server *parts.RedisServer
	token  string // of the client acme

	complaints string // of the command that was run last
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
	for _, line := range []string{"init", "profile create partner --accepts token", "profile create signed --accepts jwt", "client create acme --limit 5/second"} {
		if _, status := w.run("default", line); status != statusDone {
			w.t.Fatalf("credence %s: status %d", line, status)
		}
	}
	w.token, _ = w.run("default", "token issue acme --profile partner")
	if failed := w.signs("default", "prepared"); len(failed) > 0 {
		w.t.Fatalf("with all rights: %q fail", failed)
	}
	gone := fleet.Server{Name: "gone", Boot: "b", StaleFor: time.Minute, Started: time.Now()}
	if err := w.storeOf("default").Join(w.t.Context(), gone); err != nil {
		w.t.Fatal(err)
	}
	w.server.CLI("ZADD", defaultPrefix+registry.FleetKey, "1000000000", "gone")
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
	w.complaints = complaints.String()
	return strings.TrimSpace(out.String()), status
}

// administers does what the role admin is for, under its rights, and gives
// what failed. The second run of a script finds it loaded.
func (w *watch) administers() (failed []string) {
	for _, line := range []string{
		"fleet forget gone --yes", "client create globex", "client disable globex --wait=1s", "client update acme --clear limit", "profile create other --accepts token",
		"token issue acme --profile partner", "token list", "token identify", "client list", "changes", "changes --all",
	} {
		if _, status := w.run("worker", line); status != statusDone {
			failed = append(failed, line)
		}
	}
	failed = append(failed, w.signs("worker", "administered")...)
	file := filepath.Join(w.t.TempDir(), "credence.yaml")
	if err := os.WriteFile(file, []byte("redis: {replicas: 1}\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.run("worker", "client disable acme --wait=1ms --config "+file)
	if !strings.Contains(w.complaints, "0 of 1 replica acknowledged it") {
		failed = append(failed, "wait for replicas")
	}
	failed = append(failed, w.looks()...)
	w.server.CLI("DEL", defaultPrefix+"registry")
	if _, status := w.run("worker", "init"); status != statusDone {
		failed = append(failed, "init")
	}
	return failed
}

// signs does all there is to do about JWTs, under the rights of a user of Redis:
// with a key and a binding of that name, and one that goes to another client.
func (w *watch) signs(user, name string) (failed []string) {
	const jwk = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}` // RFC 8037 A.2
	ctx, alice, r := w.t.Context(), registrar.Author{By: "alice"}, registrar.New(w.storeOf(user), registrar.Options{})
	other := registry.ClientID(name)
	key := registry.Key{ID: registry.KeyID(name), Client: "acme", Algorithm: "EdDSA", JWK: jwk, Profile: "signed"}
	stays := registry.Binding{Issuer: issuer, Subject: "stays", Client: "acme", Profile: "signed"}
	moves := registry.Binding{Issuer: issuer, Subject: name, Client: "acme", Profile: "signed"}
	do := func(what string, err error) {
		if err != nil {
			failed = append(failed, what)
		}
	}
	_, err := r.CreateClient(ctx, alice, registry.Client{ID: other})
	do("another client", err)
	_, err = r.AddKey(ctx, alice, key)
	do("add a key", err)
	_, err = r.RevokeKey(ctx, alice, "acme", key.ID)
	do("revoke a key", err)
	_, err = r.AddBinding(ctx, alice, stays)
	do("add a binding", err)
	_, err = r.AddBinding(ctx, alice, moves)
	do("add another", err)
	_, err = r.RemoveBinding(ctx, alice, issuer, name)
	do("remove a binding", err)
	moves.Client = other
	_, err = r.AddBinding(ctx, alice, moves)
	do("bind to another client", err)
	_, err = r.RevokeJWTs(ctx, alice, registry.Revocation{JTI: registry.JTIOf(issuer, name), Forget: time.Now().Add(time.Hour)})
	do("revoke a JWT", err)
	return append(failed, w.lists(r)...)
}

// lists reads what signs has made.
func (w *watch) lists(r *registrar.Registrar) (failed []string) {
	for what, items := range map[string]registrar.Items{"keys": r.Keys(w.t.Context(), "acme"), "bindings": r.Bindings(w.t.Context(), "")} {
		found := 0
		for item, err := range items {
			if err == nil && item.Record != nil {
				found++
			}
		}
		if found == 0 {
			failed = append(failed, what)
		}
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
	failed = append(failed, w.lists(registrar.New(w.store(), registrar.Options{}))...)
	return append(failed, w.looks()...)
}

// looks has doctor look at everything, and follows the changes.
func (w *watch) looks() (failed []string) {
	report, status := w.run("worker", "doctor")
	if status != statusDone || strings.Contains(report, "not looked at") {
		failed = append(failed, "doctor")
	}
	if _, status := w.run("worker", "fleet list"); status != statusDone {
		failed = append(failed, "fleet list")
	}
	return append(failed, w.follows(w.store())...)
}

// follows reads the change stream: as it comes, and how far it reaches.
func (w *watch) follows(store *redisstore.Store) (failed []string) {
	ctx := w.t.Context()
	feed, err := store.Feed(time.Millisecond)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = feed.Close() }()
	if round, err := feed.Next(ctx, registry.Position{}); err != nil || len(round.Changes) == 0 || round.Root.Record == nil {
		failed = append(failed, "feed")
	}
	// Of an entry that is there no longer the stream itself knows.
	newest := w.server.CLI("XADD", defaultPrefix+registry.ChangesKey, "*", "keys", "client:acme")
	w.server.CLI("XDEL", defaultPrefix+registry.ChangesKey, newest)
	if extent, err := store.Extent(ctx); err != nil || extent.Newest != newest {
		failed = append(failed, "extent")
	}
	w.server.CLI("DEL", defaultPrefix+registry.ChangesKey)
	if extent, err := store.Extent(ctx); err != nil || extent.There {
		failed = append(failed, "extent of no stream")
	}
	return failed
}

// store opens the registry under the user's rights.
func (w *watch) store() *redisstore.Store { return w.storeOf("worker") }

func (w *watch) storeOf(user string) *redisstore.Store {
	w.t.Helper()
	url := w.server.URL()
	if user != "default" {
		url = strings.Replace(url, "redis://", "redis://"+user+":sesame@", 1)
	}
	store, err := redisstore.Open(redisstore.Options{URL: credential.NewSecret(url), Prefix: defaultPrefix})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = store.Close() })
	return store
}

// serves does what the server does: reads facts, follows what becomes of them,
// and keeps its place in the fleet.
func (w *watch) serves() (failed []string) {
	w.t.Helper()
	store, ctx := w.store(), w.t.Context()
	peppers, err := credential.NewPeppers(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	digest, err := peppers.Digest(credential.PlainDigest, credential.NewSecret(w.token))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, ref := range map[string]registry.Ref{
		"registry": registry.RootRef, "client": registry.ClientRef("acme"), "profile": registry.ProfileRef("partner"), "token": registry.TokenRef(digest),
		"key": registry.KeyRef("acme", "prepared"), "binding": registry.BindingRef(registry.BindingIDOf(issuer, "stays")), "revoked JWTs": registry.RevokedRef,
	} {
		if entries, through, err := store.ReadThrough(ctx, ref); err != nil || entries[0].Record == nil || through == "" {
			failed = append(failed, name)
		}
	}
	if _, told, err := store.Info(ctx); err != nil || !told {
		failed = append(failed, "eviction")
	}
	if changes, err := store.ChangesBefore(ctx, "", 1); err != nil || len(changes) == 0 {
		failed = append(failed, "the newest change")
	}
	failed = append(failed, w.follows(store)...)
	if err := w.tracks(store); err != nil {
		failed = append(failed, "tracking")
	}
	return append(failed, w.sits(store)...)
}

// tracks has Redis tell of a write.
func (w *watch) tracks(store *redisstore.Store) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	on, written, ended := make(chan struct{}), make(chan struct{}, 100), make(chan error, 1)
	go func() {
		ended <- store.Tracker().Track(ctx, func() { close(on) }, func([]registry.Ref) { written <- struct{}{} })
	}()
	select {
	case err := <-ended:
		return err
	case <-on:
	}
	w.server.CLI("HSET", defaultPrefix+"client:acme", "x_note", "touched")
	select {
	case err := <-ended:
		return err
	case <-written:
	}
	cancel()
	<-ended
	return nil
}

// sits takes a place in the fleet, and looks who else has one.
func (w *watch) sits(store *redisstore.Store) (failed []string) {
	ctx := w.t.Context()
	seat := fleet.NewSeat(store, fleet.SeatOptions{StaleFor: time.Minute, Host: "here"})
	if err := seat.Join(ctx); err != nil {
		failed = append(failed, "join")
	}
	if err := errors.Join(seat.Beat(ctx, "5-0", []string{"client:acme"}), seat.Beat(ctx, "", nil)); err != nil {
		failed = append(failed, "beat")
	}
	if _, servers, err := store.List(ctx); err != nil || len(servers) == 0 || servers[0].Invalid != nil {
		failed = append(failed, "list")
	}
	if err := seat.Leave(ctx); err != nil {
		failed = append(failed, "leave")
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
			for i, g := range r.grants {
				less := r
				less.grants = slices.Delete(slices.Clone(r.grants), i, i+1)
				w.prepare(less)
				if failed := do(w); len(failed) == 0 {
					t.Errorf("nothing needs the keys %s", g.key)
				}
				if g.access == mayRead {
					continue
				}
				less.grants = slices.Insert(less.grants, i, grant{mayRead, g.key})
				w.prepare(less)
				if failed := do(w); len(failed) == 0 {
					t.Errorf("nothing needs to write the keys %s", g.key)
				}
			}
		})
	}
}

func TestServerAndReportChangeNothing(t *testing.T) {
	w := &watch{t: t, server: parts.Redis(t)}
	for _, name := range []string{"server", "report"} {
		w.prepare(roles[slices.IndexFunc(roles, func(r role) bool { return r.name == name })])
		for _, line := range []string{"client disable acme", "client create globex", "token issue acme --profile partner"} {
			if _, status := w.run("worker", line); status == statusDone {
				t.Errorf("%s: credence %s: done", name, line)
			}
		}
		// Where a script may be run, what it may write is bounded by the keys.
		for _, key := range []string{"registry", "client:acme", "token:x", "changes", "tokens-of:acme", "key:acme:k1", "keys-of:acme", "binding:x", "revoked-jtis"} {
			answer := w.server.CLI("--user", "worker", "--pass", "sesame", "--no-auth-warning",
				"EVAL", "return redis.call('DEL', KEYS[1])", "1", defaultPrefix+key)
			if !strings.Contains(answer, "NOPERM") {
				t.Errorf("%s: a script that deletes %s: got %q", name, key, answer)
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
