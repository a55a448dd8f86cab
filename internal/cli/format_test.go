package cli

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// awkward are texts that a format could take for something else.
var awkward = []field{
	{"number", "1000"}, {"octal", "0042"}, {"bool", "true"}, {"word", "no"}, {"null", "null"}, {"tilde", "~"}, {"time", "2026-01-31T12:00:00Z"},
	{"float", "1e3"}, {"quote", `say "hi" \o/`}, {"html", "<a&b>"}, {"lines", "one\ntwo\n"}, {"control", "\x1b[31m"}, {"colon", "a: b # c"},
	{"dash", "- x"}, {"space", " x "}, {"tab", "a\tb"}, {"unicode", "Söhne 会社"}, {"x_empty", ""},
}

func TestProgramsReadTheTextsOfRedis(t *testing.T) {
	want := make(map[string]string)
	for _, f := range awkward {
		want[f.name] = f.text
	}
	d := document{"client/acme", awkward}
	decoders := map[format]func([]byte, any) error{asJSON: json.Unmarshal, asYAML: yaml.Unmarshal}
	for f, decode := range decoders {
		var one bytes.Buffer
		writeDocument(&one, f, d)
		var got map[string]any // not text: a number must not look like one
		if err := decode(one.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v\n%s", f.String(), err, one.String())
		}
		if diff := cmp.Diff(asAny(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.String(), diff)
		}
		for items := range 4 {
			var many bytes.Buffer
			out := (&app{stdout: &many, settings: settings{output: f}}).newSink(nil)
			for range items {
				out.add(d, nil)
			}
			out.end()
			var list []map[string]any
			if err := decode(many.Bytes(), &list); err != nil || len(list) != items {
				t.Errorf("%s: a list of %d: got %d, error %v\n%s", f.String(), items, len(list), err, many.String())
			}
			if items == 0 && many.String() != "[]\n" {
				t.Errorf("%s: an empty list: got %q", f.String(), many.String())
			}
		}
	}
}

func asAny(texts map[string]string) map[string]any {
	m := make(map[string]any, len(texts))
	for name, text := range texts {
		m[name] = text
	}
	return m
}

func TestFieldsKeepTheirOrder(t *testing.T) {
	var b bytes.Buffer
	writeDocument(&b, asJSON, document{"x", []field{{"b", "1"}, {"a", "2"}}})
	if want := "{\n  \"b\": \"1\",\n  \"a\": \"2\"\n}\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
