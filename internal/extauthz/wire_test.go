package extauthz

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"credence/internal/authz"
)

// What tests say in Envoy's own types goes over the wire here: each check that
// a test has decoded, and each response that it has made, is held to what the
// standard decoder and the reference make of it.

// over sends a check through the codec and gives the question that came out. It
// panics where that is not what the standard way gives.
func over(check *authv3.CheckRequest) *question {
	want := new(question)
	want.ofMessage(check)
	data, err := proto.Marshal(check)
	if err != nil { // no Envoy can send it
		return want
	}
	got := new(question)
	if err := newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, got); err != nil {
		panic(fmt.Sprintf("%v is refused: %v", check, err))
	}
	if diff := differ(want, got); diff != "" {
		panic(fmt.Sprintf("%v: the standard way (-) and the short one (+) differ:\n%s", check, diff))
	}
	return got
}

// differ compares all of a question that somebody reads.
func differ(want, got *question) string {
	if diff := cmp.Diff(want.request, got.request); diff != "" {
		return diff
	}
	sorted := func(q *question) []string { return slices.Sorted(q.names()) }
	return cmp.Diff(sorted(want), sorted(got)) + cmp.Diff(want.showsAll, got.showsAll)
}

func decode(check *authv3.CheckRequest) authz.Request { return over(check).request }

func names(check *authv3.CheckRequest) iter.Seq[string] { return over(check).names() }

// parsed reads a response with protobuf's own decoder.
func parsed(r *response) *authv3.CheckResponse {
	response := &authv3.CheckResponse{}
	if err := proto.Unmarshal(*r.text, response); err != nil {
		panic(fmt.Sprintf("response %q: %v", *r.text, err))
	}
	return response
}

// encode makes a response and parses it. It panics where the reference makes
// another one.
func (e *encoder) encode(check *authv3.CheckRequest, request authz.Request, decision authz.Decision) *authv3.CheckResponse {
	q := over(check)
	q.request = request
	r := e.respond(q, decision)
	if r == nil {
		panic(fmt.Sprintf("no response to %v by %+v", check, decision))
	}
	got := parsed(r)
	want := reference{e.identity}.encode(check, e.answers.Deny(request, decision), decision)
	evened(got)
	evened(want)
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		panic(fmt.Sprintf("%v by %+v: the reference (-) and the encoder (+) differ:\n%s", check, decision, diff))
	}
	return parsed(r)
}

// evened takes the chance out of a response: when to try again.
func evened(response *authv3.CheckResponse) {
	for _, header := range response.GetDeniedResponse().GetHeaders() {
		if after, err := strconv.Atoi(header.GetHeader().GetValue()); header.GetHeader().GetKey() == "retry-after" && err == nil && 1 <= after && after <= 3 {
			header.Header.Value = "1"
		}
	}
}

// check decides a check as the RPC does.
func (s *Server) check(ctx context.Context, check *authv3.CheckRequest) *authv3.CheckResponse {
	answered, err := s.answer(ctx, over(check))
	if err != nil {
		panic(err)
	}
	return parsed(answered.(*response))
}

// guard has the interceptor see what a handler answers in Envoy's types. Where
// it is let through, guard gives the same value.
func (s *Server) guard(ctx context.Context, asked any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if check, is := asked.(*authv3.CheckRequest); is {
		asked = over(check)
	}
	var said, passed any
	answered, err := s.intercept(ctx, asked, info, func(ctx context.Context, asked any) (any, error) {
		answered, err := next(ctx, asked)
		said, passed = answered, answered
		if message, is := answered.(*authv3.CheckResponse); is {
			passed = encoded(message)
		}
		return passed, err
	})
	switch answered := answered.(type) {
	case *response:
		if answered != passed {
			return parsed(answered), err
		}
	case nil:
		return nil, err
	}
	return said, err
}

// encoded gives a message as it would leave, nil for none.
func encoded(message *authv3.CheckResponse) *response {
	if message == nil {
		return nil
	}
	text, err := proto.Marshal(message)
	if err != nil {
		panic(err)
	}
	return &response{text: &text}
}

// strip appends what is removed beside the identity headers themselves.
func (id *identity) strip(remove []string, check *authv3.CheckRequest) []string {
	var w writer
	id.removeSpellings(&w, over(check))
	ok := &authv3.OkHttpResponse{}
	if err := proto.Unmarshal(w.text, ok); err != nil {
		panic(err)
	}
	if want := (reference{id}).strip(nil, check); !slices.Equal(want, ok.GetHeadersToRemove()) {
		panic(fmt.Sprintf("%v: %q are removed, by the reference %q", check, ok.GetHeadersToRemove(), want))
	}
	return append(remove, ok.GetHeadersToRemove()...)
}

func escape(value string) string {
	var w writer
	w.escaped(value)
	return string(w.text)
}
