package credential

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// slowFind is Find as one would tell it, place by place and rule by rule, for
// testPlaces.
func slowFind(headers Headers, target string) (presented, Problem) {
	bearers := valuesOf(headers, "authorization")
	bare := valuesOf(headers, "api-token")
	parameters, broken := slowParameters(target)

	var filled []presented
	empty := broken
	for _, line := range bearers {
		words := regexpScheme.FindStringSubmatch(line)
		switch {
		case words == nil, slices.ContainsFunc(strings.Split(line, ","), slowClaimsOurs):
			empty = true
		case !slowAccepts(words[1]):
		case strings.HasPrefix(strings.TrimLeft(words[2], " "), "\t"):
			empty = true
		default:
			filled = append(filled, presented{Text: strings.TrimLeft(words[2], " "), Header: "authorization"})
		}
	}
	for _, value := range bare {
		filled = append(filled, presented{Text: value, Header: "api-token"})
	}
	filled = append(filled, parameters...)
	empty = empty || slices.ContainsFunc(filled, func(p presented) bool { return p.Text == "" })
	filled = slices.DeleteFunc(filled, func(p presented) bool { return p.Text == "" })

	joinedBearers, joinedBare := strings.Join(bearers, ","), strings.Join(bare, ",")
	switch {
	case strings.Contains(joinedBearers, ",") && slices.ContainsFunc(strings.Split(joinedBearers, ","), slowNamesOurs):
		return presented{}, Ambiguous
	case strings.Contains(joinedBare, ","), len(filled) > 1:
		return presented{}, Ambiguous
	case slowInURL(target) || slowInURL(slowDecode(target)):
		return presented{}, InURL
	case empty:
		return presented{}, Malformed
	case len(filled) == 0:
		return presented{}, Missing
	}
	return slowShape(filled[0])
}

var (
	regexpScheme  = regexp.MustCompile(`(?s)^([^ \t]+)( *\t.*| +[^ ].*)$`)
	regexpVisible = regexp.MustCompile(`^[!-+\--~]+$`)
	regexpEscape  = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

func valuesOf(headers Headers, name string) (values []string) {
	for _, h := range headers {
		if h.Name == name {
			values = append(values, h.Value)
		}
	}
	return values
}

func slowAccepts(scheme string) bool {
	lower := strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 32
		}
		return c
	}, scheme)
	return lower == "bearer" || lower == "token"
}

func slowNamesOurs(element string) bool {
	words := strings.FieldsFunc(element, func(r rune) bool { return r == ' ' || r == '\t' })
	return len(words) > 0 && slowAccepts(words[0])
}

// slowClaimsOurs tells a token whose scheme was forgotten.
func slowClaimsOurs(element string) bool {
	return strings.HasPrefix(strings.Trim(element, " \t"), "crd_")
}

func slowParameters(target string) (found []presented, broken bool) {
	_, query, _ := strings.Cut(target, "?")
	for _, parameter := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		if decoded := slowDecode(name); decoded == "api_key" || decoded == "clé" {
			found = append(found, presented{Text: slowDecode(value), Query: name})
			broken = broken || strings.Contains(regexpEscape.ReplaceAllString(value, ""), "%")
		}
	}
	return found, broken
}

func slowDecode(text string) string {
	return regexpEscape.ReplaceAllStringFunc(text, func(escape string) string {
		high := strings.IndexByte("0123456789abcdef", strings.ToLower(escape)[1])
		low := strings.IndexByte("0123456789abcdef", strings.ToLower(escape)[2])
		return string([]byte{byte(16*high + low)})
	})
}

func slowInURL(text string) bool {
	for i := range len(text) {
		if i+53 <= len(text) {
			if _, whole := IdentifyToken(NewSecret(text[i : i+53])); whole {
				return true
			}
		}
	}
	return false
}

func slowShape(p presented) (presented, Problem) {
	id, whole := IdentifyToken(NewSecret(p.Text))
	dotted := strings.Split(p.Text, ".")
	inURL := p.Query != ""
	switch {
	case whole: // in a URL it was found before
		p.Kind, p.ID = Token, string(id)
		return p, None
	case strings.HasPrefix(p.Text, "crd_"):
		return presented{Kind: Token}, Malformed
	case len(dotted) == 3 && len(p.Text) > 8192:
		return presented{Kind: JWT}, MalformedJWT
	case len(dotted) == 3 && slowIsObject(dotted[0]) && inURL:
		return presented{Kind: JWT}, Malformed
	case len(dotted) == 3 && slowIsObject(dotted[0]):
		p.Kind = JWT
		return p, None
	case len(p.Text) < 16, len(p.Text) > 4096, !regexpVisible.MatchString(p.Text):
		return presented{Kind: Token}, Malformed
	}
	p.Kind = Token
	return p, None
}

func slowIsObject(part string) bool {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	var object map[string]json.RawMessage
	return err == nil && json.Unmarshal(text, &object) == nil && object != nil
}

// FuzzFind holds Find to slowFind. Whatever is found, a problem tells no more
// than a kind, and lines that Envoy joins are as ambiguous as they were apart.
func FuzzFind(f *testing.F) {
	for _, seed := range [][2]string{
		{"", "/"}, // one of each problem, and of each place
		{"authorization: Bearer " + vector, "/orders"},
		{"authorization: token  " + foreign, "/orders"},
		{"api-token: " + jwt, "/orders?x=1"},
		{"api-token: " + foreign, "/?a=%zz"},
		{"authorization: Bearer " + vector + "\nauthorization: Basic a", "/"},
		{"authorization: Basic a, Bearer " + vector, "/"},
		{"api-token: a\napi-token: b", "/"},
		{"accept: */*", "/?api_key=" + foreign},
		{"accept: */*", "/?%61pi_key=" + foreign + "&cl%C3%A9=%"},
		{"accept: */*", "/crd%5F" + vector[4:] + "?"},
		{"authorization: " + vector, "/?t=" + vector},
		{"authorization: Bearer\t" + vector + "\napi-token:", "/"},
		{"api-token: " + vector[:52], "/"},
		{"api-token: a.b." + strings.Repeat("x", 8190), "/"},
		{"api-token: 0123456789abcde", "/?api_key=&api_key"},
		{"authorization: bearer, token\nauthorization:", "/"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, target string) {
		headers := headersOf(text)
		got, problem := testPlaces.Find(headers, target)
		want, wantProblem := slowFind(headers, target)
		if problem != wantProblem {
			t.Fatalf("headers %q, target %q: problem %d, want %d", headers, target, problem, wantProblem)
		}
		if diff := cmp.Diff(want, seenOf(got)); diff != "" {
			t.Errorf("headers %q, target %q: want (-) got (+):\n%s", headers, target, diff)
		}
		if joined := joinLines(headers); problem == Ambiguous {
			if _, again := testPlaces.Find(joined, target); again != Ambiguous {
				t.Errorf("headers %q are ambiguous, and joined they are problem %d", headers, again)
			}
		}
	})
}

// joinLines joins the lines of one name by commas, as Envoy may.
func joinLines(headers Headers) (joined Headers) {
	for _, h := range headers {
		at := slices.IndexFunc(joined, func(j Header) bool { return j.Name == h.Name })
		if at < 0 {
			joined = append(joined, h)
			continue
		}
		joined[at].Value += "," + h.Value
	}
	return joined
}
