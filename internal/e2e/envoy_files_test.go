package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"credence/envoy"
	"credence/internal/e2e/parts"
)

// startFile starts a patient stack behind one of the files of envoy/, with what
// its first lines say that stands in credence.yaml, unless the setting does.
func startFile(t *testing.T, file string, with setting) *stack {
	t.Helper()
	if with.config == "" {
		with.config = besideOf(t, file)
	}
	with.patient, with.noEnvoy = true, true
	s := start(t, with)
	s.upstream = parts.Upstream(t)
	s.envoy = parts.EnvoyFile(t, file, envoy.Addresses{Credence: s.at.GRPC, Upstream: s.upstream.Addr()}, append(with.edits, patientEnvoy)...)
	return s
}

// besideOf gives what a file says that stands in credence.yaml: what is indented
// under the line that says so.
func besideOf(t *testing.T, file string) string {
	t.Helper()
	text, err := envoy.File(file)
	if err != nil {
		t.Fatal(err)
	}
	_, below, found := strings.Cut(text, "\n# credence.yaml beside it")
	if !found {
		t.Fatalf("%s does not say what stands in credence.yaml", file)
	}
	var config strings.Builder
	for line := range strings.Lines(below) {
		inside, indented := strings.CutPrefix(line, "#   ")
		if indented {
			config.WriteString(inside)
		} else if config.Len() > 0 {
			break
		}
	}
	if config.Len() == 0 {
		t.Fatalf("%s says nothing of credence.yaml", file)
	}
	return config.String()
}

// ask sends a request of any method. Headers are "name: value".
func (s *stack) ask(client *http.Client, method, path string, headers ...string) result {
	s.t.Helper()
	request, err := http.NewRequest(method, s.envoy.URL()+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header = headersOf(headers)
	return s.send(client, request)
}

// fronts holds what is so behind every file: who is known passes under his own
// name, whatever he calls himself, and nobody else does.
func (s *stack) fronts(client *http.Client, token token) {
	s.t.Helper()
	before := len(s.upstream.Arrivals())
	smuggled := []string{"x-client-id: root", "x-client-id: again", "X.Client.Name: Root", "x-client!scopes: all", "x-client-label-tier: mine"}
	r := s.ask(client, http.MethodGet, "/", append(smuggled, "authorization: Bearer "+token.secret)...)
	r.wantStatus(s.t, http.StatusOK, "")
	want := toldOf(token)
	want["X-Client-Label-Tier"] = []string{"mine"} // no label of credence's here: identity.labels names none
	if diff := cmp.Diff(want, identityOf(r.arrived.Header)); diff != "" {
		s.t.Errorf("identity that arrived, -want +got:\n%s", diff)
	}
	s.ask(client, http.MethodGet, "/").wantStatus(s.t, http.StatusUnauthorized, "credential_missing")
	s.ask(client, http.MethodGet, "/", "x-api-key: "+stranger()).wantStatus(s.t, http.StatusUnauthorized, "credential_invalid")
	if n := len(s.upstream.Arrivals()) - before; n != 1 {
		s.t.Errorf("%d requests reached the upstream, want the one that was allowed", n)
	}
}

// connecting makes a client that comes from an address of this machine; empty:
// the usual one. It writes a text before each request.
func (s *stack) connecting(from, text string) *http.Client {
	dialer := &net.Dialer{}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			connection, err := dialer.DialContext(ctx, "tcp", s.envoy.Addr())
			if err != nil {
				return nil, err
			}
			_, err = io.WriteString(connection, text)
			return connection, err
		},
	}}
}

// wantClosed fails unless Envoy ends the connection without an answer.
func (s *stack) wantClosed(client *http.Client, headers ...string) {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.envoy.URL()+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header = headersOf(headers)
	response, err := client.Do(request)
	if err == nil {
		_ = response.Body.Close()
		s.t.Errorf("answered with status %d, want the connection closed", response.StatusCode)
	}
}

// call makes a gRPC call of one message through Envoy.
func (s *stack) call(method, token string) error {
	s.t.Helper()
	connection, err := grpc.NewClient("passthrough:///"+s.envoy.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	return connection.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
}

// TestFilesAreListed finds every file of envoy/ in the table of
// docs/attach-to-envoy.md, with a test that there is.
func TestFilesAreListed(t *testing.T) {
	listed := map[string]bool{}
	for _, row := range pageNamed(t, "docs/attach-to-envoy.md").rows(t, "## A file for each place") {
		for _, file := range envoy.Files() {
			if strings.Contains(row[0], fmt.Sprintf("[%s](../envoy/%s)", file, file)) {
				listed[file] = true
			}
		}
	}
	for _, file := range envoy.Files() {
		if !listed[file] {
			t.Errorf("docs/attach-to-envoy.md does not list envoy/%s", file)
		}
	}
}

// TestEnvoyTakesEveryFile has Envoy read every file as it stands.
func TestEnvoyTakesEveryFile(t *testing.T) {
	for _, file := range envoy.Files() {
		if file == "mtls.yaml" {
			continue // names certificates that are not there; see TestMutualTLS
		}
		t.Run(file, func(t *testing.T) {
			text, err := envoy.File(file)
			if err != nil {
				t.Fatal(err)
			}
			parts.ValidateEnvoy(t, []byte(text))
		})
	}
}
