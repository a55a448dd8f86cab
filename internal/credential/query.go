package credential

import "strings"

// lookInQuery looks at the accepted query parameters. Names and values are
// decoded once; a plus stays a plus.
func (p Places) lookInQuery(target string, s *sighting) {
	_, query, _ := strings.Cut(target, "?")
	for query != "" {
		var parameter string
		parameter, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(parameter, "=")
		decoded, _ := unescape(name)
		for i := range p.queries {
			if p.queries[i].name != decoded {
				continue
			}
			text, ok := unescape(value)
			s.malformed = s.malformed || !ok
			s.fill(NewSecret(text), Presented{Query: name})
		}
	}
}

// inURL tells whether a whole token of our own stands in the target of a
// request, as it is or once decoded.
func inURL(target string) bool {
	if containsOwn(target) {
		return true
	}
	if !strings.Contains(target, "%") {
		return false
	}
	decoded, _ := unescape(target)
	return containsOwn(decoded)
}

// unescape decodes percent-encoding once. What is no encoding stays as it is,
// and is told by ok: a reader that is looked at for secrets must not stop at
// the first mistake.
func unescape(text string) (decoded string, ok bool) {
	if !strings.Contains(text, "%") {
		return text, true
	}
	ok = true
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 < len(text) {
			high, isHigh := fromHex(text[i+1])
			low, isLow := fromHex(text[i+2])
			if isHigh && isLow {
				b.WriteByte(high<<4 | low)
				i += 2
				continue
			}
		}
		ok = false
		b.WriteByte('%')
	}
	return b.String(), ok
}

func fromHex(digit byte) (byte, bool) {
	switch {
	case '0' <= digit && digit <= '9':
		return digit - '0', true
	case 'a' <= digit && digit <= 'f':
		return digit - 'a' + 10, true
	case 'A' <= digit && digit <= 'F':
		return digit - 'A' + 10, true
	}
	return 0, false
}
