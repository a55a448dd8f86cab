package extauthz

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"credence/internal/authz"
	"credence/internal/credential"
)

// decode puts Envoy's question in credence's words. Any part of the message
// may be missing. The texts are the message's own.
func decode(check *authv3.CheckRequest) authz.Request {
	attributes := check.GetAttributes()
	request := authz.Request{
		// A pipe or an internal listener has no such address.
		Source:      attributes.GetSource().GetAddress().GetSocketAddress().GetAddress(),
		Extensions:  attributes.GetContextExtensions(),
		Certificate: certificate(attributes.GetSource().GetCertificate()),
	}
	http := attributes.GetRequest().GetHttp()
	if http == nil {
		return request // an L4 filter asks
	}
	request.HTTP = true
	request.Method = http.GetMethod()
	request.Scheme = http.GetScheme()
	request.Target = target(http)
	request.Headers = headers(http)
	return request
}

// target gives path and query. Envoy has both in the path; whoever parts them,
// or sends two queries, is understood too: both are looked at for secrets.
func target(http *authv3.AttributeContext_HttpRequest) string {
	path, query := http.GetPath(), http.GetQuery()
	_, there, parted := strings.Cut(path, "?")
	switch {
	case query == "" || parted && there == query:
		return path
	case parted:
		return path + "&" + query
	}
	return path + "?" + query
}

// headers gives the header lines. Envoy fills header_map, line by line, with
// encode_raw_headers; else headers, with the lines of a name joined by commas.
// Where both are filled header_map counts.
func headers(http *authv3.AttributeContext_HttpRequest) credential.Headers {
	if raw := http.GetHeaderMap().GetHeaders(); len(raw) > 0 {
		lines := make(credential.Headers, len(raw))
		for i, header := range raw {
			lines[i] = credential.Header{Name: lower(header.GetKey()), Value: valueOf(header)}
		}
		return lines
	}
	joined := http.GetHeaders()
	lines := make(credential.Headers, 0, len(joined))
	for name, value := range joined {
		lines = append(lines, credential.Header{Name: lower(name), Value: value})
	}
	// A map has no order of its own, and an answer must not depend on chance.
	slices.SortFunc(lines, func(a, b credential.Header) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return lines
}

// valueOf gives the value of a header: Envoy sends raw_value and leaves value
// empty.
func valueOf(header *corev3.HeaderValue) string {
	if raw := header.GetRawValue(); len(raw) > 0 {
		return string(raw)
	}
	return header.GetValue()
}

// names gives the name of every header that the message shows, in lower case,
// of both forms.
func names(check *authv3.CheckRequest) iter.Seq[string] {
	http := check.GetAttributes().GetRequest().GetHttp()
	return func(yield func(string) bool) {
		for _, header := range http.GetHeaderMap().GetHeaders() {
			if !yield(lower(header.GetKey())) {
				return
			}
		}
		for name := range http.GetHeaders() {
			if !yield(lower(name)) {
				return
			}
		}
	}
}

// showsEveryHeader tells whether Envoy hides no header from us: it sends them
// raw, and the pseudo-headers, which allowed_headers would drop, are among
// them.
func showsEveryHeader(check *authv3.CheckRequest) bool {
	for _, header := range check.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
		if header.GetKey() == ":path" {
			return true
		}
	}
	return false
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
