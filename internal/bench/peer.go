package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// peerCommand is the argument by which this program is the peer.
const peerCommand = "peer"

// A noop answers every check with one answer and looks at none. The server is
// grpc-go's as it comes: it decodes the check and encodes the answer each time.
type noop struct {
	authv3.UnimplementedAuthorizationServer
	answer *authv3.CheckResponse
}

// Check implements the service that Envoy asks.
func (n noop) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return n.answer, nil
}

// servePeer serves until it is killed. Its argument is a file with the answer.
func servePeer(args []string) error {
	if len(args) != 1 {
		return errors.New("peer: want the file of an answer")
	}
	text, err := os.ReadFile(args[0]) // #nosec G703 -- named by who started it
	if err != nil {
		return err
	}
	answer := new(authv3.CheckResponse)
	if err := proto.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("peer: %s: %w", args[0], err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, noop{answer: answer})
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Info("listening", slog.String("grpc", listener.Addr().String()))
	return server.Serve(listener)
}
