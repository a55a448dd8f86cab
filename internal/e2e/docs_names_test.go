package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"credence/internal/authz"
	"credence/internal/cache"
	"credence/internal/credential"
	"credence/internal/registry"
	"credence/internal/telemetry"
)

// pageNamed gives one page.
func pageNamed(t *testing.T, name string) page {
	t.Helper()
	for _, page := range pages(t) {
		if page.name == name {
			return page
		}
	}
	t.Fatalf("there is no %s", name)
	return page{}
}

// rows gives the cells of the tables under a heading of a page, without the
// rows that head them.
func (p page) rows(t *testing.T, heading string) [][]string {
	t.Helper()
	_, section, found := strings.Cut(p.text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", p.name, heading)
	}
	level := strings.Index(heading, " ")
	if end := regexp.MustCompile(fmt.Sprintf(`\n#{1,%d} `, level)).FindStringIndex(section); end != nil {
		section = section[:end[0]]
	}
	var all [][]string
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.HasPrefix(cells[0], "---") {
			all = all[:len(all)-1]
			continue
		}
		all = append(all, cells)
	}
	if len(all) == 0 {
		t.Fatalf("%s: no table under %q", p.name, heading)
	}
	return all
}

var inCode = regexp.MustCompile("`([^`]+)`")

// quoted gives what stands in a text as code.
func quoted(text string) []string {
	var all []string
	for _, found := range inCode.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	return all
}

// unreadable is a registry that cannot be read.
type unreadable struct{}

func (unreadable) ReadThrough(context.Context, ...registry.Ref) ([]registry.Entry, string, error) {
	return nil, "", errors.New("no")
}

// metricsServed gives the labels of each metric of ours that /metrics serves when
// everything has happened once.
func metricsServed(t *testing.T) map[string][]string {
	t.Helper()
	metrics := telemetry.NewMetrics("test")
	metrics.Observe(authz.Request{}, authz.Decision{
		Reason: authz.AllowedObserved, Observed: authz.TokenUnknown, Kind: credential.Token, Header: "authorization",
	}, time.Millisecond)
	if _, _, err := metrics.Witness(unreadable{}).ReadThrough(t.Context(), registry.RootRef); err == nil {
		t.Fatal("the read did not fail")
	}
	metrics.Facts(func() cache.State { return cache.State{} }, func() bool { return false })
	metrics.Issuers(func() []telemetry.Issuer { return []telemetry.Issuer{{Name: "https://id.example.com"}} })
	metrics.Signatures(func() int { return 0 })
	refusals := telemetry.NewTLSRefusals()
	refusals.Observe("expired", "")
	metrics.TLS(refusals, func() telemetry.TLS { return telemetry.TLS{} })
	answer := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	labels := map[string][]string{}
	for _, sample := range regexp.MustCompile(`(?m)^(credence_[a-z_]+)(?:\{(.*)\})? `).FindAllStringSubmatch(answer.Body.String(), -1) {
		name := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(sample[1], "")
		for _, label := range regexp.MustCompile(`([a-z]+)="`).FindAllStringSubmatch(sample[2], -1) {
			labels[name] = append(labels[name], label[1])
		}
		slices.Sort(labels[name])
		labels[name] = slices.Compact(labels[name])
	}
	return labels
}

// TestDocsExplainEveryMetric holds docs/operations.md to what /metrics serves,
// and that to what the code names: nothing happened too seldom to be seen.
func TestDocsExplainEveryMetric(t *testing.T) {
	explained := map[string][]string{}
	for _, row := range pageNamed(t, "docs/operations.md").rows(t, "### Every metric") {
		labels := quoted(row[1])
		slices.Sort(labels)
		explained[quoted(row[0])[0]] = labels
	}
	if diff := cmp.Diff(metricsServed(t), explained); diff != "" {
		t.Errorf("metrics served (-) and on docs/operations.md (+), with their labels:\n%s", diff)
	}
	var coded []string
	for _, file := range sourcesOf(t, "telemetry") {
		for _, literal := range file.texts() {
			if regexp.MustCompile(`^credence_[a-z_]+$`).MatchString(literal) {
				coded = append(coded, literal)
			}
		}
	}
	for _, name := range coded {
		if _, found := explained[name]; !found {
			t.Errorf("docs/operations.md does not explain %s", name)
		}
	}
	if len(coded) != len(explained) {
		t.Errorf("the code names %d metrics, docs/operations.md %d", len(coded), len(explained))
	}
}

// TestDocsNameMetricsThatExist looks at every page for metrics that are no more.
func TestDocsNameMetricsThatExist(t *testing.T) {
	known := metricsServed(t)
	name := regexp.MustCompile(`\bcredence_[a-z_]+\b`)
	for _, page := range pages(t) {
		for _, found := range name.FindAllString(page.text, -1) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(found, "")
			isPrefix := slices.ContainsFunc(slices.Collect(maps.Keys(known)), func(k string) bool { return strings.HasPrefix(k, base) })
			if _, exists := known[base]; !exists && !isPrefix {
				t.Errorf("%s names the metric %s, which is not served", page.name, found)
			}
		}
	}
}

// TestDocsExplainEveryMessage holds docs/operations.md to what is logged.
func TestDocsExplainEveryMessage(t *testing.T) {
	var explained, logged []string
	for _, row := range pageNamed(t, "docs/operations.md").rows(t, "### Every message of the log") {
		explained = append(explained, quoted(row[0])[0])
	}
	for _, part := range []string{"cli", "telemetry", "extauthz", "cache", "jwks"} {
		for _, file := range sourcesOf(t, part) {
			messages, err := file.messages()
			if err != nil {
				t.Error(err)
			}
			logged = append(logged, messages...)
		}
	}
	slices.Sort(explained)
	slices.Sort(logged)
	if diff := cmp.Diff(slices.Compact(logged), slices.Compact(explained)); diff != "" {
		t.Errorf("messages in code (-) and on docs/operations.md (+):\n%s", diff)
	}
}

// TestDocsTellEveryCode holds what a client's developer is told to the public
// codes that there are.
func TestDocsTellEveryCode(t *testing.T) {
	told := regexp.MustCompile("`([a-z_]+)`").FindAllString(pageNamed(t, "docs/tokens.md").text, -1)
	for _, row := range pageNamed(t, "docs/decisions.md").rows(t, "## What the caller sees") {
		if !slices.Contains(told, row[3]) {
			t.Errorf("docs/tokens.md does not tell of %s", row[3])
		}
	}
}

// TestDocsQuoteTheBootstrap holds the pieces of Envoy's configuration to the
// files that they are from, comments and indentation aside.
func TestDocsQuoteTheBootstrap(t *testing.T) {
	standard, err := os.ReadFile(filepath.Join(repository, "envoy", "envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var bootstraps []byte // of all kinds
	for _, folder := range []string{"envoy", filepath.Join("envoy", "mtls")} {
		files, err := filepath.Glob(filepath.Join(repository, folder, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bootstraps = append(bootstraps, text...)
		}
	}
	comment := regexp.MustCompile(`(?m)\s+#.*$|^#.*$`)
	bare := func(text string) string {
		var lines []string
		for line := range strings.Lines(comment.ReplaceAllString(text, "")) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		return "\n" + strings.Join(lines, "\n") + "\n"
	}
	var commented []string // what stands in it commented out
	for line := range strings.Lines(string(bootstraps)) {
		if inside, isComment := strings.CutPrefix(strings.TrimSpace(line), "# "); isComment {
			commented = append(commented, inside)
		}
	}
	whole := bare(string(bootstraps)) + bare(strings.Join(commented, "\n"))
	page := pageNamed(t, "docs/attach-to-envoy.md")
	for _, b := range page.blocks {
		if b.language == "yaml" && !strings.Contains(whole, bare(b.text)) {
			t.Errorf("%s is in no file of envoy:\n%s", b, b.text)
		}
	}
	for _, row := range page.rows(t, "## What each line is there for") {
		for _, line := range quoted(row[0]) {
			if line == "allowed_headers" { // that it is not there is the point
				continue
			}
			if !strings.Contains(string(standard), line) {
				t.Errorf("%s: %q is not in envoy/envoy.yaml", page.name, line)
			}
		}
	}
}

// TestDocsBlocksAreHeld wants what is no command to be held by something: lines
// for redis-cli and Python by the tests of internal/redisstore, which know
// docs/registry.md; all YAML to be YAML.
func TestDocsBlocksAreHeld(t *testing.T) {
	for _, page := range pages(t) {
		for _, b := range page.blocks {
			switch b.language {
			case "redis", "python":
				if page.name != "docs/registry.md" {
					t.Errorf("%s: nothing runs a block in %s here", b, b.language)
				}
			case "yaml":
				var tree any
				if err := yaml.Unmarshal([]byte(b.text), &tree); err != nil {
					t.Errorf("%s: %v", b, err)
				}
			}
		}
	}
}

// TestDocsNameCommandsThatExist looks at every command that a page names in its
// text: it must be there, with its flags.
func TestDocsNameCommandsThatExist(t *testing.T) {
	help := map[string]string{}
	helpOf := func(path string) string {
		if _, asked := help[path]; !asked {
			out, err := exec.Command(program(t), append(strings.Fields(path), "--help")...).Output()
			if err != nil {
				t.Fatalf("credence %s --help: %v", path, err)
			}
			help[path] = string(out)
		}
		return help[path]
	}
	for _, page := range pages(t) {
		for _, text := range quoted(regexp.MustCompile("(?s)```.*?```").ReplaceAllString(page.text, "")) {
			path := regexp.MustCompile(`^credence((?: [a-z][a-z-]*)+)`).FindStringSubmatch(text)
			if path == nil || text == "credence pepper check" { // what a registry proves its peppers by
				continue
			}
			words := strings.Fields(path[1])
			for len(words) > 0 && !strings.Contains(helpOf(strings.Join(words, " ")), "\n  credence "+strings.Join(words, " ")) {
				words = words[:len(words)-1]
			}
			if len(words) == 0 || isGroup(helpOf(strings.Join(words, " "))) && len(strings.Fields(path[1])) > len(words) {
				t.Errorf("%s: there is no command `%s`", page.name, text)
				continue
			}
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(text, -1) {
				if !strings.Contains(helpOf(strings.Join(words, " ")), flag) {
					t.Errorf("%s: `%s` has no flag %s", page.name, text, flag)
				}
			}
		}
	}
}

// isGroup tells the help of a command that is none without another word.
func isGroup(help string) bool { return strings.Contains(help, "COMMAND [flags]") }
