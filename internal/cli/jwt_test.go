package cli

import (
	"encoding/base64"
	"strings"
	"testing"

	"credence/internal/registry"

	"github.com/google/go-cmp/cmp"
)

// fakeJWT looks like a JWT, and is none.
func fakeJWT(header string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(`{"iss":"acme"}`)) + "." + encode([]byte(strings.Repeat("s", 64)))
}

func TestJWTsAreFoundInText(t *testing.T) {
	jwt := fakeJWT(`{"alg":"ES256"}`)
	spaced := fakeJWT("{\n  \"alg\": \"ES256\"}")
	for name, test := range map[string]struct{ text, want string }{
		"alone":                  {jwt, jwt},
		"a line":                 {jwt + "\r\n", jwt},
		"behind a scheme":        {"Authorization: Bearer " + jwt + "\n", jwt},
		"in JSON":                {`{"access_token": "` + jwt + `", "expires_in": 300}`, jwt},
		"in JSON without spaces": {`{"access_token":"` + jwt + `"}`, jwt},
		"of a header with lines": {"x\n" + spaced, spaced},
		"with padding":           {jwt + "=", jwt + "="},
		"with a comma":           {jwt + ",", jwt + ","},
		"two":                    {jwt + " " + spaced, jwt},
		"none":                   {"  hello world ", "hello world"},
		"names of hosts":         {"eyecatchers-example.eye.example-of-a-host", "eyecatchers-example.eye.example-of-a-host"},
		"nothing":                {" \n", ""},
	} {
		if got := jwtIn(test.text); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestJWTsDoNotPassThroughMessages(t *testing.T) {
	for _, jwt := range []string{fakeJWT(`{"alg":"ES256"}`), fakeJWT(`{ "alg":"ES256"}`), fakeJWT("{\n\"alg\":\"ES256\"}")} {
		for _, text := range []string{jwt, "Bearer " + jwt, `open ` + jwt + `: no such file`} {
			if got := redact(text); !strings.Contains(got, "[redacted JWT]") || strings.Contains(got, jwt[len(jwt)-40:]) {
				t.Errorf("%q: got %q", text, got)
			}
		}
		for _, args := range [][]string{{"jwt", "inspect", jwt}, {"jwt", "revoke", "--from-file=" + jwt}, {"--reason", "leaked: " + jwt}} {
			if err := refuseSecrets(args); statusOf(err) != statusUsage || strings.Contains(err.Error(), jwt[:20]) {
				t.Errorf("a JWT among the arguments: got %v", err)
			}
		}
	}
	for _, text := range []string{"key/acme/NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "https://eye.example.com/eyes.html", "acme.example.jwt", "eyJhbGciOiJFUzI1NiJ9"} {
		if got := redact(text); got != text {
			t.Errorf("%q is no JWT: got %q", text, got)
		}
		if err := refuseSecrets([]string{text}); err != nil {
			t.Errorf("%q is no JWT: got %v", text, err)
		}
	}
}

func TestNamesOfKeys(t *testing.T) {
	for _, test := range []struct {
		args   []string
		client registry.ClientID
		kid    registry.KeyID
		wrong  string
	}{
		{args: []string{"acme", "k1"}, client: "acme", kid: "k1"},
		{args: []string{"client/acme", "k1"}, client: "acme", kid: "k1"},
		{args: []string{"key/acme/k1"}, client: "acme", kid: "k1"},
		{args: []string{"acme/k1"}, client: "acme", kid: "k1"},
		{args: []string{"key/acme/~K._-1"}, client: "acme", kid: "~K._-1"},
		{args: nil, wrong: "which key?"},
		{args: []string{"acme"}, wrong: "credence key list acme gives them"},
		{args: []string{"client/acme"}, wrong: "credence key list acme gives them"},
		{args: []string{"key/acme"}, wrong: "credence key list"},
		{args: []string{"acme/k:1"}, wrong: "is no kid"},
		{args: []string{"Acme/k1"}, wrong: `"Acme"`},
		{args: []string{"acme", "k/1"}, wrong: "is no kid"},
		{args: []string{"acme", "k1", "k2"}, wrong: `not also "k2"`},
	} {
		client, kid, err := keyArgs(newKeyGetCommand(testApp()), test.args)
		switch {
		case test.wrong != "":
			if statusOf(err) != statusUsage || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%q: got %v, want wrong usage with %q", test.args, err, test.wrong)
			}
		case err != nil || client != test.client || kid != test.kid:
			t.Errorf("%q: got %q, %q, %v", test.args, client, kid, err)
		}
	}
}

func TestClaimsAsFlags(t *testing.T) {
	for text, wrong := range map[string]string{
		`a="b"`: "", `a={"b":[1, 2]}`: "", `a=null`: "", `a==1`: "is no JSON", `a=b`: `'a="b"'`, `a`: "want name=JSON", `="b"`: "want name=JSON", `a=`: "is no JSON",
		`a="b" "c"`: "is no JSON",
	} {
		var claims claimFlag
		err := claims.Set(text)
		if wrong == "" && (err != nil || len(claims.values) != 1) || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: got %v, want %q", text, err, wrong)
		}
	}
}

func TestMembersStandInTheirOrder(t *testing.T) {
	for object, want := range map[string][]field{
		`{}`: nil,
		``:   nil,
		`{"b": 1.0, "a": {"y": [1,
			2], "x": null}, "": "\u0041"}`: {{"b", "1.0"}, {"a", `{"y":[1,2],"x":null}`}, {"", `"\u0041"`}},
	} {
		if diff := cmp.Diff(want, membersOf(object), cmp.AllowUnexported(field{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", object, diff)
		}
	}
}
