package redisstore

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// blocks gives the fenced blocks of docs/registry.md in one language, in order.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/registry.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		found = append(found, block[1])
	}
	return found
}

// paste types a block into redis-cli and gives what it prints.
func paste(t *testing.T, server *parts.RedisServer, block string) string {
	t.Helper()
	cli := exec.Command("redis-cli", "-e", "-s", server.Socket())
	cli.Stdin = strings.NewReader(block)
	out, err := cli.CombinedOutput()
	if err != nil || strings.Contains(string(out), "ERR") || strings.Contains(string(out), "WRONGTYPE") {
		t.Fatalf("redis-cli: %v\n%s\nprinted:\n%s", err, block, out)
	}
	return string(out)
}

func docTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := registry.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestDocsLinesForRedisCLI pastes the lines of docs/registry.md one block after
// the other, and looks at what came of each.
func TestDocsLinesForRedisCLI(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	lines := blocks(t, "redis")
	if len(lines) != 6 {
		t.Fatalf("docs/registry.md has %d blocks for redis-cli, this test knows 6", len(lines))
	}
	if printed := paste(t, server, lines[0]); printed != "1\n0\n" {
		t.Errorf("first look: got %q, want 1 and 0", printed)
	}
	digest, err := credential.Peppers{}.Digest(credential.PlainDigest, credential.NewSecret("example-of-a-token-from-another-system"))
	if err != nil {
		t.Fatal(err)
	}
	created := docTime(t, "2026-01-31T12:00:00Z")
	networks, err := registry.ParseNetworks("192.0.2.0/24 2001:db8::/32")
	if err != nil {
		t.Fatal(err)
	}
	profile := registry.Profile{
		ID: "partner", State: registry.Active, Accepts: registry.Kinds{Token: true}, Scopes: []string{"orders:read", "orders:write"},
		MaxTokenAge: 90 * 24 * time.Hour, Created: created,
	}
	client := registry.Client{
		ID: "acme", Name: "Acme Corp", Contact: "ops@acme.example", State: registry.Active, Allow: networks,
		Limit: registry.Limit{Count: 1000, Unit: "hour"}, Created: created,
	}
	token := registry.Token{
		Digest: digest, ID: "k3v9x0q2ab", Client: "acme", Profile: "partner", State: registry.Active, Label: "batch jobs",
		Created: created, Expires: docTime(t, "2036-01-31T12:00:00Z"),
	}
	paste(t, server, lines[1])
	stands(t, store, &profile, &client)
	paste(t, server, lines[2])
	stands(t, store, &profile, &client, &token)

	client.State, client.Updated = registry.Disabled, docTime(t, "2026-02-01T08:00:00Z")
	client.Changed = registry.Annotation{By: "portal", At: client.Updated, Reason: "asked for by phone"}
	paste(t, server, lines[3])
	stands(t, store, &profile, &client, &token)

	client.State, client.Updated, client.Allow = registry.Active, docTime(t, "2026-02-02T08:00:00Z"), registry.Networks{}
	client.Changed = registry.Annotation{By: "portal", At: client.Updated}
	paste(t, server, lines[4])
	stands(t, store, &profile, &client, &token)

	gone := docTime(t, "2026-02-03T08:00:00Z")
	client.State, profile.State, token.State = registry.Deleted, registry.Deleted, registry.Revoked
	client.Changed = registry.Annotation{By: "portal", At: gone}
	token.Changed, profile.Updated = client.Changed, gone
	paste(t, server, lines[5])
	stands(t, store, &profile, &client, &token)

	areListed(t, store, "acme", "partner", token.ID, digest)
	entries := changes(t, rawClient(t, server.URL()))
	if len(entries) != 5 {
		t.Fatalf("changes: got %d entries, want 5", len(entries))
	}
	for _, entry := range entries {
		keys, _ := entry.Values["keys"].(string)
		for key := range strings.SplitSeq(keys, " ") {
			if _, ok := registry.ParseRef(key); !ok {
				t.Errorf("changes: %v names %q, which is no record", entry.Values, key)
			}
		}
		for field := range entry.Values {
			if !slices.Contains([]string{"keys", "op", "by", "at", "note"}, field) {
				t.Errorf("changes: %v has field %q", entry.Values, field)
			}
		}
	}
}

// stands compares records with what stands in their place.
func stands(t *testing.T, store *Store, records ...registry.Record) {
	t.Helper()
	for _, want := range records {
		entry := entryOf(t, store, want.Ref())
		if entry.Invalid != nil || entry.Record == nil {
			t.Errorf("%s: got %+v, want a record", want.Ref().Key(), entry)
			continue
		}
		if diff := cmp.Diff(want.Fields(), entry.Record.Fields()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Ref().Key(), diff)
		}
	}
}

func areListed(t *testing.T, store *Store, client registry.ClientID, profile registry.ProfileID, id credential.TokenID, digest credential.Digest) {
	t.Helper()
	clients, err := store.Clients(t.Context())
	if diff := cmp.Diff([]registry.ClientID{client}, clients); diff != "" || err != nil {
		t.Errorf("clients: error %v (-want +got):\n%s", err, diff)
	}
	profiles, err := store.Profiles(t.Context())
	if diff := cmp.Diff([]registry.ProfileID{profile}, profiles); diff != "" || err != nil {
		t.Errorf("profiles: error %v (-want +got):\n%s", err, diff)
	}
	ids, err := store.TokensOf(t.Context(), client)
	if diff := cmp.Diff([]credential.TokenID{id}, ids); diff != "" || err != nil {
		t.Errorf("tokens of %s: error %v (-want +got):\n%s", client, err, diff)
	}
	digests, err := store.Digests(t.Context(), id)
	if diff := cmp.Diff([]credential.Digest{digest}, digests); diff != "" || err != nil {
		t.Errorf("digest of %s: error %v (-want +got):\n%s", id, err, diff)
	}
}

// TestDocsProgramInPython runs the program of docs/registry.md with a small
// stand-in for redis-py, and holds what it wrote to what it printed.
func TestDocsProgramInPython(t *testing.T) {
	server := parts.Redis(t)
	openRegistry(t, server.URL())
	store := open(t, Options{URL: credential.NewSecret(server.URL())}) // by the true clock, as the program goes
	source := strings.Join(blocks(t, "python"), "\n")
	program := strings.Replace(source, "redis://127.0.0.1:6379/0", server.URL(), 1)
	if program == source {
		t.Fatal("docs/registry.md connects to another address than this test replaces")
	}
	program += "\nprint(digest(\"h1\", token, b\" a pepper\\n\"))\n"
	python := exec.Command("python3", "-")
	shim, err := filepath.Abs("testdata/python")
	if err != nil {
		t.Fatal(err)
	}
	python.Env = append(os.Environ(), "PYTHONPATH="+shim, "PYTHONDONTWRITEBYTECODE=1")
	python.Stdin = strings.NewReader(program)
	out, err := python.CombinedOutput()
	printed := strings.Fields(string(out))
	if err != nil || len(printed) != 2 {
		t.Fatalf("python3: %v, printed:\n%s", err, out)
	}
	token := credential.NewSecret(printed[0])
	id, whole := credential.IdentifyToken(token)
	if !whole {
		t.Fatalf("%s is no whole token", printed[0])
	}
	peppers, err := credential.NewPeppers(map[credential.DigestKind]credential.Secret{"h1": credential.NewSecret("a pepper")})
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := peppers.Digest("h1", token); err != nil || string(digest) != printed[1] {
		t.Errorf("digest with a pepper: got %s, want %s (error %v)", printed[1], digest, err)
	}
	digest, err := peppers.Digest(credential.PlainDigest, token)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := store.Read(t.Context(), registry.TokenRef(digest), registry.ClientRef("globex"), registry.ProfileRef("batch"))
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range entries {
		if entry.Record == nil {
			t.Fatalf("record %d: got %+v, want a valid one", i, entry)
		}
	}
	if got := entries[0].Record.(*registry.Token); got.ID != id || got.Client != "globex" || got.Profile != "batch" || got.State != registry.Active {
		t.Errorf("token: got %v, want id %s", got.Fields(), id)
	}
	areListed(t, store, "globex", "batch", id, digest)
}
