package extauthz

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"credence/internal/authz"
	"credence/internal/credential"
)

// The short way of a check into credence. Envoy sends the same few fields with
// every check, each once; they are read from the bytes of the message, and the
// rest is stepped over. What is unusual in any way is not read here at all but
// by the standard decoder (standard.go): fields that are unknown, of another
// type, or there twice, where protobuf has rules of merging; metadata, labels
// and TLS sessions; and what is no CheckRequest. So the short way has one rule:
// it gives what the standard way would give, or nothing.
//
// The texts of a request are cut from one copy of the message, which lives as
// long as one of them. A buffer of gRPC's would save the copy, but it is used
// again after the call, and a text of it that somebody kept would then be of
// another caller's.

// A question is a check as it came: the request, and what the encoder has to
// know of its headers.
type question struct {
	request authz.Request
	// showsAll tells that Envoy hides no header from us: it sends them raw, and
	// the pseudo-headers, which allowed_headers would drop, are among them.
	showsAll bool
	further  []string // names of headers, in lower case, beyond those of the request's lines
	lookups  budget
	reply    response
	// Room for what most checks have, without another allocation: lines, and
	// extensions.
	room [24]credential.Header
	said [8]authz.Extension
}

// names gives the name of every header that the check shows, in lower case.
func (q *question) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range q.request.Headers {
			if !yield(q.request.Headers[i].Name) {
				return
			}
		}
		for _, name := range q.further {
			if !yield(name) {
				return
			}
		}
	}
}

// read reads a CheckRequest and tells whether it could. Where it could not,
// the question is of no use.
func (q *question) read(check string) (plain bool) {
	// Were there a fault in the short way, protobuf would still read the check. Tests call short, which panics.
	defer func() { plain = recover() == nil && plain }()
	return q.short(check)
}

func (q *question) short(check string) bool {
	f := fields{rest: check}
	for f.next() {
		if f.tag != 1<<3|sized || !q.attributes(f.text) {
			return false
		}
	}
	return f.plain()
}

func (q *question) attributes(text string) bool {
	f := fields{rest: text, many: 1 << 10}
	for f.next() {
		plain := false
		switch f.tag {
		case 1<<3 | sized: // source
			plain = q.source(f.text)
		case 2<<3 | sized: // destination
			_, _, plain = peer(f.text)
		case 4<<3 | sized:
			plain = q.timed(f.text)
		case 10<<3 | sized:
			plain = q.extension(f.text)
		case 11<<3 | sized, 13<<3 | sized: // metadata: mostly there and empty
			plain = f.text == ""
		}
		if !plain {
			return false
		}
	}
	q.request.Extensions.Sort()
	return f.plain()
}

// extension reads one entry of the route's extensions. Of a key that stands
// there twice the last would count; and more of them than there is room for are
// unusual too: to look for each among all others would take long.
func (q *question) extension(text string) bool {
	key, value, plain := entry(text)
	if len(q.request.Extensions) == len(q.said) {
		return false
	}
	if _, twice := q.request.Extensions.Get(key); twice || !plain {
		return false
	}
	if q.request.Extensions == nil {
		q.request.Extensions = q.said[:0]
	}
	q.request.Extensions = append(q.request.Extensions, authz.Extension{Key: key, Value: value})
	return true
}

func (q *question) source(text string) bool {
	address, presented, plain := peer(text)
	q.request.Source, q.request.Certificate = address, certificate(presented)
	return plain
}

// peer reads one end of a connection: its IP address, and its certificate as
// Envoy writes it.
func peer(text string) (address, certificate string, plain bool) {
	f := fields{rest: text}
	for f.next() {
		switch f.tag {
		case 1<<3 | sized:
			if address, plain = socketAddress(f.text); !plain {
				return "", "", false
			}
		case 2<<3 | sized, 4<<3 | sized: // service, principal
			f.word()
		case 5<<3 | sized:
			certificate = f.word()
		default:
			f.stop()
		}
	}
	return address, certificate, f.plain()
}

// socketAddress reads the IP address of a socket: a pipe or an internal listener is
// unusual enough.
func socketAddress(text string) (address string, plain bool) {
	f := fields{rest: text}
	for f.next() {
		if f.tag != 1<<3|sized {
			return "", false
		}
		s := fields{rest: f.text}
		for s.next() {
			switch s.tag {
			case 1<<3 | varint, 3<<3 | varint: // protocol, port
			case 2<<3 | sized:
				address = s.word()
			default:
				s.stop()
			}
		}
		if !s.plain() {
			return "", false
		}
	}
	return address, f.plain()
}

// timed reads what is asked about, and when it came, which nobody wants to know.
func (q *question) timed(text string) bool {
	f := fields{rest: text}
	for f.next() {
		plain := false
		switch f.tag {
		case 1<<3 | sized:
			t := fields{rest: f.text}
			for t.next() {
				if t.tag != 1<<3|varint && t.tag != 2<<3|varint {
					t.stop()
				}
			}
			plain = t.plain()
		case 2<<3 | sized:
			plain = q.http(f.text)
		}
		if !plain {
			return false
		}
	}
	return f.plain()
}

func (q *question) http(text string) bool {
	var path, query string
	q.request.HTTP, q.request.Headers = true, q.room[:0]
	f := fields{rest: text, many: 1 << 3}
	for f.next() {
		switch f.tag {
		case 2<<3 | sized:
			q.request.Method = f.word()
		case 3<<3 | sized:
			f.odd = !q.joined(f.text)
		case 4<<3 | sized:
			path = f.word()
		case 6<<3 | sized:
			q.request.Scheme = f.word()
		case 7<<3 | sized:
			query = f.word()
		case 13<<3 | sized:
			f.odd = !q.lines(f.text)
		case 1<<3 | sized, 5<<3 | sized, 8<<3 | sized, 10<<3 | sized, 11<<3 | sized: // id, host, fragment, protocol, body
			f.word()
		case 9<<3 | varint, 12<<3 | sized: // size, raw_body
		default:
			f.stop()
		}
	}
	q.request.Target = target(path, query)
	const joined, raw = 1 << 3, 1 << 13
	return f.plain() && (f.seen&joined == 0 || f.seen&raw == 0 && q.unique())
}

// target gives path and query. Envoy has both in the path; whoever parts them,
// or sends two queries, is understood too: both are looked at for secrets.
func target(path, query string) string {
	_, there, parted := strings.Cut(path, "?")
	switch {
	case query == "" || parted && there == query:
		return path
	case parted:
		return path + "&" + query
	}
	return path + "?" + query
}

// lines reads header_map: with encode_raw_headers Envoy sends the lines of a
// header one by one, as they came.
func (q *question) lines(text string) bool {
	f := fields{rest: text, many: 1 << 1}
	for f.next() {
		if f.tag != 1<<3|sized {
			return false
		}
		var name, value, raw string
		h := fields{rest: f.text}
		for h.next() {
			switch h.tag {
			case 1<<3 | sized:
				name = h.word()
			case 2<<3 | sized:
				value = h.word()
			case 3<<3 | sized: // any bytes
				raw = h.text
			default:
				h.stop()
			}
		}
		if !h.plain() {
			return false
		}
		q.showsAll = q.showsAll || name == ":path"
		q.request.Headers = append(q.request.Headers, credential.Header{Name: lower(name), Value: cmp.Or(raw, value)})
	}
	return f.plain()
}

// joined reads one entry of headers: without encode_raw_headers Envoy joins the
// lines of a header by commas.
func (q *question) joined(text string) bool {
	name, value, plain := entry(text)
	q.request.Headers = append(q.request.Headers, credential.Header{Name: lower(name), Value: value})
	return plain
}

// unique puts joined headers in order and tells whether no name stands there
// twice. Of two that are the same the last would count.
func (q *question) unique() bool {
	lines := q.request.Headers
	ordered(lines)
	for i := 1; i < len(lines); i++ {
		if lines[i-1].Name == lines[i].Name {
			return false
		}
	}
	return true
}

// ordered gives joined headers an order: a map has none, and an answer must not
// depend on chance.
func ordered(lines credential.Headers) {
	slices.SortFunc(lines, func(a, b credential.Header) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
}

// lower gives a name in lower case. Only ASCII has a case here: a Kelvin sign
// is no k.
func lower(name string) string {
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			return lowered(name)
		}
	}
	return name
}

func lowered(name string) string {
	text := []byte(name)
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			text[i] = c + ('a' - 'A')
		}
	}
	return string(text)
}
