package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/e2e/parts"
)

// stages say what runs when the lines of a page, or of one of its sections,
// are typed, given free ports for it. Where nothing is said it is an empty
// Redis.
var stages = map[string]func(*testing.T, ports) *session{
	"docs/quickstart.md":                        onNothing,
	"docs/quickstart.md#Everything in one line": onDev,
	"docs/operations.md":                        onNothing,
	"docs/tokens.md":                            onStack,
	"docs/jwt.md":                               onSigners,
}

// onRedis is for pages that begin with an empty Redis.
func onRedis(t *testing.T, p ports) *session {
	p.set("6379", parts.Redis(t).Addr())
	return newSession(t, p)
}

// onNothing is for pages that start all they need.
func onNothing(t *testing.T, p ports) *session { return newSession(t, p) }

// onStack is for pages that begin where the quickstart ends: a registry without
// clients, a server, Envoy and an API.
func onStack(t *testing.T, p ports) *session { return onStackWith(t, p, setting{patient: true}) }

func onStackWith(t *testing.T, p ports, with setting) *session {
	s := start(t, with)
	p.set("6379", s.redis.Addr())
	p.set("8080", s.upstream.Addr())
	p.set("9001", s.at.GRPC)
	p.set("9002", s.at.Ops)
	p.set("9901", s.envoy.AdminURL())
	p.set("10000", s.envoy.Addr())
	return newSession(t, p)
}

// onSigners is onStack with the configuration that the page shows, which is in
// credence.yaml too, and with the libraries that it signs with.
func onSigners(t *testing.T, p ports) *session {
	config := p.onMachine(firstYAML(t, "docs/jwt.md"))
	s := onStackWith(t, p, setting{patient: true, config: config})
	if err := os.WriteFile(filepath.Join(s.dir, "credence.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	parts.NodeModules(t, s.dir)
	if _, err := s.do(fmt.Sprintf("export %s\nnode() { %s \"$@\"; }\n", parts.PythonPath(t), parts.NodeProgram(t))); err != nil {
		t.Fatal(err)
	}
	return s
}

// firstYAML gives the first block of a page that is YAML.
func firstYAML(t *testing.T, name string) string {
	t.Helper()
	for _, page := range pages(t) {
		for _, b := range page.blocks {
			if page.name == name && b.language == "yaml" {
				return b.text
			}
		}
	}
	t.Fatalf("%s has no block of YAML", name)
	return ""
}

// onDev is for lines that are typed beside `make run`. What it printed is
// compared with the first text of the page; its lines to paste first are.
func onDev(t *testing.T, p ports) *session {
	dev := run(t, []string{"CREDENCE_ENVOY=" + parts.EnvoyProgram(t)}, "dev")
	greeting := dev.untilReady()
	for name, before := range map[string]string{
		"6379": "  registry ", "8080": "  upstream ", "9001": "  credence ", "9002": " (gRPC) ", "9901": "  Envoy's admin page ", "10000": "  API, ",
	} {
		_, after, _ := strings.Cut(strings.Join(greeting, "\n"), before)
		port := regexp.MustCompile(`^.*?127\.0\.0\.1:(\d+)`).FindStringSubmatch(after)
		if port == nil {
			t.Fatalf("there is no address behind %q:\n%s", before, strings.Join(greeting, "\n"))
		}
		p[name] = port[1]
	}
	wantGreeting(t, strings.Join(greeting, "\n")+"\nready\n", p)
	s := newSession(t, p)
	for _, line := range greeting {
		if pasted, found := strings.CutPrefix(line, "  export "); found {
			if _, err := s.do("export " + pasted); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// wantGreeting holds the quickstart to what `credence dev` prints.
func wantGreeting(t *testing.T, greeting string, p ports) {
	t.Helper()
	for _, page := range pages(t) {
		if page.name != "docs/quickstart.md" {
			continue
		}
		at := slices.IndexFunc(page.blocks, func(b block) bool { return b.text == "make run\n" })
		if at < 0 || !page.blocks[at].shows {
			t.Fatal("docs/quickstart.md does not show what `make run` prints")
		}
		if err := compare(page.blocks[at], p.onPage(greeting)); err != nil {
			t.Error(err)
		}
	}
}

// TestDocs types the commands of every page and compares what they print with
// what the page shows. CONTRIBUTING.md says how pages are written for it.
func TestDocs(t *testing.T) {
	typed, taken := 0, map[int]bool{}
	for _, page := range pages(t) {
		for _, scene := range scenes(t, page) {
			typed += len(scene.blocks)
			var tries [3]ports
			for i := range tries {
				tries[i] = freePorts(t, taken)
			}
			t.Run(strings.ReplaceAll(scene.stage, "/", "|"), func(t *testing.T) {
				t.Parallel()
				scene.play(t, tries[:])
			})
		}
	}
	if typed < 40 {
		t.Errorf("%d blocks were typed, want at least 40", typed)
	}
}

// A scene is blocks of a page that are typed into one shell.
type scene struct {
	stage  string // where in stages
	blocks []block
}

// scenes gives those of a page, in order.
func scenes(t *testing.T, page page) []scene {
	t.Helper()
	var all []scene
	for _, b := range page.blocks {
		if b.language != "sh" || b.notRun != "" || commandsOf(t, b) == "" {
			continue
		}
		stage := page.name
		if special := page.name + "#" + b.section; stages[special] != nil {
			stage = special
		}
		if len(all) == 0 || all[len(all)-1].stage != stage {
			all = append(all, scene{stage: stage})
		}
		last := &all[len(all)-1]
		last.blocks = append(last.blocks, b)
	}
	return all
}

// play types the blocks of a scene. The programs run with the timeouts that
// they have in use: where the machine stands still for longer than a check may
// take they rightly print something else, so that it is tried again.
func (s scene) play(t *testing.T, tries []ports) {
	begin := stages[s.stage]
	if begin == nil {
		begin = onRedis
	}
	for i, free := range tries {
		shell := begin(t, free)
		err := s.typeInto(t, shell)
		shell.end()
		switch {
		case err == nil:
			return
		case i < len(tries)-1:
			t.Logf("try %d: %v", i+1, err)
		default:
			t.Error(err)
		}
	}
}

// typeInto types all blocks into a shell, and gives what was not as the page
// shows it.
func (s scene) typeInto(t *testing.T, shell *session) error {
	var wrong []error
	coming := false // something was put in the background, and may not be up yet
	for _, b := range s.blocks {
		commands := commandsOf(t, b)
		if coming {
			if err := awaitPrinted(t, shell, b); err != nil {
				return errors.Join(append(wrong, err)...)
			}
		}
		printed, err := shell.do(commands)
		if err != nil {
			return errors.Join(append(wrong, fmt.Errorf("%s:\n%s\n%w, printed:\n%s", b, commands, err, printed))...)
		}
		if b.shows {
			wrong = append(wrong, compare(b, printed))
		}
		coming = strings.Contains(commands, " &\n")
	}
	return errors.Join(wrong...)
}

// awaitPrinted types a block until it prints what the page shows, as a person
// would who sees that something is not up yet.
func awaitPrinted(t *testing.T, shell *session, b block) error {
	if !b.shows {
		return fmt.Errorf("%s: want a block that shows that what was put in the background is up", b)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		printed, err := shell.do("{\n" + commandsOf(t, b) + "} || sleep 0.05\n")
		if err != nil || isPrinted(b.printed, printed) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within 20 s; printed:\n%s", b, printed)
		}
	}
}

// compare compares what a block printed with what the page shows.
func compare(b block, printed string) error {
	if isPrinted(b.printed, printed) {
		return nil
	}
	return fmt.Errorf("%s:\n%s\nprints something else than the page shows (-page +printed):\n%s\nthe whole of it:\n%s",
		b, b.text, cmp.Diff(strings.Split(b.printed, "\n"), strings.Split(printed, "\n")), printed)
}

var (
	target  = regexp.MustCompile(`^[a-z][a-z-]*$`)
	forever = regexp.MustCompile(`^credence serve( [^&]*)?\n$`)
)

// once runs a server until it listens, and ends it.
const once = `%s >.once.log 2>&1 &
while ! grep -q msg=listening .once.log; do kill -0 $!; sleep 0.02; done
kill $!
wait $!
`

// commandsOf gives the lines of a block as they are typed. Targets of make are
// looked up instead: what they do is tested by itself. A block that is nothing
// but a server is ended once it listens.
func commandsOf(t *testing.T, b block) string {
	t.Helper()
	var commands strings.Builder
	for line := range strings.Lines(b.text) {
		if !strings.HasPrefix(line, "make ") {
			commands.WriteString(line)
			continue
		}
		line, _, _ = strings.Cut(line, "#")
		for _, name := range strings.Fields(line)[1:] {
			if target.MatchString(name) && !slices.Contains(targets(t), name) {
				t.Errorf("%s: the Makefile has no target %s", b, name)
			}
		}
	}
	if forever.MatchString(commands.String()) {
		return strings.Replace(once, "%s", strings.TrimSpace(commands.String()), 1)
	}
	return commands.String()
}

// targets gives those of the Makefile.
func targets(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1])
	}
	return names
}
