package credential

import (
	"strings"
)

// A Place is where a request may carry a credential: a header, with or without
// a scheme, or a query parameter. Exactly one of Header and Query is set.
type Place struct {
	Header string // lower case
	Scheme string // of that header, in any case: "Bearer"; empty: the whole value
	Query  string // name of a query parameter, decoded
}

// A Problem is what is wrong with how a credential is presented.
type Problem uint8

// The problems in the order in which they are looked for: of several, the
// first counts.
const (
	None         Problem = iota
	Ambiguous            // it could be read in two ways
	InURL                // a token of our own in path or query
	Malformed            // an accepted place holds what cannot be a credential
	MalformedJWT         // a JWT beyond the size that is read
	Missing              // there is none
)

// Presented is the one credential of a request.
type Presented struct {
	Kind  Kind
	Value Secret
	ID    TokenID // that a token of our own claims; else empty

	// Where it was, to be removed before the request goes on: one of the two.
	Header string // name of the header
	Query  string // name of the query parameter, as it was spelt
}

// Places are the places that are looked at.
type Places struct{ headers, queries []place }

// A place is one header with all its accepted schemes, or one parameter.
type place struct {
	name    string
	schemes []string // of a header; none: the whole value
}

// NewPlaces groups the places by header, so that a header with two accepted
// schemes is one place.
func NewPlaces(accept []Place) Places {
	var p Places
	for _, a := range accept {
		if a.Query != "" {
			p.queries = append(p.queries, place{name: a.Query})
			continue
		}
		p.headers = addScheme(p.headers, a)
	}
	return p
}

func addScheme(headers []place, a Place) []place {
	for i := range headers {
		if headers[i].name == a.Header {
			headers[i].schemes = append(headers[i].schemes, a.Scheme)
			return headers
		}
	}
	if a.Scheme == "" {
		return append(headers, place{name: a.Header})
	}
	return append(headers, place{name: a.Header, schemes: []string{a.Scheme}})
}

// Find looks for the credential of a request: headers, and the target of the
// request, path and query together, as Envoy gives it. With a Problem the
// Kind is told where it is known, and nothing else. What is found is the end of
// a header's value: the headers must stay as they are while it is in use.
func (p Places) Find(headers Headers, target string) (Presented, Problem) {
	var s sighting
	for i := range p.headers {
		p.headers[i].lookIn(headers, &s)
	}
	if len(p.queries) > 0 {
		p.lookInQuery(target, &s)
	}
	switch {
	case s.ambiguous || s.filled > 1:
		return Presented{}, Ambiguous
	case inURL(target):
		return Presented{}, InURL
	case s.malformed:
		return Presented{}, Malformed
	case s.filled == 0:
		return Presented{}, Missing
	}
	kind, id, problem := shapeOf(s.secret.Expose())
	if s.found.Query != "" && problem == None && (kind == JWT || id != "") {
		problem = Malformed // only tokens of another system may stand in a URL
	}
	if problem != None {
		return Presented{Kind: kind}, problem
	}
	s.found.Kind, s.found.ID, s.found.Value = kind, id, s.secret
	return s.found, None
}

// A sighting is what was seen so far in the accepted places.
type sighting struct {
	filled    int // places that hold something
	ambiguous bool
	malformed bool
	found     Presented // of the last place that is filled
	secret    Secret    // there
}

func (s *sighting) fill(secret Secret, found Presented) {
	if secret.Empty() {
		s.malformed = true
		return
	}
	s.filled++
	s.secret, s.found = secret, found
}

// lookIn looks at one header. Two lines, or a comma, which may be Envoy's way of
// joining two, are ambiguous; where a scheme is named, only if one of them is
// accepted: an upstream may read the other.
func (p *place) lookIn(headers Headers, s *sighting) {
	lines, accepted, alone := 0, false, ""
	for i := range headers {
		if headers[i].Name != p.name {
			continue
		}
		value := headers[i].Value
		lines++
		joined := lines > 1 || strings.Contains(value, ",")
		if len(p.schemes) == 0 {
			s.ambiguous = s.ambiguous || joined
			s.fill(endOf(&headers[i].Value, 0), Presented{Header: p.name})
			continue
		}
		if joined {
			accepted = accepted || p.holdsAccepted(alone) || p.holdsAccepted(value)
			s.ambiguous, alone = s.ambiguous || accepted, ""
		} else {
			alone = value // mostly there is no other line: it need not be taken apart
		}
		p.lookForScheme(&headers[i].Value, s)
	}
}

// lookForScheme looks at one line of a header that must name a scheme (RFC
// 9110 §11.4). Another scheme is no credential of ours and is left alone.
func (p *place) lookForScheme(line *string, s *sighting) {
	scheme, rest := cutScheme(*line)
	switch {
	case scheme == "" || rest == "" || namesOwn(*line):
		s.malformed = true // empty, or a single word: a token whose scheme was forgotten?
	case !p.accepts(scheme):
	case rest[0] == '\t':
		s.malformed = true
	default:
		s.fill(endOf(line, len(*line)-len(rest)), Presented{Header: p.name})
	}
}

// cutScheme parts a value at its first white space, and drops the spaces that
// follow. A tab is no separator: it stays, at the head of the rest.
func cutScheme(value string) (scheme, rest string) {
	for at := range len(value) {
		if value[at] == ' ' || value[at] == '\t' {
			return value[:at], strings.TrimLeft(value[at:], " ")
		}
	}
	return value, ""
}

func (p *place) accepts(scheme string) bool {
	for _, accepted := range p.schemes {
		if EqualFold(scheme, accepted) {
			return true
		}
	}
	return false
}

// namesOwn tells whether an element of a value, which Envoy may have joined of
// several lines, begins with what claims to be a token of our own: its scheme
// was forgotten.
func namesOwn(value string) bool {
	for element := range strings.SplitSeq(value, ",") {
		if looksOwn(strings.Trim(element, " \t")) {
			return true
		}
	}
	return false
}

// holdsAccepted tells whether any element of a comma-joined value begins with
// an accepted scheme.
func (p *place) holdsAccepted(value string) bool {
	for element := range strings.SplitSeq(value, ",") {
		scheme, _ := cutScheme(strings.Trim(element, " \t"))
		if p.accepts(scheme) {
			return true
		}
	}
	return false
}
