package jwt

import (
	"slices"
	"strconv"
	"strings"
)

// A draft is a JWT to be: members with their values as JSON, so that a test can
// write what no encoder would.
type draft struct {
	header, claims []raw
	algorithm      Algorithm // of the signature, whatever the header says
}

type raw struct{ name, json string }

// validDraft is a JWT that acme signed with its key k1, five minutes of life
// around testNow.
func validDraft() draft {
	return draft{
		algorithm: ES256,
		header:    []raw{{"alg", `"ES256"`}, {"typ", `"JWT"`}, {"kid", `"k1"`}},
		claims: []raw{
			{"iss", `"acme"`},
			{"aud", `"https://api.example.com"`},
			{"iat", seconds(-60)},
			{"exp", seconds(240)},
			{"jti", `"b1946ac9"`},
		},
	}
}

// issuedDraft is one that an issuer signed for the subject user-1.
func issuedDraft() draft {
	d := validDraft()
	d = d.claim("iss", `"https://id.example.com"`).claim("sub", `"user-1"`)
	return d.head("kid", `"i1"`)
}

// seconds gives a date that lies so far from testNow.
func seconds(from int64) string { return strconv.FormatInt(testNow.Unix()+from, 10) }

// head sets a member of the header; claim sets a claim. No JSON removes it.
func (d draft) head(name, json string) draft  { d.header = set(d.header, name, json); return d }
func (d draft) claim(name, json string) draft { d.claims = set(d.claims, name, json); return d }

func set(members []raw, name, json string) []raw {
	members = slices.Clone(members)
	at := slices.IndexFunc(members, func(m raw) bool { return m.name == name })
	switch {
	case json == "" && at >= 0:
		return slices.Delete(members, at, at+1)
	case at >= 0:
		members[at].json = json
		return members
	}
	return append(members, raw{name, json})
}

// alsoHead and alsoClaim add a member, whether it is there or not. The name is
// written as it is given.
func (d draft) alsoHead(name, json string) draft {
	d.header = append(slices.Clone(d.header), raw{name, json})
	return d
}

func (d draft) alsoClaim(name, json string) draft {
	d.claims = append(slices.Clone(d.claims), raw{name, json})
	return d
}

func jsonOf(members []raw) string {
	var b strings.Builder
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + m.name + `":` + m.json)
	}
	return "{" + b.String() + "}"
}

// text signs the draft with the key of its algorithm.
func (d draft) text() string {
	return signed(d.algorithm, privateFor(d.algorithm), jsonOf(d.header), jsonOf(d.claims))
}

// by has the draft signed by another algorithm, and says so.
func (d draft) by(a Algorithm) draft {
	d.algorithm = a
	return d.head("alg", `"`+a.String()+`"`)
}

// payload replaces the claims by any text, and signs that.
func (d draft) payload(text string) string {
	return signed(d.algorithm, privateFor(d.algorithm), jsonOf(d.header), text)
}

// rawHeader replaces the header by any text, and signs that.
func (d draft) rawHeader(text string) string {
	return signed(d.algorithm, privateFor(d.algorithm), text, jsonOf(d.claims))
}
