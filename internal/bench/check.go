package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"credence/internal/credential"
)

// checks are what is asked: with any of some credentials of one length, in any
// of some frames, which differ in the client's port and the id of the request.
type checks struct {
	frames      []frame
	credentials []credential.Secret
	reason      string // by which all are denied; empty: all are allowed
}

// A request is what checks are about, but for the credential.
type request struct {
	peer    string
	scopes  string // that the route demands
	headers int    // how many, pseudo headers and all: 5 or more; those beyond plainHeaders mean nothing
}

// newChecks makes checks of credentials, of plain requests from peer.
func newChecks(peer string, credentials []credential.Secret) (*checks, error) {
	return request{peer, routeScopes, plainHeaders}.checks(credentials)
}

// checks makes checks of credentials, with a frame for each that is in flight.
func (r request) checks(credentials []credential.Secret) (*checks, error) {
	c := &checks{credentials: credentials}
	for i, shown := range credentials {
		if len(shown.Expose()) != len(credentials[0].Expose()) {
			return nil, fmt.Errorf("credential %d is not as long as the first", i)
		}
	}
	if len(credentials) == 0 {
		return nil, errors.New("no credential to ask with")
	}
	for i := range inFlight {
		f, err := newFrame(r, credentials[0], uint32(i))
		if err != nil {
			return nil, err
		}
		c.frames = append(c.frames, f)
	}
	return c, nil
}

// of gives checks of the first n credentials only.
func (c *checks) of(n int) *checks { return &checks{c.frames, c.credentials[:n], c.reason} }

// denied gives the same checks for a server that denies all of them, by a reason.
func (c *checks) denied(reason string) *checks { return &checks{c.frames, c.credentials, reason} }

// errAnswer says that an answer is not the one that was expected.
var errAnswer = errors.New("answered otherwise")

// expect tells whether an answer is what checks should be answered.
func (c *checks) expect(answer []byte) error {
	passes := allows(answer)
	if c.reason == "" && passes || c.reason != "" && !passes && bytes.Contains(answer, []byte(c.reason)) {
		return nil
	}
	if passes {
		return fmt.Errorf("%w: allowed, want %q", errAnswer, c.reason)
	}
	status, reason, err := refusal(answer)
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: code %d, reason %q, want %q", errAnswer, status, reason, cmp.Or(c.reason, "allowed"))
}

// check gives the nth check, which nobody else uses.
func (c *checks) check(n int) []byte {
	return c.frames[n%len(c.frames)].copied().with(c.credentials[n%len(c.credentials)])
}

// A frame is an encoded check but for its credential.
type frame struct {
	text  []byte
	place int // where the credential begins
}

// newFrame makes a frame of the nth request, for credentials that are as long as
// the sample.
func newFrame(r request, sample credential.Secret, n uint32) (frame, error) {
	text, err := proto.Marshal(r.check(sample, n))
	if err != nil {
		return frame{}, err
	}
	return frame{text, bytes.Index(text, []byte(sample.Expose()))}, nil
}

func (f frame) copied() frame { return frame{slices.Clone(f.text), f.place} }

// with puts a credential in its place and gives the check.
func (f frame) with(shown credential.Secret) []byte {
	copy(f.text[f.place:], shown.Expose())
	return f.text
}

const (
	host = "api.example.test"
	path = "/v1/orders/7?expand=items&page=2"
	// plainHeaders is how many headers a plain request has.
	plainHeaders = 14
)

// headerList gives the headers of the nth request, pseudo headers first.
func (r request) headerList(shown credential.Secret, n uint32) [][2]string {
	headers := [][2]string{
		{":authority", host},
		{":path", path},
		{":method", "GET"},
		{":scheme", "https"},
		{"authorization", "Bearer " + shown.Expose()},
		{"user-agent", "partner-sdk/3.2 (linux; amd64)"},
		{"accept", "application/json"},
		{"accept-encoding", "gzip, deflate, br"},
		{"accept-language", "en-GB,en;q=0.9"},
		{"content-type", "application/json"},
		{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{"x-forwarded-for", r.peer},
		{"x-forwarded-proto", "https"},
		{"x-request-id", fmt.Sprintf("7d0c1c3e-52f1-4c56-9a0e-%012d", n)},
	}
	for i := len(headers); i < r.headers; i++ {
		headers = append(headers, [2]string{fmt.Sprintf("x-app-%02d", i), "a value of the application's"})
	}
	return headers[:r.headers]
}

// check makes the nth check as Envoy sends it with encode_raw_headers: header_map
// alone, values in raw_value, the query in the path.
func (r request) check(shown credential.Secret, n uint32) *authv3.CheckRequest {
	var headers []*corev3.HeaderValue
	for _, header := range r.headerList(shown, n) {
		headers = append(headers, &corev3.HeaderValue{Key: header[0], RawValue: []byte(header[1])})
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source:      peerAt(r.peer, 40000+n),
		Destination: peerAt("192.0.2.1", 443),
		Request: &authv3.AttributeContext_Request{
			Time: &timestamppb.Timestamp{Seconds: 1767225600},
			Http: &authv3.AttributeContext_HttpRequest{
				Id: fmt.Sprint(9000000000000000000 + uint64(n)), Method: "GET", Path: path, Host: host, Scheme: "https", Protocol: "HTTP/2",
				HeaderMap: &corev3.HeaderMap{Headers: headers},
			},
		},
		ContextExtensions:    map[string]string{"api": "orders", "scopes": r.scopes},
		MetadataContext:      &corev3.Metadata{},
		RouteMetadataContext: &corev3.Metadata{},
	}}
}

func peerAt(address string, port uint32) *authv3.AttributeContext_Peer {
	return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
		SocketAddress: &corev3.SocketAddress{Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}},
	}}}
}
