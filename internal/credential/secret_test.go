package credential

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const hush = "s3cr3t-that-must-not-be-seen"

// seen tells whether the text of hush can be read out of something printed, as
// it is or in one of the ways in which verbs encode text.
func seen(printed string) bool {
	lower := strings.ToLower(strings.ReplaceAll(printed, " ", ""))
	for _, form := range []string{
		hush, hex.EncodeToString([]byte(hush)), strings.Trim(strings.ReplaceAll(fmt.Sprintf("%d", []byte(hush)), " ", ""), "[]"),
		strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf("% x", hush), " ", ",0x"), " ", ""),
	} {
		if strings.Contains(lower, strings.ToLower(form)) {
			return true
		}
	}
	return false
}

// A holder has secrets wherever a struct can have them. fmt calls no methods
// on what it cannot export.
type holder struct {
	Shown  Secret
	hidden Secret
	inner  struct{ deep []Secret }
	byName map[string]Secret
	at     *Secret
	any    any
}

func holding(s Secret) holder {
	h := holder{Shown: s, hidden: s, byName: map[string]Secret{"h1": s}, at: &s, any: s}
	h.inner.deep = []Secret{s}
	return h
}

// TestSecretInFmt tries every verb, with every flag, on a Secret and on what
// holds it.
func TestSecretInFmt(t *testing.T) {
	s := NewSecret(hush)
	if !seen(fmt.Sprintf("%x", hush)) || !seen(fmt.Sprintf("%v", []byte(hush))) || !seen(hush) {
		t.Fatal("seen does not see: the test would prove nothing")
	}
	peppers, err := NewPeppers(map[DigestKind]Secret{"h1": s})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"itself": s, "pointer": &s, "slice": []Secret{s}, "map": map[string]Secret{"a": s}, "array": [1]Secret{s},
		"holder": holding(s), "pointer to holder": func() *holder { h := holding(s); return &h }(),
		"peppers": peppers, "presented": Presented{Value: s}, "hidden presented": struct{ p Presented }{Presented{Value: s}},
	}
	for name, value := range values {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", " ", "0", "-", "10.3", "+#"} {
				format := "%" + flags + string(verb)
				if printed := fmt.Sprintf(format, value); seen(printed) {
					t.Errorf("%s of %s prints %s", format, name, printed)
				}
			}
		}
		for _, printed := range []string{fmt.Sprint(value), fmt.Sprintln(value)} {
			if seen(printed) {
				t.Errorf("print of %s gives %s", name, printed)
			}
		}
	}
	for _, printed := range []string{s.String(), s.GoString()} {
		if printed != "[redacted]" {
			t.Errorf("as text it is %q, want [redacted]", printed)
		}
	}
	for _, format := range []string{"%s", "%v", "%q", "%x", "%d", "%#v", "%T-%[1]v"} {
		if printed := fmt.Sprintf(format, s); !strings.Contains(printed, "[redacted]") {
			t.Errorf("%s prints %s, want [redacted]", format, printed)
		}
	}
}

func TestSecretInErrors(t *testing.T) {
	s := NewSecret(hush)
	err := errors.Join(fmt.Errorf("dial with %v", s), fmt.Errorf("peppers %+v: %w", holding(s), ErrPepperMissing))
	if seen(err.Error()) || !strings.Contains(err.Error(), "dial with [redacted]") {
		t.Errorf("error says %s", err)
	}
}

func TestSecretInLogs(t *testing.T) {
	s := NewSecret(hush)
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var log bytes.Buffer
		logger := slog.New(handler(&log)).With("with", s).WithGroup("group")
		logger.Info("said", "token", s, "pointer", &s, slog.Any("holder", holding(s)), slog.Group("inner", "token", s), slog.Any("list", []Secret{s}))
		if seen(log.String()) || strings.Count(log.String(), "[redacted]") < 3 {
			t.Errorf("%s log says %s", name, log.String())
		}
	}
}

func TestSecretInDocuments(t *testing.T) {
	s := NewSecret(hush)
	value := map[string]any{"token": s, "list": []Secret{s}, "holder": struct{ Password Secret }{s}}
	for name, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "yaml": yaml.Marshal} {
		text, err := marshal(value)
		if err != nil || seen(string(text)) || strings.Count(string(text), "[redacted]") != 3 {
			t.Errorf("%s of a document with three secrets: %s, %v", name, text, err)
		}
	}
	text, err := json.Marshal(map[Secret]int{s: 1})
	if err != nil || seen(string(text)) {
		t.Errorf("json with a secret as key: %s, %v", text, err)
	}
	type login struct{ Password Secret }
	text, err = xml.Marshal(login{s})
	if err != nil || seen(string(text)) {
		t.Errorf("xml: %s, %v", text, err)
	}
}

func TestSecretExposes(t *testing.T) {
	var zero Secret
	for _, test := range []struct {
		secret Secret
		want   string
	}{{NewSecret(hush), hush}, {NewSecret(""), ""}, {zero, ""}} {
		if got := test.secret.Expose(); got != test.want || test.secret.Empty() != (test.want == "") {
			t.Errorf("exposes %q, empty %v; want %q", got, test.secret.Empty(), test.want)
		}
	}
	if printed := fmt.Sprintf("%v %s", zero, NewSecret("")); printed != "[redacted] [redacted]" {
		t.Errorf("empty secrets print %q: whether there is one is not told", printed)
	}
}
