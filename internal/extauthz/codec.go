package extauthz

import (
	"context"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// How a check gets into gRPC and out of it. Generated code would ask for Envoy's
// own types; this service is told of as that code tells of it, and asks for a
// question and gives a response, which the codec reads and has written already.
// All other messages on the same port, those of health, take gRPC's own codec.

// description describes the service to gRPC.
var description = grpc.ServiceDesc{
	ServiceName: authv3.Authorization_ServiceDesc.ServiceName,
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Check", Handler: handle}},
	Metadata:    authv3.Authorization_ServiceDesc.Metadata,
}

// called is what interceptors are told of a check.
var called = grpc.UnaryServerInfo{FullMethod: authv3.Authorization_Check_FullMethodName}

// A service is what gRPC calls.
type service struct{ check grpc.UnaryHandler }

// handle takes one check from gRPC to the service. What is no CheckRequest is an
// RPC error.
func handle(registered any, ctx context.Context, read func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // the order is that of gRPC
	q := new(question)
	if err := read(q); err != nil {
		return nil, err
	}
	return intercept(ctx, q, &called, registered.(service).check)
}

// codec is gRPC's own codec, but for checks.
type codec struct{ standard encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Name implements encoding.CodecV2.
func (c codec) Name() string { return c.standard.Name() }

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, into any) error {
	q, isCheck := into.(*question)
	if !isCheck {
		return c.standard.Unmarshal(data, into)
	}
	if q.read(textOf(data)) {
		return nil
	}
	check := &authv3.CheckRequest{}
	if err := c.standard.Unmarshal(data, check); err != nil {
		return err
	}
	q.ofMessage(check)
	return nil
}

// textOf copies a message out of gRPC's buffers.
func textOf(data mem.BufferSlice) string {
	var text strings.Builder
	text.Grow(data.Len())
	for _, part := range data {
		text.Write(part.ReadOnlyData())
	}
	return text.String()
}

// Marshal implements encoding.CodecV2. A response is handed over: gRPC gives its
// buffer back to the pool when it has sent it.
func (c codec) Marshal(said any) (mem.BufferSlice, error) {
	r, isResponse := said.(*response)
	if !isResponse {
		return c.standard.Marshal(said)
	}
	r.sent[0] = mem.NewBuffer(r.text, buffers)
	return r.sent[:], nil
}
