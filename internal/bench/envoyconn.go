package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"credence/internal/credential"
)

// newRequest makes the request that plain checks are about, as a client sends it;
// its credential is left out where it is empty. What Envoy adds, a client does
// not send: x-envoy-external-address is one more, and content-type, which a GET
// has no use for, makes room for it, so that Envoy's checks have 14 headers too.
func newRequest(shown credential.Secret) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nhost: %s\r\n", path, host)
	for _, header := range (request{peerAddress, routeScopes, plainHeaders}).headerList(shown, 0) {
		name, value := header[0], header[1]
		switch {
		case strings.HasPrefix(name, ":"), strings.HasPrefix(name, "x-"), name == "content-type":
		case name == "authorization" && shown.Expose() == "":
		default:
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// An httpConn is one connection to Envoy, with one request at a time on it. It
// does what is needed for that and no more: net/http would take more CPU than
// what is measured.
type httpConn struct {
	conn   net.Conn
	reader *bufio.Reader
}

// dialHTTP connects, and says by the PROXY protocol where the client is.
func dialHTTP(ctx context.Context, address, client string) (*httpConn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(conn, "PROXY TCP4 %s 192.0.2.1 40000 443\r\n", client); err != nil {
		conn.Close()
		return nil, err
	}
	return &httpConn{conn, bufio.NewReader(conn)}, nil
}

func (c *httpConn) close() { c.conn.Close() }

// until says when the server must have answered all.
func (c *httpConn) until(end time.Time) error { return c.conn.SetDeadline(end) }

// exchange sends a request and gives the status of its response.
func (c *httpConn) exchange(request []byte) (status int, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	return readResponse(c.reader)
}

const (
	mostLines = 64      // of a response's head
	mostBody  = 1 << 16 // bytes
)

var errResponse = errors.New("not a response that is understood here")

// readResponse reads a response to its end and gives its status. It understands
// what Envoy answers by itself: a head, and a body whose length the head tells.
func readResponse(r *bufio.Reader) (status int, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	status, err = strconv.Atoi(string(code))
	if err != nil || string(version) != "HTTP/1.1" {
		return 0, fmt.Errorf("%w: status line %q", errResponse, line)
	}
	length, err := readHead(r)
	if err != nil {
		return 0, err
	}
	if _, err := r.Discard(length); err != nil {
		return 0, unexpected(err)
	}
	return status, nil
}

// readHead reads headers up to the empty line and gives the length of the body.
func readHead(r *bufio.Reader) (length int, err error) {
	length = -1
	for range mostLines {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, unexpected(err)
		}
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":"))
		switch {
		case len(name) == 0 && length < 0:
			return 0, fmt.Errorf("%w: no length", errResponse)
		case len(name) == 0:
			return length, nil
		case bytes.EqualFold(name, []byte("content-length")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil || length < 0 || length > mostBody {
				return 0, fmt.Errorf("%w: content-length %q", errResponse, value)
			}
		}
	}
	return 0, fmt.Errorf("%w: more than %d headers", errResponse, mostLines)
}

// unexpected says of the end of a stream that it came too soon.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
