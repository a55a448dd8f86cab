package extauthz

// The standard way of a check into credence: protobuf's own decoder, and from
// its message to a question. It is taken for what the short way (decode.go)
// does not read, so that whatever is unusual means what protobuf says it means.

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"credence/internal/authz"
	"credence/internal/credential"
)

// ofMessage puts Envoy's question, as the standard decoder gives it, in
// credence's words. Any part of the message may be missing. The texts are the
// message's own.
func (q *question) ofMessage(check *authv3.CheckRequest) {
	q.request, q.showsAll, q.further = requestOf(check), showsEveryHeader(check), shownBesides(check)
}

func requestOf(check *authv3.CheckRequest) authz.Request {
	attributes := check.GetAttributes()
	request := authz.Request{
		// A pipe or an internal listener has no such address.
		Source:      attributes.GetSource().GetAddress().GetSocketAddress().GetAddress(),
		Extensions:  authz.ExtensionsOf(attributes.GetContextExtensions()),
		Certificate: certificate(attributes.GetSource().GetCertificate()),
	}
	http := attributes.GetRequest().GetHttp()
	if http == nil {
		return request // an L4 filter asks
	}
	request.HTTP = true
	request.Method = http.GetMethod()
	request.Scheme = http.GetScheme()
	request.Target = target(http.GetPath(), http.GetQuery())
	request.Headers = headers(http)
	return request
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
	ordered(lines)
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

// shownBesides gives the names of joined headers, in lower case, that are not
// among the request's lines because header_map is filled too.
func shownBesides(check *authv3.CheckRequest) []string {
	http := check.GetAttributes().GetRequest().GetHttp()
	if len(http.GetHeaderMap().GetHeaders()) == 0 {
		return nil
	}
	var besides []string
	for name := range http.GetHeaders() {
		besides = append(besides, lower(name))
	}
	return besides
}

// showsEveryHeader tells whether Envoy hides no header from us (question.showsAll).
func showsEveryHeader(check *authv3.CheckRequest) bool {
	for _, header := range check.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
		if header.GetKey() == ":path" {
			return true
		}
	}
	return false
}
