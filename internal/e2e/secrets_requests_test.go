package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"credence/internal/e2e/parts"
)

// A request is one that is sent through Envoy.
type request struct {
	what    string
	path    string // "/" where it is not given
	method  string // GET where it is not given
	host    string
	headers []string // "Name: value"
	want    int
}

// requests are all ways to present a credential, right and wrong.
func (l *life) requests() []request {
	acme := l.tokens["acme"]
	encoded := "%63" + url.QueryEscape(acme[1:])
	all := strings.Builder{}
	for i := range len(acme) {
		fmt.Fprintf(&all, "%%%02X", acme[i])
	}
	bearer := func(value string) []string { return []string{"Authorization: Bearer " + value} }
	list := []request{
		{what: "bearer", headers: bearer(acme), want: 200},
		{what: "bearer in capitals", headers: []string{"Authorization: BEARER  " + acme}, want: 200},
		{what: "x-api-key", headers: []string{"X-Api-Key: " + acme}, want: 200},
		{what: "api-token", headers: []string{"Api-Token: " + acme}, want: 200},
		{what: "beside another scheme", headers: []string{"Authorization: Basic Zm9vOmJhcg==", "X-Api-Key: " + acme}, want: 200},
		{what: "revoked", headers: bearer(l.tokens["revoked"]), want: 401},
		{what: "client off", headers: bearer(l.tokens["off"]), want: 403},
		{what: "from elsewhere", headers: bearer(l.tokens["far"]), want: 403},
		{what: "doubled", headers: bearer(acme + acme), want: 401},
		{what: "with a space inside", headers: bearer(acme[:20] + " " + acme[20:]), want: 401},
		{what: "in quotes", headers: bearer(`"` + acme + `"`), want: 401},
		{what: "as a JWT", headers: bearer(acme + "." + acme + "." + acme), want: 401},
		{what: "joined by a comma", headers: bearer(acme + ", " + acme), want: 400},
		{what: "two headers of one name", headers: []string{"X-Api-Key: " + acme, "X-Api-Key: " + acme}, want: 400},
		{what: "two places", headers: []string{"X-Api-Key: " + acme, "Api-Token: " + acme}, want: 400},
		{what: "no scheme", headers: []string{"Authorization: " + acme}, want: 401},
		{what: "a foreign scheme", headers: []string{"Authorization: Token " + acme}, want: 401},
		{what: "a tab behind the scheme", headers: []string{"Authorization: Bearer\t" + acme}, want: 401},
		{what: "of another system", headers: bearer(strangersText), want: 401},
		{what: "in a cookie", headers: []string{"Cookie: token=" + acme}, want: 401},
		{what: "as the request's id", headers: []string{"X-Request-Id: " + acme}, want: 401},
		{what: "as the agent", headers: []string{"User-Agent: " + acme}, want: 401},
		{what: "as forwarded for", headers: []string{"X-Forwarded-For: " + acme}, want: 401},
		{what: "as a header's name", headers: []string{strings.ReplaceAll(acme, "_", "-") + ": a"}, want: 401},
		{what: "as the host", host: acme, want: 401},
		{what: "as the method", method: acme, want: 400}, // of Envoy
		{what: "in a gRPC call", headers: []string{"Content-Type: application/grpc", "X-Api-Key: " + mistyped(acme)}, want: 200},
	}
	for name, typo := range map[string]string{
		"one letter":   mistyped(acme),
		"first letter": "C" + acme[1:],
		"prefix":       "crx" + acme[3:],
		"cut short":    acme[:len(acme)-1],
		"doubled":      acme[:4] + acme[3:],
	} {
		for _, header := range []string{"Authorization: Bearer ", "X-Api-Key: ", "Authorization: "} {
			list = append(list, request{what: "mistyped, " + name + ", " + header, headers: []string{header + typo}, want: 401})
		}
		list = append(list, request{what: "mistyped in the query, " + name, path: "/?token=" + typo, want: 401})
	}
	for name, text := range map[string]string{"raw": acme, "encoded": encoded, "all encoded": all.String()} {
		for _, path := range []string{"/" + text, "/orders/" + text + "/items", "/?token=" + text, "/a?b=c&" + text + "=d", "/?x=Bearer%20" + text} {
			list = append(list,
				request{what: "in the URL, " + name, path: path, want: 400},
				request{what: "in the URL, " + name + ", and where it belongs", path: path, headers: bearer(acme), want: 400})
		}
	}
	return list
}

// ask sends a request, keeps the answer unless it is the upstream's, and gives
// its status.
func (l *life) ask(t *testing.T, proxy *parts.EnvoyProxy, r request) int {
	t.Helper()
	method, path := r.method, r.path
	if method == "" {
		method = http.MethodGet
	}
	if path == "" {
		path = "/"
	}
	sent, err := http.NewRequest(method, proxy.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(proxy.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	sent.URL, sent.Host = target, r.host
	for _, header := range r.headers {
		name, value, _ := strings.Cut(header, ": ")
		sent.Header[name] = append(sent.Header[name], value)
	}
	response, err := http.DefaultClient.Do(sent)
	if err != nil {
		t.Fatalf("%s: %v", r.what, err)
	}
	defer func() { _ = response.Body.Close() }()
	body := bodyOf(t, response)
	l.search.read("answers", fmt.Sprintf("%s %v\n%s", response.Status, response.Header, body))
	return response.StatusCode
}
