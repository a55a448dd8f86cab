package e2e

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// A stripped setting is an Envoy as we ship it, or as users have it, with what
// credence is told to strip behind it.
type stripped struct {
	name, strip string
	edits       []envoy.Edit
	underscores bool // let in
	hidden      bool // all but a few headers are
}

// strippings are envoy.yaml as it stands with each mode that it is used with,
// the same where underscores are let in, and an Envoy that hides headers from a
// credence that was told that it does not.
var strippings = []stripped{
	{name: "as shipped", strip: "seen"},
	{name: "as shipped", strip: "all"},
	{name: "underscores", strip: "seen", edits: []envoy.Edit{envoy.Underscores("ALLOW")}, underscores: true},
	{name: "underscores", strip: "all", edits: []envoy.Edit{envoy.Underscores("ALLOW")}, underscores: true},
	{name: "hidden", strip: "seen", edits: []envoy.Edit{envoy.Underscores("ALLOW"), envoy.AllowedHeaders("authorization")}, underscores: true, hidden: true},
}

// toldOf are the headers that the upstream gets of the client acme, labels
// with one word and with two among them.
func toldOf(token token) http.Header {
	return http.Header{
		"X-Client-Id": {"acme"}, "X-Client-Name": {"Acme Ltd"}, "X-Client-Profile": {"partner"}, "X-Client-Credential-Id": {token.id},
		"X-Client-Credential-Kind": {"token"}, "X-Client-Scopes": {"orders:read orders:write"},
		"X-Client-Label-Tier": {"gold"}, // cost-center is no label of acme's: none must arrive
	}
}

// toldNames are the names of all that an upstream can be told.
var toldNames = append(slices.Clone(identityNames), "x-client-label-tier", "x-client-label-cost-center")

// otherSigns may stand in the name of a header (RFC 9110 §5.6.2), beside -, _
// and . which the list of all spellings holds.
const otherSigns = "!#$%&'*+^`|~"

// listed gives every way to write a name with -, _ and . for its hyphens.
func listed(name string) []string {
	return slices.DeleteFunc(spellings(name), func(s string) bool { return strings.Contains(s, "~") })
}

// unlisted gives ways to write a name that no list holds: with each other sign,
// alone and beside a hyphen.
func unlisted(name string) (all []string) {
	for _, sign := range otherSigns {
		all = append(all, strings.ReplaceAll(name, "-", string(sign)), strings.Replace(name, "-", string(sign), 1))
		all = append(all, strings.ToUpper(all[len(all)-1]))
	}
	return all
}

// TestStrip sends every spelling of every identity header through the Envoys of
// strippings, each twice, to routes where a client is known, where nobody is,
// and where a denial is observed. The upstream must get what credence says, and
// nothing else.
func TestStrip(t *testing.T) {
	for _, with := range strippings {
		t.Run(with.name+"/"+with.strip, func(t *testing.T) {
			s, http1, http2 := with.start(t), speaking(t, (*http.Protocols).SetHTTP1), speaking(t, (*http.Protocols).SetUnencryptedHTTP2)
			token := s.good()
			sendable, refused := with.spellings()
			for batch := range slices.Chunk(sendable, 40) { // Envoy takes 100 lines
				s.strip(http1, batch, token)
				s.strip(http2, batch, token)
			}
			for _, spelling := range refused {
				if r := s.get("/", spelling+": smuggled", "authorization: Bearer "+token.secret); r.status != http.StatusBadRequest || r.arrived != nil {
					t.Errorf("%s sent: status %d, arrived %v, want it refused", spelling, r.status, r.arrived)
				}
			}
			s.wantNoErrors()
		})
	}
}

// start starts the stack of a setting, with the routes that strip asks.
func (with stripped) start(t *testing.T) *stack {
	t.Helper()
	return start(t, setting{
		patient: true,
		config:  "routes: {permit_observe: true}\nidentity: {labels: [tier, cost-center], strip: " + with.strip + "}",
		edits: append(slices.Clone(with.edits),
			envoy.Route("/open", map[string]string{"auth": "optional"}),
			envoy.Route("/observed", map[string]string{"mode": "observe", "scopes": "nobody:has"})),
	})
}

// spellings gives what can be sent, and what Envoy refuses.
func (with stripped) spellings() (sendable, refused []string) {
	for _, name := range toldNames {
		all := listed(name)
		if !with.hidden { // what is neither seen nor listed passes: see docs/attach-to-envoy.md
			all = append(all, unlisted(name)...)
		}
		for _, spelling := range all {
			if !with.underscores && strings.Contains(spelling, "_") {
				refused = append(refused, spelling)
				continue
			}
			sendable = append(sendable, spelling)
		}
	}
	return sendable, refused
}

// speaking makes a client that speaks one protocol, without TLS.
func speaking(t *testing.T, set func(*http.Protocols, bool)) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	set(transport.Protocols, true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// strip sends spellings, each as two lines, on every kind of allow.
func (s *stack) strip(client *http.Client, spellings []string, token token) {
	s.t.Helper()
	var lines []string
	for _, spelling := range spellings {
		lines = append(lines, spelling+": smuggled", spelling+": again")
	}
	known := "authorization: Bearer " + token.secret
	for _, ask := range []struct {
		what, path string
		headers    []string
		want       http.Header
	}{
		{"a client", "/", []string{known}, toldOf(token)},
		{"a client, where none is needed", "/open", []string{known}, toldOf(token)},
		{"anonymous", "/open", nil, http.Header{}},
		{"observed without a credential", "/observed", nil, http.Header{}},
		{"observed with one", "/observed", []string{known}, http.Header{}},
	} {
		request, err := http.NewRequest(http.MethodGet, s.envoy.URL()+ask.path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		request.Header = headersOf(append(ask.headers, lines...))
		r := s.send(client, request)
		r.wantStatus(s.t, http.StatusOK, "")
		if r.arrived == nil {
			s.t.Fatalf("%s: the upstream got nothing, the client %q", ask.what, r.body)
		}
		if diff := cmp.Diff(ask.want, identityOf(r.arrived.Header)); diff != "" {
			s.t.Errorf("%s, sent %q: what an upstream may read as identity, -want +got:\n%s", ask.what, spellings, diff)
		}
	}
}

// identityOf gives the headers that an upstream could take for identity
// headers, labels among them.
func identityOf(arrived http.Header) http.Header {
	found := maps.Clone(arrived)
	maps.DeleteFunc(found, func(name string, _ []string) bool {
		folded := strings.Map(func(c rune) rune {
			if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
				return c
			}
			return '-'
		}, strings.ToLower(name))
		return !slices.Contains(toldNames, folded)
	})
	return found
}

// TestStripInDev sends spellings through what `credence dev` runs, which strips
// what was seen: its API answers with what it got.
func TestStripInDev(t *testing.T) {
	dev := run(t, []string{"CREDENCE_ENVOY=" + parts.EnvoyProgram(t)}, "dev")
	g := newGuest(t, dev)
	for _, line := range dev.untilReady() {
		if export, found := strings.CutPrefix(line, "  export "); found {
			g.paste("export " + export)
		}
	}
	var lines strings.Builder
	for _, name := range identityNames {
		for _, spelling := range append(listed(name), unlisted(name)...) {
			if strings.Contains(spelling, "_") {
				continue // refused, as in TestStrip
			}
			fmt.Fprintf(&lines, "%s: smuggled\n", spelling)
		}
	}
	all := strings.Split(strings.TrimSpace(lines.String()), "\n")
	for batch := range slices.Chunk(all, 80) { // Envoy takes 100 lines
		file := filepath.Join(g.home, "headers")
		if err := os.WriteFile(file, []byte(strings.Join(batch, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		var answer string
		await(t, "dev answers in time", func() bool { // see guest.ask
			answer = g.types(`curl -i -H "Authorization: Bearer $ACME" -H @` + file + ` $API`)
			return !strings.HasPrefix(answer, "HTTP/1.1 503 ")
		})
		if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, "  x-client-id: acme\n") || strings.Contains(answer, "smuggled") {
			t.Errorf("sent %q, answered:\n%s", batch, answer)
		}
	}
}

// TestStripEveryByte writes every byte there is into a name, as no library for
// HTTP would: what Envoy lets through must not arrive.
func TestStripEveryByte(t *testing.T) {
	for _, with := range strippings[:4] {
		t.Run(with.name+"/"+with.strip, func(t *testing.T) {
			s := with.start(t)
			passed := 0
			for sign := range 256 {
				before := len(s.upstream.Arrivals())
				status := s.raw("GET /open HTTP/1.1\r\nHost: a\r\nx" + string([]byte{byte(sign)}) + "client" + string([]byte{byte(sign)}) + "id: smuggled\r\nConnection: close\r\n\r\n")
				for _, arrival := range s.upstream.Arrivals()[before:] {
					passed++
					if diff := cmp.Diff(http.Header{}, identityOf(arrival.Header)); diff != "" {
						t.Errorf("%q in the name, status %d: -want +got:\n%s", byte(sign), status, diff)
					}
				}
			}
			if passed < 2+len(otherSigns) {
				t.Errorf("%d requests reached the upstream: the test looks at too few", passed)
			}
		})
	}
}

// raw writes a request as it is and gives the status of the answer; 0: none.
func (s *stack) raw(request string) int {
	s.t.Helper()
	connection, err := net.Dial("tcp", s.envoy.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := io.WriteString(connection, request); err != nil {
		s.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode
}
