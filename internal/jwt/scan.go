package jwt

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// limits bound what a JSON text may cost before anybody vouches for it.
type limits struct {
	depth   int  // objects and lists within each other
	members int  // of one object: names are compared each with each
	values  int  // members and elements together
	float   bool // numbers must fit a 64-bit float, as other readers have them
}

var (
	headerLimits = limits{depth: 16, members: 128, values: 512, float: true}
	claimLimits  = limits{depth: 16, members: 128, values: 512}
	jwkLimits    = limits{depth: 16, members: 128, values: 20_000}
	// unlimited is for what has been scanned within limits before.
	unlimited = limits{depth: math.MaxInt, members: math.MaxInt, values: math.MaxInt}
)

// A scanner reads JSON to the letter of RFC 8259, and refuses besides what two
// readers could read in two ways: names that stand twice in an object, at any
// level, what is not UTF-8, and halves of surrogate pairs. encoding/json takes
// all three.
type scanner struct {
	text   string
	at     int
	limits limits
	depth  int
	values int
	names  []string // of all objects that are open, the innermost's last
	why    string   // the first fault
}

// scanObject reads a text that is one JSON object. Where it is not, why says
// what it is instead, and holds nothing of it.
func scanObject(text string, within limits) (members object, why string) {
	if !utf8.ValidString(text) {
		return nil, "is not UTF-8"
	}
	s := scanner{text: text, limits: within}
	s.space()
	if s.peek() != '{' {
		return nil, "is no JSON object"
	}
	members = make(object, 0, 16)
	s.names = make([]string, 0, 16)
	if !s.object(&members) {
		return nil, s.why
	}
	s.space()
	if s.at != len(text) {
		return nil, "goes on after the JSON object"
	}
	return members, ""
}

// fail keeps the first fault. It returns false for its caller to return.
func (s *scanner) fail(why string) bool {
	if s.why == "" {
		s.why = why
	}
	return false
}

func (s *scanner) failSyntax() bool { return s.fail("is not JSON") }

// peek gives the byte that comes next, and 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// take goes past a byte if it comes next.
func (s *scanner) take(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

// enter counts an object or list that opens.
func (s *scanner) enter() bool {
	s.depth++
	s.at++
	return s.depth <= s.limits.depth || s.fail("is nested too deep")
}

// object reads an object, and keeps its members where into is given.
func (s *scanner) object(into *object) bool {
	if !s.enter() {
		return false
	}
	first := len(s.names)
	for more := !s.closes('}'); more; {
		name, ok := s.name(first)
		if !ok {
			return false
		}
		v, ok := s.value()
		if !ok {
			return false
		}
		if into != nil {
			*into = append(*into, member{name, v})
		}
		if more, ok = s.another('}'); !ok {
			return false
		}
	}
	s.depth--
	s.names = s.names[:first]
	return true
}

// name reads the name of a member and the colon after it. first is where the
// names of its object begin.
func (s *scanner) name(first int) (string, bool) {
	if s.peek() != '"' {
		return "", s.failSyntax()
	}
	v, ok := s.quoted()
	if !ok {
		return "", false
	}
	name := unquoted(v.raw)
	if len(s.names)-first == s.limits.members {
		return "", s.fail("has too many members")
	}
	if slices.Contains(s.names[first:], name) {
		return "", s.fail("has a member twice")
	}
	s.names = append(s.names, name)
	s.space()
	if !s.take(':') {
		return "", s.failSyntax()
	}
	s.space()
	return name, true
}

// list reads a list, and keeps its elements where into is given.
func (s *scanner) list(into *[]value) bool {
	if !s.enter() {
		return false
	}
	for more := !s.closes(']'); more; {
		v, ok := s.value()
		if !ok {
			return false
		}
		if into != nil {
			*into = append(*into, v)
		}
		if more, ok = s.another(']'); !ok {
			return false
		}
	}
	s.depth--
	return true
}

// closes tells whether an object or list that has just opened is empty.
func (s *scanner) closes(end byte) bool {
	s.space()
	return s.take(end)
}

// another tells whether a comma, and so another member or element, follows.
func (s *scanner) another(end byte) (more, ok bool) {
	s.space()
	if s.take(end) {
		return false, true
	}
	if !s.take(',') {
		return false, s.failSyntax()
	}
	s.space()
	return true, true
}

// value reads any value.
func (s *scanner) value() (value, bool) {
	if s.values++; s.values > s.limits.values {
		return value{}, s.fail("has too many values")
	}
	start := s.at
	switch c := s.peek(); {
	case c == '"':
		return s.quoted()
	case c == '{':
		ok := s.object(nil)
		return value{isObject, s.text[start:s.at]}, ok
	case c == '[':
		ok := s.list(nil)
		return value{isList, s.text[start:s.at]}, ok
	case c == '-', isDigit(c):
		return s.number()
	case c == 't':
		return s.literal("true", isBool)
	case c == 'f':
		return s.literal("false", isBool)
	case c == 'n':
		return s.literal("null", isNull)
	}
	return value{}, s.failSyntax()
}

func (s *scanner) literal(word string, k kind) (value, bool) {
	if !strings.HasPrefix(s.text[s.at:], word) {
		return value{}, s.failSyntax()
	}
	s.at += len(word)
	return value{k, word}, true
}

// quoted reads a text, whose quote comes next.
func (s *scanner) quoted() (value, bool) {
	start := s.at
	s.at++
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return value{isText, s.text[start:s.at]}, true
		case c == '\\':
			if !s.escape() {
				return value{}, false
			}
		case c < 0x20:
			return value{}, s.failSyntax()
		default:
			s.at++
		}
	}
	return value{}, s.failSyntax()
}

// escape reads what a backslash begins.
func (s *scanner) escape() bool {
	if rest := s.text[s.at:]; len(rest) > 1 && shortEscapes[rest[1]] != 0 {
		s.at += 2
		return true
	}
	r, ok := s.unicode()
	if !ok {
		return s.failSyntax()
	}
	if !utf16.IsSurrogate(r) {
		return true
	}
	low, ok := s.unicode()
	if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
		return s.fail("has half of a surrogate pair")
	}
	return true
}

// unicode reads a backslash, u and four digits.
func (s *scanner) unicode() (rune, bool) {
	rest := s.text[s.at:]
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		if !isDigit(rest[i]) && (rest[i]|0x20 < 'a' || rest[i]|0x20 > 'f') {
			return 0, false
		}
	}
	s.at += 6
	return hexOf(rest[2:]), true
}

// number reads a number, of which a minus or a digit comes next.
func (s *scanner) number() (value, bool) {
	start := s.at
	s.take('-')
	if !s.take('0') && !s.digits() {
		return value{}, s.failSyntax()
	}
	if s.take('.') && !s.digits() {
		return value{}, s.failSyntax()
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return value{}, s.failSyntax()
		}
	}
	raw := s.text[start:s.at]
	if s.limits.float {
		if _, err := strconv.ParseFloat(raw, 64); err != nil {
			return value{}, s.fail("has a number beyond 64 bits")
		}
	}
	return value{isNumber, raw}, true
}

// digits reads one digit at least.
func (s *scanner) digits() bool {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
