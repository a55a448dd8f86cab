package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// What differs from run to run, and what stands for it in a recording.
const (
	streamID        = "1"
	requestID       = "00000000-0000-4000-8000-000000000000"
	sourcePort      = 40000
	destinationPort = 10000
	listenerSocket  = "/run/envoy/listener.sock"
	machine         = "192.0.2.2" // Envoy adds its machine's address to x-forwarded-for for a client on loopback
)

var (
	started    = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	grpcClient = regexp.MustCompile(`grpc-go/[0-9.]+`)
)

// settle sets what differs from run to run to its fixed values.
func settle(request *authv3.CheckRequest) {
	attributes := request.GetAttributes()
	settleAddress(attributes.GetSource().GetAddress(), sourcePort)
	settleAddress(attributes.GetDestination().GetAddress(), destinationPort)
	if r := attributes.GetRequest(); r != nil {
		r.Time = timestamppb.New(started)
	}
	http := attributes.GetRequest().GetHttp()
	if http == nil {
		return
	}
	http.Id = streamID
	for name, value := range http.GetHeaders() {
		http.Headers[name] = settleHeader(name, value)
	}
	for _, header := range http.GetHeaderMap().GetHeaders() {
		header.RawValue = []byte(settleHeader(header.GetKey(), string(header.GetRawValue())))
	}
}

// settleAddress sets a port that the kernel chose, and the path of a socket in a directory of a test.
func settleAddress(address *corev3.Address, port uint32) {
	if socket := address.GetSocketAddress(); socket.GetPortValue() != 0 {
		socket.PortSpecifier = &corev3.SocketAddress_PortValue{PortValue: port}
	}
	if pipe := address.GetPipe(); pipe.GetPath() != "" {
		pipe.Path = listenerSocket
	}
}

// settleHeader returns the fixed value of a header that differs: the id that Envoy makes, the version in the name of the
// gRPC client, and the address of this machine.
func settleHeader(name, value string) string {
	switch name {
	case "x-request-id":
		return requestID
	case "user-agent":
		return grpcClient.ReplaceAllString(value, "grpc-go/1")
	case "x-forwarded-for":
		last := strings.LastIndexByte(value, ',') + 1
		if ofThisMachine(value[last:]) {
			return value[:last] + machine
		}
	}
	return value
}

func ofThisMachine(address string) bool {
	networks, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(networks, func(network net.Addr) bool {
		prefix, err := netip.ParsePrefix(network.String())
		return err == nil && prefix.Addr().String() == address
	})
}

// encode returns the JSON form of a request, the same bytes each time: protojson alone varies its white space on purpose.
func encode(request *authv3.CheckRequest) ([]byte, error) {
	loose, err := protojson.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	var tight, pretty bytes.Buffer
	if err := json.Compact(&tight, loose); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if err := json.Indent(&pretty, tight.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	pretty.WriteByte('\n')
	var back authv3.CheckRequest
	if err := protojson.Unmarshal(pretty.Bytes(), &back); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if !proto.Equal(request, &back) {
		return nil, errors.New("record: the JSON form is another message")
	}
	return pretty.Bytes(), nil
}
