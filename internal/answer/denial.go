package answer

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"credence/internal/authz"
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
	realm  string
	random func(n int) int
}

// New makes Answers. The realm stands in challenges, between quotes as it is:
// printable ASCII without quote and backslash. random gives a number from 0 to
// below n, to spread retries; nil is a source of its own.
func New(realm string, random func(n int) int) *Answers {
	if random == nil {
		random = rand.IntN // #nosec G404 -- it spreads retries and protects nothing
	}
	return &Answers{realm, random}
}

// retryLongest is the largest Retry-After, in seconds; the least is 1.
const retryLongest = 3

// Deny makes the answer to a request that a decision denies. A decision that
// allows is no denial: it is answered like a fault of our own.
func (a *Answers) Deny(request authz.Request, decision authz.Decision) Denial {
	row := Of(decision.Reason)
	if decision.Allows() {
		row = Of(authz.InternalError)
	}
	denial := Denial{Status: row.Status, GRPC: row.GRPC, Headers: make([]Header, 0, 4)}
	if isGRPC(request) {
		denial.add("grpc-status", strconv.FormatUint(uint64(row.GRPC), 10))
		denial.Body = row.Detail
	} else {
		denial.add("content-type", "application/problem+json")
		denial.Body = problem(row, request, decision)
	}
	denial.add("cache-control", "no-store")
	if row.Challenged {
		denial.add("www-authenticate", a.challenge(row, decision.Route))
	}
	if row.Status == http.StatusServiceUnavailable {
		denial.add("retry-after", strconv.Itoa(1+a.random(retryLongest)))
	}
	return denial
}

func (d *Denial) add(name, value string) { d.Headers = append(d.Headers, Header{name, value}) }

// isGRPC tells whether the caller reads gRPC: by the content type that it
// sent, which is application/grpc with or without a suffix.
func isGRPC(request authz.Request) bool {
	contentType, _ := only(request, "content-type")
	return strings.HasPrefix(contentType, "application/grpc")
}

// problem makes a problem document (RFC 9457). Its members stand in this order.
func problem(row Row, request authz.Request, decision authz.Decision) string {
	document := struct {
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Detail    string `json:"detail"`
		Code      string `json:"code"`
		RequestID string `json:"request_id,omitempty"`
		Peer      string `json:"peer,omitempty"`
	}{Title: row.Title, Status: row.Status, Detail: row.Detail, Code: row.Code, RequestID: RequestID(request)}
	if decision.Reason == authz.PeerNotAllowed && decision.Peer.IsValid() {
		document.Peer = decision.Peer.String()
	}
	body, err := json.Marshal(document)
	if err != nil {
		return "" // a struct of texts and a number has no way to fail
	}
	return string(body)
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
	lacksScope := row.Error == errInsufficientScope
	add("error", row.Error)
	if lacksScope {
		add("scope", strings.Join(route.Scopes, " "))
	}
	if lacksScope || row.Status == http.StatusUnauthorized {
		add("resource_metadata", route.ResourceMetadata)
	}
	return text
}

// longestRequestID is the longest request id that is told, in bytes.
const longestRequestID = 128

// RequestID gives the request's x-request-id if it is fit to be shown: one
// line of visible ASCII, 128 bytes at most. Else it gives "".
func RequestID(request authz.Request) string {
	id, single := only(request, "x-request-id")
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
func only(request authz.Request, name string) (value string, single bool) {
	for line := range request.Headers.All(name) {
		if single {
			return "", false
		}
		value, single = line, true
	}
	return value, single
}
