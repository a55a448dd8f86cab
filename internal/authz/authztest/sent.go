package authztest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/jwt"
)

// A Sent is a check as Envoy sends it, told without Envoy's types.
type Sent struct {
	NoAttributes bool // the check holds nothing at all
	NoHTTP       bool // attributes without an HTTP request: an L4 filter

	// Source is the IP address of the peer as text, or pipe:<path>,
	// internal:<listener name>, or none.
	Source string
	Method string
	Scheme string
	Target string // path and query

	// HeaderMap are header lines in order (header_map), Headers the joined
	// map (headers); nil: the message has none. Pseudo headers are not among
	// them: a runner adds what the Envoy that it plays would add.
	HeaderMap credential.Headers
	Headers   map[string]string

	Extensions map[string]string

	// Certificate is that of the client's connection, in DER; nil: none is
	// reported.
	Certificate []byte
}

// Sent gives the check of a case, with times relative to now.
func (c Case) Sent(now time.Time) Sent {
	sent, err := c.sent(now)
	if err != nil {
		panic("authztest: a case that Load has read: " + err.Error())
	}
	return sent
}

// Request gives the check of a case as authz is asked, with times relative to
// now.
func (c Case) Request(now time.Time) authz.Request {
	sent := c.Sent(now)
	if sent.NoAttributes || sent.NoHTTP {
		return authz.Request{}
	}
	request := authz.Request{
		HTTP: true, Method: sent.Method, Scheme: sent.Scheme, Target: sent.Target,
		Headers: sent.HeaderMap, Source: sent.Source, Extensions: authz.ExtensionsOf(sent.Extensions),
	}
	if sent.HeaderMap == nil {
		for _, name := range slices.Sorted(maps.Keys(sent.Headers)) {
			request.Headers = append(request.Headers, credential.Header{Name: name, Value: sent.Headers[name]})
		}
	}
	if sent.Certificate != nil {
		request.Certificate = jwt.ThumbprintOf(sent.Certificate)
	}
	if sent.Source == "none" || strings.HasPrefix(sent.Source, "pipe:") || strings.HasPrefix(sent.Source, "internal:") {
		request.Source = ""
	}
	return request
}

func (c Case) sent(now time.Time) (sent Sent, err error) {
	expand := func(text string) (string, error) { return c.words.expand(text, now) }
	sent = Sent{Source: "203.0.113.7", Scheme: "https", Extensions: map[string]string{}}
	envoy, err := expand(c.envoy)
	if err != nil {
		return Sent{}, fmt.Errorf("%s: envoy: %w", c.Name, err)
	}
	form, err := sent.readEnvoy(envoy)
	if err != nil {
		return Sent{}, fmt.Errorf("%s: envoy: %w", c.Name, err)
	}
	first, lines, _ := strings.Cut(c.request, "\n")
	if first, err = expand(first); err != nil {
		return Sent{}, fmt.Errorf("%s: request: %w", c.Name, err)
	}
	sent.Method, sent.Target, _ = strings.Cut(first, " ")
	switch {
	case sent.Method == "" && !sent.NoAttributes && !sent.NoHTTP:
		return Sent{}, fmt.Errorf("%s: request: no request line", c.Name)
	case sent.Method == "-":
		sent.Method = ""
	}
	return sent, c.fillHeaders(&sent, form, lines, expand)
}

// fillHeaders gives the header lines the form that Envoy sends.
func (c Case) fillHeaders(sent *Sent, form, lines string, expand func(string) (string, error)) error {
	headers, err := parseHeaders(lines, expand)
	if err != nil {
		return fmt.Errorf("%s: request: %w", c.Name, err)
	}
	joined, err := parseHeaders(c.headers, expand)
	if err != nil {
		return fmt.Errorf("%s: headers: %w", c.Name, err)
	}
	switch {
	case (form == "both") != (c.headers != ""):
		return fmt.Errorf("%s: a section headers goes with form both, and with no other", c.Name)
	case form == "headers":
		sent.Headers = join(headers)
	default:
		sent.HeaderMap = headers
		if form == "both" {
			sent.Headers = join(joined)
		}
	}
	return nil
}

// join makes the map of a check, as Envoy does: lines of one name by a comma.
func join(headers credential.Headers) map[string]string {
	joined := make(map[string]string)
	for _, h := range headers {
		if before, there := joined[h.Name]; there {
			joined[h.Name] = before + "," + h.Value
		} else {
			joined[h.Name] = h.Value
		}
	}
	return joined
}

// parseHeaders reads a line for each header. Words in braces are expanded after
// the lines are told apart: a JWT may hold whatever it likes.
func parseHeaders(text string, expand func(string) (string, error)) (credential.Headers, error) {
	headers := credential.Headers{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if !found || name != strings.ToLower(name) || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("header %q: want name: value, the name in lower case", line)
		}
		value, err := expand(strings.TrimPrefix(value, " "))
		if err != nil {
			return nil, err
		}
		headers = append(headers, credential.Header{Name: name, Value: value})
	}
	return headers, nil
}

// readEnvoy reads the lines of an envoy section, and gives the form of the
// headers.
func (s *Sent) readEnvoy(text string) (form string, err error) {
	form = "header_map"
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		word, value, found := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		extension, isExtension := strings.CutPrefix(word, "extension ")
		switch {
		case !found:
			return "", fmt.Errorf("%q: want a word, a colon and a value", line)
		case isExtension:
			s.Extensions[extension] = value
		case word == "source":
			s.Source = value
		case word == "scheme":
			s.Scheme = value
		case word == "certificate":
			s.Certificate = certificateOf(value)
		case word == "form" && (value == "header_map" || value == "headers" || value == "both"):
			form = value
		case word == "attributes" && value == "none":
			s.NoAttributes = true
		case word == "http" && value == "none":
			s.NoHTTP = true
		default:
			return "", fmt.Errorf("%q: unknown word or value", line)
		}
	}
	return form, nil
}
