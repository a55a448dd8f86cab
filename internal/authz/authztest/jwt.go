package authztest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A draft is a JWT to be: a good one, until the lines of its section change it.
type draft struct {
	header, claims []member
	raw            map[string]string // header or claims as text, whatever their members
	behind         map[string]string // what follows an encoded part
	loose          bool              // the signature's last character has a bit set that counts for nothing
	key, algorithm string            // whose signature it has
	signature      string            // how it is changed; empty: it is not
	parts, length  int
}

// A member is one of a JSON object. Name and value stand as they are written.
type member struct{ name, json string }

// jwt makes the JWT of a section, and the good one where there is no section of
// no name.
func (w words) jwt(name string, now time.Time) (string, error) {
	text, there := w.jwts[name]
	if !there && name != "" {
		return "", fmt.Errorf("no section jwt %s", name)
	}
	d := newDraft(now)
	for line := range strings.Lines(text) {
		line, err := w.expand(strings.TrimSuffix(line, "\n"), now)
		if err == nil && line != "" {
			err = d.read(line)
		}
		if err != nil {
			return "", fmt.Errorf("%q: %w", line, err)
		}
	}
	if w.forgers {
		d.key = "nobody's"
	}
	return d.padded()
}

// newDraft is a JWT that acme has signed with its key k1 for five minutes.
func newDraft(now time.Time) *draft {
	unix := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	d := &draft{raw: map[string]string{}, behind: map[string]string{}, parts: 3}
	d.header = []member{{"alg", ""}, {"typ", `"JWT"`}, {"kid", ""}}
	d.signWith("k1", "ES256")
	d.claims = []member{{"iss", `"acme"`}, {"aud", `"https://api.example.com"`}, {"iat", unix(0)}, {"exp", unix(5 * time.Minute)}}
	return d
}

func (d *draft) signWith(key, alg string) {
	d.key, d.algorithm = key, alg
	*d.of("header") = set(set(*d.of("header"), "alg", strconv.Quote(alg)), "kid", strconv.Quote(key))
}

// of gives the members of header or claims; nil: of no such part.
func (d *draft) of(part string) *[]member {
	switch part {
	case "header":
		return &d.header
	case "claim", "claims": // one of them, or all
		return &d.claims
	}
	return nil
}

func set(members []member, name, json string) []member {
	members = slices.Clone(members)
	if at := slices.IndexFunc(members, func(m member) bool { return m.name == name }); at >= 0 {
		members[at].json = json
		return members
	}
	return append(members, member{name, json})
}

// read changes the draft by a line.
func (d *draft) read(line string) (err error) {
	word, rest, _ := strings.Cut(line, " ")
	first, second, _ := strings.Cut(rest, " ")
	switch word {
	case "key", "signed": // signed by KEY leaves the header alone
		if word == "signed" {
			first, second, _ = strings.Cut(strings.TrimPrefix(rest, "by "), " ")
		}
		if second == "" {
			second = "ES256"
		}
		d.key, d.algorithm = first, second
		if word == "key" {
			d.signWith(first, second)
		}
		_, err = keyOf(first, second)
	case "header", "claim":
		*d.of(word) = set(*d.of(word), first, second)
	case "also", "without", "raw", "append", "loosen":
		return d.change(word, first, second)
	case "signature":
		if d.signature = rest; !slices.Contains([]string{"none", "flipped", "hmac", "der"}, rest) {
			err = fmt.Errorf("unknown signature")
		}
	case "parts":
		d.parts, err = strconv.Atoi(rest)
	case "length":
		d.length, err = strconv.Atoi(rest)
	default:
		err = fmt.Errorf("unknown word")
	}
	return err
}

// change is read for lines that name a part.
func (d *draft) change(word, part, rest string) error {
	if part == "claim" {
		part = "claims"
	}
	members := d.of(part)
	if members == nil && part != "signature" {
		return fmt.Errorf("no part of that name")
	}
	switch {
	case word == "append":
		d.behind[part] += rest
	case word == "loosen" && part != "signature":
		return fmt.Errorf("of a signature alone is it known that its last character has bits to spare")
	case word == "loosen":
		d.loose = true
	case members == nil:
		return fmt.Errorf("has no members")
	case word == "raw":
		d.raw[part] = rest
	case word == "also":
		name, json, _ := strings.Cut(rest, " ")
		*members = append(slices.Clone(*members), member{name, json})
	case !slices.ContainsFunc(*members, func(m member) bool { return m.name == rest }):
		return fmt.Errorf("there is none")
	default:
		*members = slices.DeleteFunc(slices.Clone(*members), func(m member) bool { return m.name == rest })
	}
	return nil
}

// padded gives the JWT, by a claim of the length that was asked for.
func (d *draft) padded() (string, error) {
	text, err := d.text()
	if err != nil || d.length == 0 {
		return text, err
	}
	header, claims := d.header, d.claims
	for inHeader := range 4 { // base64 has no length of four times n and one
		d.header = set(header, "pad", strconv.Quote(strings.Repeat("x", inHeader)))
		for room := (d.length - len(text)) * 3 / 4; room >= 0 && room > (d.length-len(text))*3/4-40; room-- {
			d.claims = set(claims, "pad", strconv.Quote(strings.Repeat("x", room)))
			if padded, err := d.text(); err != nil || len(padded) == d.length {
				return padded, err
			}
		}
	}
	return "", fmt.Errorf("no JWT has %d characters", d.length)
}

// text signs the draft.
func (d *draft) text() (string, error) {
	signed := d.part("header", []byte(d.json("header"))) + "." + d.part("claims", []byte(d.json("claims")))
	signature, err := d.sign(signed)
	if err != nil {
		return "", err
	}
	parts := []string{signed, d.part("signature", signature), "AAAA", "AAAA"}
	parts = strings.Split(strings.Join(parts, "."), ".")
	if d.parts < 1 || d.parts > len(parts) {
		return "", fmt.Errorf("parts: want 1 to %d", len(parts))
	}
	return strings.Join(parts[:d.parts], "."), nil
}

func (d *draft) json(part string) string {
	if raw, there := d.raw[part]; there {
		return raw
	}
	members := make([]string, len(*d.of(part)))
	for i, m := range *d.of(part) {
		members[i] = `"` + m.name + `":` + m.json
	}
	return "{" + strings.Join(members, ",") + "}"
}

// part encodes a part, and spoils it where a line says so.
func (d *draft) part(name string, content []byte) string {
	text := encoded(content)
	if d.loose && name == "signature" {
		const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(digits, text[len(text)-1])
		text = text[:len(text)-1] + digits[last+1:last+2] // its lowest bit was zero
	}
	return text + d.behind[name]
}

func (d *draft) sign(text string) ([]byte, error) {
	switch d.signature {
	case "none":
		return nil, nil
	case "hmac":
		return d.hmac(text)
	case "der":
		return d.der(text)
	}
	signature, err := sign(d.key, d.algorithm, text)
	if err == nil && d.signature == "flipped" {
		signature[len(signature)/2] ^= 1
	}
	return signature, err
}

// hmac takes the public key for a secret (RFC 8725 §2.1).
func (d *draft) hmac(text string) ([]byte, error) {
	key, err := keyOf(d.key, d.algorithm)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(text))
	return mac.Sum(nil), err
}

// der signs as those do who take the ASN.1 of X.509 for what JWTs have.
func (d *draft) der(text string) ([]byte, error) {
	key, err := keyOf(d.key, d.algorithm)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(text))
	return key.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// unixOf gives a time relative to now, or at one, as JWTs have it: {unix now+5m}.
func unixOf(rest string, now time.Time) (string, error) {
	offset, found := strings.CutPrefix(rest, "now")
	if !found {
		return "", fmt.Errorf("want now, or a time before or after it")
	}
	text, err := relative(offset, now)
	if err != nil {
		return "", err
	}
	at, err := time.Parse(time.RFC3339, text)
	return strconv.FormatInt(at.Unix(), 10), err
}
