package answer

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"credence/internal/authz"
	"credence/internal/credential"
)

// A Denial is an answer as it goes to the caller.
type Denial struct {
	Status  int      // of HTTP
	GRPC    uint32   // status code of gRPC
	Headers []Header // in the order in which they are set; each name once
	Body    string
}

// A Header is one header of an answer. Name is in lower case.
type Header struct{ Name, Value string }

// Answers makes denials. It is safe for use by many goroutines if its random
// source is.
type Answers struct {
	realm    string
	random   func(n int) int
	prepared [len(rows)]prepared
}

// New makes Answers. The realm stands in challenges, between quotes as it is:
// printable ASCII without quote and backslash. random gives a number from 0 to
// below n, to spread retries; nil is a source of its own.
func New(realm string, random func(n int) int) *Answers {
	if random == nil {
		random = rand.IntN // #nosec G404 -- it spreads retries and protects nothing
	}
	a := &Answers{realm: realm, random: random}
	for reason := range rows {
		a.prepared[reason] = a.prepare(rows[reason])
	}
	return a
}

// retryLongest is the largest Retry-After, in seconds; the least is 1.
const retryLongest = 3

// A prepared denial is what all have in common that one reason has: headers for
// who reads HTTP and who reads gRPC, for each Retry-After, and the problem
// document without its end.
type prepared struct {
	http, grpc [retryLongest][]Header
	document   string
}

// prepare makes what a row says where neither request nor route adds to it.
func (a *Answers) prepare(row Row) (p prepared) {
	for after := range retryLongest {
		shared := []Header{{"cache-control", "no-store"}}
		if row.Challenged {
			shared = append(shared, Header{challengeHeader, a.challenge(row, authz.Route{})})
		}
		if row.Status == http.StatusServiceUnavailable {
			shared = append(shared, Header{"retry-after", strconv.Itoa(1 + after)})
		}
		p.http[after] = append([]Header{{"content-type", "application/problem+json"}}, shared...)
		p.grpc[after] = append([]Header{{"grpc-status", strconv.FormatUint(uint64(row.GRPC), 10)}}, shared...)
	}
	p.document = strings.TrimSuffix(encoded(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{row.Title, row.Status, row.Detail, row.Code}), "}")
	return p
}

// Deny makes the answer to a request that a decision denies. A decision that
// allows is no denial: it is answered like a fault of our own. Headers are
// shared by denials: they are not to be changed.
func (a *Answers) Deny(request authz.Request, decision authz.Decision) Denial {
	reason := decision.Reason
	if decision.Allows() || int(reason) >= len(rows) {
		reason = authz.InternalError
	}
	row, ready := rows[reason], &a.prepared[reason]
	after := 0
	if row.Status == http.StatusServiceUnavailable {
		after = a.random(retryLongest)
	}
	denial := Denial{Status: row.Status, GRPC: row.GRPC}
	if isGRPC(request.Headers) {
		denial.Headers, denial.Body = ready.grpc[after], row.Detail
	} else {
		denial.Headers, denial.Body = ready.http[after], ready.problem(request, decision)
	}
	if row.Challenged && routeAdds(row, decision.Route) {
		denial.Headers = withChallenge(denial.Headers, a.challenge(row, decision.Route))
	}
	return denial
}

// challengeHeader is the header of challenges.
const challengeHeader = "www-authenticate"

// withChallenge gives the headers with another challenge.
func withChallenge(headers []Header, challenge string) []Header {
	headers = slices.Clone(headers)
	for i := range headers {
		if headers[i].Name == challengeHeader {
			headers[i].Value = challenge
		}
	}
	return headers
}

// isGRPC tells whether the caller reads gRPC: by the content type that it
// sent, which is application/grpc with or without a suffix.
func isGRPC(headers credential.Headers) bool {
	contentType, _ := only(headers, "content-type")
	return strings.HasPrefix(contentType, "application/grpc")
}

// problem makes a problem document (RFC 9457). Its members stand in one order.
func (p *prepared) problem(request authz.Request, decision authz.Decision) string {
	var room [512]byte
	text := append(room[:0], p.document...)
	if id := RequestID(request); id != "" {
		text = appendMember(text, "request_id", id)
	}
	if decision.Reason == authz.PeerNotAllowed && decision.Peer.IsValid() {
		text = appendMember(text, "peer", decision.Peer.String())
	}
	return string(append(text, '}'))
}

// appendMember appends a member to a document that is open. The value is visible
// ASCII.
func appendMember(text []byte, name, value string) []byte {
	text = append(append(append(text, `,"`...), name...), `":`...)
	if strings.ContainsAny(value, `"\<>&`) { // what JSON must escape, or Go does
		return append(text, encoded(value)...)
	}
	return append(append(append(text, '"'), value...), '"')
}

// encoded gives the JSON of a text, or of a struct of texts and numbers.
func encoded(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "null" // such a value has no way to fail
	}
	return string(text)
}

// longestChallenge is the longest header value that Envoy takes, in bytes.
const longestChallenge = 16384

// challenge makes the value of WWW-Authenticate: RFC 6750 §3, with the
// addition of RFC 9728 §5.1. A parameter that would make it too long is left
// out.
func (a *Answers) challenge(row Row, route authz.Route) string {
	text := `Bearer realm="` + a.realm + `"`
	add := func(name, value string) {
		if parameter := ", " + name + `="` + value + `"`; value != "" && len(text)+len(parameter) <= longestChallenge {
			text += parameter
		}
	}
	add("error", row.Error)
	if row.Error == errInsufficientScope {
		add("scope", strings.Join(route.Scopes, " "))
	}
	if pointsOn(row) {
		add("resource_metadata", route.ResourceMetadata)
	}
	return text
}

// pointsOn tells whether the challenge of a row says where to learn more.
func pointsOn(row Row) bool {
	return row.Error == errInsufficientScope || row.Status == http.StatusUnauthorized
}

// routeAdds tells whether a route adds to the challenge of a row.
func routeAdds(row Row, route authz.Route) bool {
	return len(route.Scopes) > 0 && row.Error == errInsufficientScope || route.ResourceMetadata != "" && pointsOn(row)
}

// longestRequestID is the longest request id that is told, in bytes.
const longestRequestID = 128

// RequestID gives the request's x-request-id if it is fit to be shown: one
// line of visible ASCII, 128 bytes at most. Else it gives "".
func RequestID(request authz.Request) string {
	id, single := only(request.Headers, "x-request-id")
	if !single || len(id) > longestRequestID {
		return ""
	}
	for i := range len(id) {
		if id[i] < 0x21 || id[i] > 0x7e {
			return ""
		}
	}
	return id
}

// only gives the value of a header that stands there once.
func only(headers credential.Headers, name string) (value string, single bool) {
	for i := range headers {
		if headers[i].Name != name {
			continue
		}
		if single {
			return "", false
		}
		value, single = headers[i].Value, true
	}
	return value, single
}
