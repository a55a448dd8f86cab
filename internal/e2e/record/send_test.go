package record

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	frames "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
)

// limit is how long one request may take.
const limit = 30 * time.Second

// target is where a request goes: Envoy's listener, and what a client must have to speak to it.
type target struct {
	address string // "host:port" or "unix:/path"
	tls     *tls.Config
}

// dial opens a connection to the listener.
func (to target) dial(ctx context.Context) (net.Conn, error) {
	if path, ok := strings.CutPrefix(to.address, "unix:"); ok {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", to.address)
}

// connect opens a connection for one request, which the test closes; with TLS where the listener speaks it, for the
// protocol named.
func (to target) connect(t *testing.T, protocol string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := to.dial(ctx)
	if err != nil {
		t.Fatalf("dial %s: %v", to.address, err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if to.tls == nil {
		return conn
	}
	config := to.tls.Clone()
	config.NextProtos = []string{protocol}
	return tls.Client(conn, config)
}

// request sends one request and returns when it is answered, whatever the answer is.
type request func(t *testing.T, to target)

// http1 sends the lines of a request's head, and whatever bytes they hold, as HTTP/1.1.
func http1(lines ...string) request { return behind("", lines...) }

// behind sends a preamble, as of the PROXY protocol, and then a request over HTTP/1.1.
func behind(preamble string, lines ...string) request {
	return func(t *testing.T, to target) {
		t.Helper()
		conn := to.connect(t, "http/1.1")
		if _, err := conn.Write([]byte(preamble + strings.Join(lines, "\r\n") + "\r\n\r\n")); err != nil {
			t.Fatalf("%q: %v", lines[0], err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q: answer: %v", lines[0], err)
		}
		response.Body.Close()
	}
}

// http2 sends a request over HTTP/2, its fields in the order given, names and values in turn. Frames are written here,
// since the client of net/http sends fields in the order of a map.
func http2(method, path string, fields ...string) request {
	return func(t *testing.T, to target) {
		t.Helper()
		conn := to.connect(t, "h2")
		scheme := "http"
		if to.tls != nil {
			scheme = "https"
		}
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		all := []string{":method", method, ":authority", "api.example.test"}
		if method != http.MethodConnect { // RFC 9113 §8.5
			all = append(all, ":scheme", scheme, ":path", path)
		}
		all = append(all, fields...)
		for i := 0; i+1 < len(all); i += 2 {
			if err := encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}); err != nil {
				t.Fatal(err)
			}
		}
		framer := frames.NewFramer(conn, conn)
		if _, err := conn.Write([]byte(frames.ClientPreface)); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		err := errors.Join(framer.WriteSettings(), framer.WriteHeaders(frames.HeadersFrameParam{
			StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
		}))
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				t.Fatalf("%s %s: answer: %v", method, path, err)
			}
			switch frame := frame.(type) {
			case *frames.HeadersFrame:
				return
			case *frames.RSTStreamFrame:
				t.Fatalf("%s %s: the stream was reset: %v", method, path, frame.ErrCode)
			case *frames.GoAwayFrame:
				t.Fatalf("%s %s: the connection was ended: %v", method, path, frame.ErrCode)
			}
		}
	}
}

// grpcCall makes a call with a real gRPC client.
func grpcCall(method string, pairs ...string) request {
	return func(t *testing.T, to target) {
		t.Helper()
		conn, err := grpc.NewClient("passthrough:///api.example.test",
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return to.dial(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// Without a deadline, which would be sent as a header that differs each time; ended by the test's own.
		ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
		if err := conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
	}
}

// proxyV2 is the head of the PROXY protocol, version 2, for a connection between two addresses; without any it is one
// that the proxy makes for itself (LOCAL).
func proxyV2(from, to string) string {
	head := []byte("\r\n\r\n\x00\r\nQUIT\n")
	if from == "" {
		return string(append(head, 0x20, 0x00, 0, 0))
	}
	source, destination := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	family := byte(0x11) // TCP over IPv4
	if source.Addr().Is6() {
		family = 0x21
	}
	body := append(source.Addr().AsSlice(), destination.Addr().AsSlice()...)
	body = binary.BigEndian.AppendUint16(body, source.Port())
	body = binary.BigEndian.AppendUint16(body, destination.Port())
	head = append(head, 0x21, family)
	head = binary.BigEndian.AppendUint16(head, uint16(len(body)))
	return string(append(head, body...))
}

// proxyV1 is the head of the PROXY protocol, version 1.
func proxyV1(from, to string) string {
	source, destination := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	return fmt.Sprintf("PROXY TCP4 %s %s %d %d\r\n", source.Addr(), destination.Addr(), source.Port(), destination.Port())
}
