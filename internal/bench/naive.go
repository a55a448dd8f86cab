package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/redis/go-redis/v9"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"
)

// A naive server does what first comes to mind, and does it properly: for each
// check it asks Redis for the token's record and for the client's, looks through
// the allowlist from its begin, and makes an answer out of Envoy's own types. It
// remembers nothing, so that each check goes by what Redis holds.
type naive struct {
	authv3.UnimplementedAuthorizationServer
	redis    *redis.Client
	like     *authv3.CheckResponse // what its answers look like, but for the client
	metadata map[string]any        // of like
}

func newNaive(address string, like *authv3.CheckResponse) *naive {
	client := redis.NewClient(&redis.Options{Addr: address})
	return &naive{redis: client, like: like, metadata: like.GetDynamicMetadata().AsMap()}
}

// Check implements the service that Envoy asks. An error of Redis becomes one of
// gRPC.
func (n *naive) Check(ctx context.Context, check *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	shown, found := strings.CutPrefix(headerOf(check, "authorization"), "Bearer ")
	if !found {
		return refused(typev3.StatusCode_Unauthorized), nil
	}
	sum := sha256.Sum256([]byte(shown))
	token, err := n.redis.HGetAll(ctx, prefix+"token:s1:"+hex.EncodeToString(sum[:])).Result()
	if err != nil {
		return nil, err
	}
	if token["state"] != "active" {
		return refused(typev3.StatusCode_Unauthorized), nil
	}
	client, err := n.redis.HGetAll(ctx, prefix+"client:"+token["client"]).Result()
	if err != nil {
		return nil, err
	}
	peer := check.GetAttributes().GetSource().GetAddress().GetSocketAddress().GetAddress()
	if client["state"] != "active" || !listed(client["allow"], peer) {
		return refused(typev3.StatusCode_Forbidden), nil
	}
	return n.allowed(client["id"])
}

// headerOf gives the value of a request's header.
func headerOf(check *authv3.CheckRequest, name string) string {
	for _, header := range check.GetAttributes().GetRequest().GetHttp().GetHeaderMap().GetHeaders() {
		if header.GetKey() == name {
			return string(header.GetRawValue())
		}
	}
	return ""
}

// listed tells whether an address is in an allowlist; what does not parse admits
// nobody.
func listed(allowlist, address string) bool {
	peer, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for network := range strings.SplitSeq(allowlist, " ") {
		if prefix, err := netip.ParsePrefix(network); err == nil && prefix.Contains(peer) {
			return true
		}
	}
	return false
}

// allowed makes an answer that names a client.
func (n *naive) allowed(client string) (*authv3.CheckResponse, error) {
	like := n.like.GetOkResponse()
	headers := make([]*corev3.HeaderValueOption, 0, len(like.GetHeaders()))
	for _, option := range like.GetHeaders() {
		header := &corev3.HeaderValue{Key: option.GetHeader().GetKey(), Value: option.GetHeader().GetValue(), RawValue: option.GetHeader().GetRawValue()}
		if header.GetKey() == "x-client-id" {
			header.Value = client
		}
		headers = append(headers, &corev3.HeaderValueOption{Header: header, AppendAction: option.GetAppendAction()})
	}
	metadata, err := structpb.NewStruct(n.metadata)
	if err != nil {
		return nil, err
	}
	return &authv3.CheckResponse{
		Status: &rpc.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
			Headers: headers, HeadersToRemove: like.GetHeadersToRemove(),
		}},
		DynamicMetadata: metadata,
	}, nil
}

func refused(status typev3.StatusCode) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status:       &rpc.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: status}}},
	}
}
