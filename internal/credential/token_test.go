package credential

import (
	"strings"
	"testing"
)

// The vectors were computed with Python, apart from this code:
//
//	b62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
//	def check(body):
//	    n, digits = zlib.crc32(body.encode()), ""
//	    for _ in range(6):
//	        digits, n = b62[n % 62] + digits, n // 62
//	    return digits
//
// The CRC-32 of the first body is 0x87205aa9; that of the last is 1872, so
// that its check begins with zeros.
var tokenVectors = []struct{ body, check, id string }{
	{"crd_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "2TQHqD", "0123456789"},
	{"crd_zzzzzzzzzz_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "0raPFM", "zzzzzzzzzz"},
	{"crd_k3v9x2m4q7_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0u", "4QzJWQ", "k3v9x2m4q7"},
	{"crd_0123456789_NfSLAniYpkYO5FBFT24m8HKbWP1Tc7sk", "0000UC", "0123456789"},
}

// vector is a whole token.
var vector = tokenVectors[0].body + tokenVectors[0].check

func TestIdentifyToken(t *testing.T) {
	for _, v := range tokenVectors {
		if id, whole := IdentifyToken(NewSecret(v.body + v.check)); !whole || string(id) != v.id {
			t.Errorf("%s%s: id %q, whole %v; want %q, true", v.body, v.check, id, whole, v.id)
		}
	}
	// Right checksums over what is no body of ours, by the same Python.
	for name, text := range map[string]string{
		"empty":                   "",
		"prefix alone":            "crd_",
		"one character short":     vector[:len(vector)-1],
		"one character long":      vector + "0",
		"space before":            " " + vector,
		"new line after":          vector + "\n",
		"prefix in upper case":    "CRD_" + vector[4:],
		"checksum of another":     tokenVectors[0].body + tokenVectors[1].check,
		"checksum in other case":  tokenVectors[0].body + strings.ToLower(tokenVectors[0].check),
		"id in upper case":        withCheck("crd_012345678A_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
		"hyphen for underscore":   withCheck("crd_0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
		"underscore in secret":    withCheck("crd_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ01234_"),
		"not ASCII in secret":     withCheck("crd_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123é"),
		"another prefix":          withCheck("cre_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
		"id and secret displaced": withCheck("crd_01234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ_12345"),
	} {
		if id, whole := IdentifyToken(NewSecret(text)); whole || id != "" {
			t.Errorf("%s (%q): id %q, whole %v; want none", name, text, id, whole)
		}
	}
}

// withCheck gives a body its checksum, right or wrong as the body is.
func withCheck(body string) string {
	check := checkOf(body)
	return body + string(check[:])
}

func TestNewToken(t *testing.T) {
	seen := make(map[string]bool)
	for range 200 {
		id := NewTokenID()
		token := NewToken(id)
		if got, whole := IdentifyToken(token); !whole || got != id {
			t.Fatalf("a new token of id %s: id %q, whole %v", id, got, whole)
		}
		if _, err := ParseTokenID(string(id)); err != nil {
			t.Errorf("a new id %q: %v", id, err)
		}
		secret := token.Expose()[15:47]
		if seen[secret] || seen[string(id)] {
			t.Fatalf("id %s or its secret was drawn before", id)
		}
		seen[secret], seen[string(id)] = true, true
	}
}

// TestRandomTextIsUniform draws enough letters that one which is twice as
// likely as another, as a plain remainder would have it, stands out.
func TestRandomTextIsUniform(t *testing.T) {
	const drawn = 62 * 2000
	counts := make(map[rune]int)
	for _, letter := range randomText(base62, drawn) {
		counts[letter]++
	}
	for _, letter := range base62 {
		if n := counts[letter]; n < 1600 || n > 2400 { // nine standard deviations
			t.Errorf("letter %c was drawn %d times of %d, want about 2000", letter, n, drawn)
		}
	}
	if len(counts) != 62 {
		t.Errorf("%d letters were drawn, want 62", len(counts))
	}
}

func TestParseTokenID(t *testing.T) {
	for text, good := range map[string]bool{
		"0123456789": true, "abcdefghij": true, "zzzzzzzzzz": true,
		"": false, "012345678": false, "01234567890": false, "012345678A": false, "012345678-": false, "01234567é": false,
	} {
		if id, err := ParseTokenID(text); (err == nil) != good || good && string(id) != text {
			t.Errorf("id %q: got %q, %v; want good %v", text, id, err, good)
		}
	}
}

// FuzzToken holds the form of our tokens to two properties: what is accepted is
// made of the id that it tells and renders to itself, and one character more,
// less or other is refused.
func FuzzToken(f *testing.F) {
	for _, v := range tokenVectors {
		f.Add(v.body+v.check, uint8(20), byte('x'))
		f.Add(v.body+v.check, uint8(52), byte('0'))
		f.Add(v.body, uint8(0), byte('C'))
		f.Add(strings.ToUpper(v.body[:14])+v.body[14:], uint8(4), byte('_'))
		f.Add(strings.Replace(v.body, v.id+"_", v.id+"-", 1), uint8(14), byte('_'))
	}
	f.Add("crd_", uint8(0), byte('c'))
	f.Add("eyJhbGciOiJSUzI1NiJ9.e30.x", uint8(3), byte('.'))
	f.Fuzz(func(t *testing.T, text string, at uint8, other byte) {
		id, whole := IdentifyToken(NewSecret(text))
		if !whole {
			// Made whole, what is between prefix and checksum must be accepted
			// where it has the form, and only there.
			if made := withCheck(text); len(text) == tokenLength-checkLength && looksOwn(text) {
				_, accepted := IdentifyToken(NewSecret(made))
				if want := slowForm(text); accepted != want {
					t.Fatalf("%q: accepted %v, want %v", made, accepted, want)
				}
			}
			return
		}
		if again := withCheck("crd_" + string(id) + "_" + text[15:47]); again != text {
			t.Fatalf("%q renders to %q", text, again)
		}
		place := int(at) % len(text)
		changed := text[:place] + string([]byte{other}) + text[place+1:]
		for _, broken := range []string{changed, text[:place] + text[place+1:], text[:place] + string([]byte{other}) + text[place:]} {
			if _, accepted := IdentifyToken(NewSecret(broken)); accepted && broken != text {
				t.Errorf("%q is accepted, as %q is", broken, text)
			}
		}
	})
}

// slowForm tells whether a body has the form crd_<id>_<secret>, as one would
// tell it.
func slowForm(body string) bool {
	parts := strings.Split(body, "_")
	return len(parts) == 3 && parts[0] == "crd" &&
		len(parts[1]) == 10 && strings.Trim(parts[1], "0123456789abcdefghijklmnopqrstuvwxyz") == "" &&
		len(parts[2]) == 32 && strings.Trim(parts[2], "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
