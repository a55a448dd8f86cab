package extauthz

import (
	"context"
	"errors"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// TestLongValues has lengths that need more than one byte, and a response that
// does not fit into the buffer that was meant for it.
func TestLongValues(t *testing.T) {
	for _, size := range []int{0, 1, 100, 125, 126, 127, 128, 129, 255, 5000, 16383, 16384, 1 << 20} {
		for name, change := range map[string]func(*authz.Facts){
			"a name":    func(f *authz.Facts) { f.Client = &registry.Client{ID: "acme", Name: strings.Repeat("n", size)} },
			"an id":     func(f *authz.Facts) { f.Credential.ID = strings.Repeat("i", size) },
			"to escape": func(f *authz.Facts) { f.Client = &registry.Client{ID: "acme", Name: strings.Repeat("%", size/3)} },
			"scopes": func(f *authz.Facts) {
				f.Profile = &registry.Profile{ID: "p", Scopes: strings.Fields(strings.Repeat("s ", size/2))}
			},
			"an odd one": func(f *authz.Facts) {
				f.Profile = &registry.Profile{ID: "p", Scopes: []string{"", strings.Repeat("%", size)}}
			},
			"a label": func(f *authz.Facts) {
				f.Client.Labels = registry.Labels{{Key: "tier", Value: strings.Repeat("l", size)}}
			},
		} {
			e := encoder{newIdentity(standardIdentity), answer.New("credence", nil)}
			decision := authz.Decision{Reason: authz.Allowed, Kind: credential.Token, Facts: facts(change), Query: strings.Repeat("q", size)}
			e.encode(raw(), authz.Request{}, decision) // which compares
			decision.Reason = authz.ScopeMissing
			decision.Route.Scopes = []string{strings.Repeat("s", size)}
			got := e.encode(raw(), authz.Request{}, decision)
			if got.GetDeniedResponse().GetStatus().GetCode() != 403 {
				t.Errorf("%s of %d bytes: answered %v", name, size, got)
			}
		}
	}
}

// TestUnsayable holds that a text which no protocol buffer may hold is no
// response, and not an error of the RPC.
func TestUnsayable(t *testing.T) {
	server := New(Options{Realm: "credence", Identity: standardIdentity, Checker: checkerFunc(func(context.Context, authz.Request) authz.Decision {
		return authz.Decision{Reason: authz.AllowedAnonymous, Route: authz.Route{API: "\xff"}}
	})})
	answered, err := server.intercept(context.Background(), over(raw()), &called, server.answer)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, server.encoder.identity, parsed(answered.(*response))); got.Status != 503 {
		t.Errorf("answered %+v, want 503", got)
	}
}

// TestWithheldBytes has the guard read what none of our own code writes. What
// it lets through is what protobuf's decoder and the reference let through.
func TestWithheldBytes(t *testing.T) {
	ok, denied := within(3, text(5, "x-client-id")), within(2, within(1, numeral(1, 403)))
	for name, test := range map[string]struct {
		data []byte
		good bool
	}{
		"allowed":                      {message(within(1), ok), true},
		"allowed, the other way round": {message(ok, within(1)), true},
		"denied":                       {message(within(1, numeral(1, 7)), denied), true},
		"nothing":                      {nil, false},
		"no status":                    {ok, false},
		"no status beside a denial":    {denied, false},
		"OK beside a denial":           {message(within(1), denied), false},
		"OK beside nothing":            {within(1), false},
		"OK beside changes of nothing": {message(within(1), within(3)), false},
		"OK beside both":               {message(within(1), denied, ok), false},
		"OK beside an error":           {message(within(1), ok, within(5)), false},
		"not OK beside both":           {message(within(1, numeral(1, 7)), ok, denied), false},
		"not OK beside an error":       {message(within(1, numeral(1, 7)), denied, within(5)), false},
		"a denial of 200":              {message(within(1, numeral(1, 7)), within(2, within(1, numeral(1, 200)))), false},
		"a denial of nothing":          {message(within(1, numeral(1, 7)), within(2)), false},
		"a status that is a number":    {message(numeral(1, 7), denied), false},
		"a status twice":               {message(within(1, numeral(1, 7)), within(1), ok), false},
		"a denial twice":               {message(within(1, numeral(1, 7)), denied, denied), false},
		"a status of a denial twice":   {message(within(1, numeral(1, 7)), within(2, within(1, numeral(1, 403)), within(1))), false},
		"cut":                          {message(within(1, numeral(1, 7)), denied)[:5], false},
		"no protocol buffer":           {[]byte("\xff\xff"), false},
	} {
		err := withheld(&response{text: &test.data})
		if (err == nil) != test.good {
			t.Errorf("%s: withheld because %v", name, err)
		}
		message := &authv3.CheckResponse{}
		refused := proto.Unmarshal(test.data, message)
		if byReference := errors.Join(refused, inspect(message)); err == nil && byReference != nil {
			t.Errorf("%s: let through, and the reference says %v", name, byReference)
		}
	}
}
