package authztest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"credence/internal/config"
	"credence/internal/credential"

	"github.com/rogpeppe/go-internal/txtar"
)

// A Case is one file of testdata/decisions, or its second step: the same with
// one fault mended.
type Case struct {
	Name       string // of the file without its ending; of the second step with /mended
	File       string
	Sentence   string        // why
	MemoryOnly bool          // it is about an instant, and over the wire time runs on
	Config     config.Config // defaults, where the file says nothing
	Want       Want

	registry, mendedRegistry string
	request, headers, envoy  string
	words                    words
}

// Mended tells whether a case is the second step of its file.
func (c Case) Mended() bool { return strings.HasSuffix(c.Name, mendedSuffix) }

const (
	mendedSuffix = "/mended"
	mendedPrefix = "mended "
)

// The sections of a file besides those of JWTs. Each but run may stand there
// again with mended before its name.
var sections = []string{"registry", "config", "request", "headers", "envoy", "decision", "run"}

// Load reads all cases, those of one file one after the other.
func Load(t testing.TB) []Case {
	t.Helper()
	dir := filepath.Join(moduleRoot(t), "testdata", "decisions")
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("authztest: no cases in %s: %v", dir, err)
	}
	held, scratch := readPeppers(t, filepath.Join(dir, "peppers")), t.TempDir()
	var cases []Case
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("authztest: %v", err)
		}
		steps, err := parseFile(filepath.Base(file), text, held, scratch)
		if err != nil {
			t.Fatalf("authztest: %s: %v", filepath.Base(file), err)
		}
		cases = append(cases, steps...)
	}
	return cases
}

// moduleRoot finds the directory of go.mod above the test's.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("authztest: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("authztest: no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// parseFile gives the one or two steps of a file. All of it is read once, so
// that a mistake in a file is told as such.
func parseFile(file string, text []byte, held peppers, scratch string) ([]Case, error) {
	archive := txtar.Parse(text)
	said := make(map[string]string)
	mends := false
	for _, section := range archive.Files {
		name := strings.TrimPrefix(section.Name, mendedPrefix)
		if _, twice := said[section.Name]; twice || !isSection(name) {
			return nil, fmt.Errorf("section %q is unknown or stands there twice", section.Name)
		}
		said[section.Name] = string(section.Data)
		mends = mends || name != section.Name
	}
	first := Case{
		Name: strings.TrimSuffix(file, filepath.Ext(file)), File: file,
		Sentence: strings.Join(strings.Fields(string(archive.Comment)), " "),
		registry: said["registry"], request: said["request"], headers: said["headers"], envoy: said["envoy"],
		words: words{peppers: held},
	}
	if err := first.nameJWTs(said, "", scratch); err != nil {
		return nil, err
	}
	switch run := strings.TrimSpace(said["run"]); {
	case first.Sentence == "":
		return nil, fmt.Errorf("no sentence says why")
	case run != "" && run != "memory only":
		return nil, fmt.Errorf("run: unknown word %q", run)
	default:
		first.MemoryOnly = run != ""
	}
	steps := []Case{first}
	err := steps[0].complete(said["config"], said["decision"])
	if err == nil && mends {
		second := first.mend(said)
		if err := second.nameJWTs(said, mendedPrefix, scratch); err != nil {
			return nil, err
		}
		settings := said["config"]
		if changed, there := said[mendedPrefix+"config"]; there {
			settings = changed
		}
		err = second.complete(settings, said[mendedPrefix+"decision"])
		steps = append(steps, second)
	}
	return steps, err
}

// isSection tells whether a section may have that name. Those of JWTs, and of
// the keys of issuers, have a name of their own behind it.
func isSection(name string) bool {
	kind, own, _ := strings.Cut(name, " ")
	return slices.Contains(sections, name) || kind == "jwt" || kind == "jwks" && own != ""
}

// nameJWTs takes over the sections of JWTs and of issuers' keys, whose names
// begin so; the latter are written to a file, where a server reads them.
func (c *Case) nameJWTs(said map[string]string, prefix, scratch string) error {
	jwts, files := make(map[string]string), make(map[string]string)
	maps.Copy(jwts, c.words.jwts)
	maps.Copy(files, c.words.jwks)
	c.words.jwts, c.words.jwks = jwts, files
	for section, text := range said {
		kind, name, _ := strings.Cut(strings.TrimPrefix(section, prefix), " ")
		switch {
		case !strings.HasPrefix(section, prefix):
		case kind == "jwt":
			jwts[name] = text
		case kind == "jwks":
			keys, err := c.words.expand(text, time.Time{})
			if err != nil {
				return fmt.Errorf("%s: %w", section, err)
			}
			files[name] = filepath.Join(scratch, strings.ReplaceAll(c.Name, "/", "-")+"-"+name+".json")
			if err := os.WriteFile(files[name], []byte(keys), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// Forged gives the case with JWTs that nobody has signed whom they name: their
// signatures are of a key that no registry knows.
func (c Case) Forged() Case {
	c.words.forgers = true
	return c
}

// mend gives the second step of a file: what it says again replaces what it
// said, of the registry record by record.
func (c Case) mend(said map[string]string) Case {
	c.Name += mendedSuffix
	c.mendedRegistry = said[mendedPrefix+"registry"]
	for name, into := range map[string]*string{"request": &c.request, "headers": &c.headers, "envoy": &c.envoy} {
		if changed, there := said[mendedPrefix+name]; there {
			*into = changed
		}
	}
	return c
}

// complete reads configuration and decision, and tries all that is read later.
func (c *Case) complete(settings, decision string) (err error) {
	c.Config = config.Default()
	if settings != "" {
		if c.Config, err = config.Parse(c.File, []byte(c.words.expandKnown(settings))); err != nil {
			return err
		}
	}
	if c.Want, err = c.words.parseWant(decision); err != nil {
		return fmt.Errorf("%s: decision: %w", c.Name, err)
	}
	now := time.Unix(1_800_000_000, 0)
	if _, err = c.records(now); err == nil {
		_, err = c.sent(now)
	}
	return err
}

// A Lookup says how tokens are looked up.
type Lookup struct {
	Peppers    credential.Peppers
	Digests    []credential.DigestKind // all that are accepted; none: as the registry says
	RegistryID string                  // the only registry that is served; empty: any
}

// Lookup gives how tokens are looked up by the case's configuration.
func (c Case) Lookup(t testing.TB) Lookup {
	t.Helper()
	secrets := make(map[credential.DigestKind]credential.Secret)
	for kind, file := range c.Config.Credentials.PepperFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("authztest: %s: %v", c.File, err)
		}
		secrets[kind] = credential.NewSecret(string(text))
	}
	held, err := credential.NewPeppers(secrets)
	if err != nil {
		t.Fatalf("authztest: %s: %v", c.File, err)
	}
	return Lookup{
		Peppers:    held,
		Digests:    c.Config.Credentials.Digests,
		RegistryID: c.Config.Redis.RegistryID,
	}
}
