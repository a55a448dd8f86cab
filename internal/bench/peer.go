package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// peerCommand is the argument by which this program is a peer: a server that
// credence is compared with.
const peerCommand = "peer"

// A peerKind says how a peer comes to its answers.
type peerKind string

const (
	// noopPeer is grpc-go as it comes: it decodes each check and encodes each
	// answer, and looks at neither.
	noopPeer peerKind = "no-op"
	// rawPeer is the floor of grpc-go: bytes that are never decoded, answered by
	// bytes that were encoded before.
	rawPeer peerKind = "raw"
	// workedPeer is rawPeer with stream workers, as credence has them.
	workedPeer peerKind = "raw, workers"
	// naivePeer is what is written in an afternoon: see naive.
	naivePeer peerKind = "naive"
)

// startPeer starts the no-op that answers what credence answered.
func (s *stage) startPeer(ctx context.Context, answer []byte, checks *checks) (*server, error) {
	return s.startPeerOf(ctx, noopPeer, answer, checks)
}

// startPeerOf starts this program once more, as a server of a kind whose answers
// have the size of one of credence's.
func (s *stage) startPeerOf(ctx context.Context, kind peerKind, answer []byte, checks *checks) (*server, error) {
	name := fmt.Sprintf("%s-%d", kind, len(s.started))
	file := filepath.Join(s.dir, name+".answer")
	if err := os.WriteFile(file, answer, 0o600); err != nil {
		return nil, err
	}
	p, err := s.startSelf(name, peerCommand, string(kind), file, s.address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	server, err := p.serves(ctx, name, checks)
	if err == nil && len(server.answer) != len(answer) {
		err = fmt.Errorf("answers %d bytes, want the %d of credence", len(server.answer), len(answer))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return server, nil
}

// servePeer serves until it is killed. Its arguments are a kind, a file with an
// answer, and the address of Redis.
func servePeer(args []string) error {
	if len(args) != 3 {
		return errors.New("peer: want a kind, the file of an answer and the address of Redis")
	}
	answer, err := os.ReadFile(args[1]) // #nosec G703 -- named by who started it
	if err != nil {
		return err
	}
	server, err := newPeer(peerKind(args[0]), answer, args[2])
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Info("listening", slog.String("grpc", listener.Addr().String()))
	return server.Serve(listener)
}

// streamWorkers are as many as credence has.
const streamWorkers = 64

// newPeer makes a peer, with grpc-go's settings as they come but for workedPeer.
func newPeer(kind peerKind, answer []byte, redis string) (*grpc.Server, error) {
	response := new(authv3.CheckResponse)
	if err := proto.Unmarshal(answer, response); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	switch kind {
	case noopPeer:
		server := grpc.NewServer()
		authv3.RegisterAuthorizationServer(server, noop{answer: response})
		return server, nil
	case rawPeer, workedPeer:
		options := []grpc.ServerOption{grpc.ForceServerCodecV2(unread{})}
		if kind == workedPeer {
			options = append(options, grpc.NumStreamWorkers(streamWorkers))
		}
		server := grpc.NewServer(options...)
		server.RegisterService(&rawService, answer)
		return server, nil
	case naivePeer:
		server := grpc.NewServer()
		authv3.RegisterAuthorizationServer(server, newNaive(redis, response))
		return server, nil
	}
	return nil, fmt.Errorf("no kind of peer is called %q", kind)
}

// A noop answers every check with one answer and looks at none.
type noop struct {
	authv3.UnimplementedAuthorizationServer
	answer *authv3.CheckResponse
}

// Check implements the service that Envoy asks.
func (n noop) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return n.answer, nil
}

// unread is a codec that looks at no check.
type unread struct{ raw }

// Unmarshal implements encoding.CodecV2.
func (unread) Unmarshal(mem.BufferSlice, any) error { return nil }

// rawService answers what was registered for it: an encoded CheckResponse.
var rawService = grpc.ServiceDesc{
	ServiceName: authv3.Authorization_ServiceDesc.ServiceName,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Check", Handler: func(answer any, _ context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		return answer, read(nil)
	}}},
}
