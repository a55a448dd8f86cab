package record

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

var rewrite = flag.Bool("record", false, "write the recordings instead of comparing with them")

const (
	dir    = "../../../testdata/checks"
	readme = "README.md"
	remedy = "`make record-checks` records anew"
)

// TestChecks sends every request through the real Envoy, and compares what it asked with the recording, or, with
// -record, makes the recording.
func TestChecks(t *testing.T) {
	keys := parts.NewCertificates(t)
	for _, s := range settings() {
		t.Run(s.name, func(t *testing.T) {
			checks, to := s.start(t, keys)
			for _, c := range s.cases {
				t.Run(c.name, func(t *testing.T) {
					before := len(checks.Asked())
					c.send(t, to)
					asked := checks.Asked()[before:]
					if len(asked) != 1 {
						t.Fatalf("checks for this request: got %d, want 1", len(asked))
					}
					settle(asked[0])
					text, err := encode(asked[0])
					if err != nil {
						t.Fatal(err)
					}
					keep(t, s.file(c), text)
				})
			}
		})
	}
}

// TestChecksAreThoseOfTheTable finds files that are of no request any more, and two requests of one name; with -record
// it removes the former. The README lists what is there.
func TestChecksAreThoseOfTheTable(t *testing.T) {
	keep(t, readme, index())
	known := map[string]bool{readme: true}
	for _, s := range settings() {
		for _, c := range s.cases {
			if known[s.file(c)] {
				t.Errorf("%s is the file of two requests", s.file(c))
			}
			known[s.file(c)] = true
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if known[entry.Name()] {
			continue
		}
		if !*rewrite {
			t.Errorf("%s is of no request: %s", entry.Name(), remedy)
		} else if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			t.Error(err)
		}
	}
}

// start runs Envoy as the setting says, between a server that allows all and an upstream that answers.
func (s setting) start(t *testing.T, keys parts.Certificates) (*parts.CheckServer, target) {
	t.Helper()
	checks := parts.Checks(t, "127.0.0.1:0", nil)
	addresses := envoy.Addresses{Listener: s.listener, Credence: checks.Addr(), Upstream: parts.Upstream(t).Addr()}
	if s.listener == "unix:" {
		addresses.Listener += filepath.Join(parts.ShortDir(t), "listener.sock")
	}
	edits := s.edits
	to := target{}
	if s.tls {
		to.tls = keys.Client("acme")
		authority := ""
		if s.client {
			authority = keys.Authority
		}
		edits = append(edits, envoy.ClientTLS(keys.Certificate, keys.Key, authority))
	}
	to.address = parts.Envoy(t, addresses, edits...).Addr()
	return checks, to
}

// file is the name of a recording's file.
func (s setting) file(c recording) string { return s.name + "-" + c.name + ".json" }

// index is the README beside the recordings.
func index() []byte {
	var text strings.Builder
	text.WriteString(`# Checks that Envoy sent

Each file is one ` + "`envoy.service.auth.v3.CheckRequest`" + ` as the real Envoy sent it, in the JSON form of protocol buffers:
bytes (` + "`rawValue`" + `) are base64. They are made by ` + "`make record-checks`" + ` from the table in internal/e2e/record, this list too,
and ` + "`make test`" + ` sends every request anew and compares.

What differs from run to run stands at fixed values: time, stream id, ` + "`x-request-id`" + `, ports, the path of a socket,
the address of the machine (which Envoy adds to ` + "`x-forwarded-for`" + ` for a client on loopback), and the version of the gRPC
client. Certificates are the same each time. Nothing else was changed.
`)
	for _, s := range settings() {
		fmt.Fprintf(&text, "\n## %s\n\nEnvoy: %s.\n\n| file | request |\n| --- | --- |\n", s.name, s.why)
		for _, c := range s.cases {
			fmt.Fprintf(&text, "| %s | %s |\n", s.file(c), c.why)
		}
	}
	return []byte(text.String())
}

// keep compares a text with the file that is there, or, with -record, puts it there.
func keep(t *testing.T, name string, text []byte) {
	t.Helper()
	file := filepath.Join(dir, name)
	old, err := os.ReadFile(file)
	if *rewrite {
		if err == nil && bytes.Equal(old, text) {
			return
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%v: %s", err, remedy)
	}
	if diff := cmp.Diff(string(old), string(text)); diff != "" {
		t.Errorf("%s, -recorded +sent now: %s:\n%s", name, remedy, diff)
	}
}
