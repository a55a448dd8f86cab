package e2e

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A line is a connection over which one server is asked, one check after the
// other. It speaks no more of HTTP/2 than that takes: under the race detector
// a whole client of gRPC costs as much as the server that it asks.
type line struct {
	conn   net.Conn
	in     *bufio.Reader
	stream uint32
	out    []byte
}

// Kinds and flags of frames (RFC 9113 §6).
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway, frameWindow = 0, 1, 3, 4, 6, 7, 8

	flagAck, flagEndStream, flagEndHeaders = 1, 1, 4

	frameHead = 9
)

// checkHead is what stands before the message of every check: the headers of a
// call (RFC 7541 §6.2.2, no field indexed).
var checkHead = func() (block []byte) {
	for _, field := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", "/envoy.service.auth.v3.Authorization/Check"},
		{":authority", "credence"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{"grpc-timeout", "10S"},
	} {
		block = append(block, 0)
		for _, text := range field {
			block = append(append(block, byte(len(text))), text...)
		}
	}
	return block
}()

// newLine connects to a server, for as long as the test runs.
func newLine(t *testing.T, address string) *line {
	t.Helper()
	l, err := dialLine(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.conn.Close() })
	return l
}

// dialLine connects to a server, at host:port or unix:path.
func dialLine(address string) (*line, error) {
	network := "tcp"
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		network, address = "unix", path
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, in: bufio.NewReader(conn)}
	l.out = append(l.out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"...)
	l.frame(frameSettings, 0, 0, nil)
	l.frame(frameWindow, 0, 0, binary.BigEndian.AppendUint32(nil, 1<<30)) // all answers of a test come to less
	return l, nil
}

// frame adds a frame to what is sent next.
func (l *line) frame(kind, flags byte, stream uint32, payload []byte) {
	size := len(payload)
	l.out = append(l.out, byte(size>>16), byte(size>>8), byte(size), kind, flags)
	l.out = append(binary.BigEndian.AppendUint32(l.out, stream), payload...)
}

// ask sends a check, as framed makes it, and gives the message of the answer.
func (l *line) ask(check []byte) ([]byte, error) {
	if err := l.send(check); err != nil {
		return nil, err
	}
	return l.answer()
}

// send sends a check.
func (l *line) send(check []byte) error {
	if err := l.conn.SetDeadline(time.Now().Add(longestAnswer)); err != nil {
		return err
	}
	l.stream += 2
	l.frame(frameHeaders, flagEndHeaders, l.stream-1, checkHead)
	l.frame(frameData, flagEndStream, l.stream-1, check)
	return l.flush()
}

func (l *line) flush() error {
	_, err := l.conn.Write(l.out)
	l.out = l.out[:0]
	return err
}

// answer waits for the answer to what was sent.
func (l *line) answer() ([]byte, error) {
	var answer []byte
	for {
		kind, flags, payload, err := l.read()
		switch {
		case err != nil:
			return nil, err
		case kind == frameGoAway, kind == frameReset:
			return nil, fmt.Errorf("a frame of kind %d: %q", kind, payload)
		case kind == frameSettings && flags&flagAck == 0:
			l.frame(frameSettings, flagAck, 0, nil)
		case kind == framePing && flags&flagAck == 0:
			l.frame(framePing, flagAck, 0, payload)
		case kind == frameData:
			answer = append(answer, payload...)
		}
		if len(l.out) > 0 {
			if err := l.flush(); err != nil {
				return nil, err
			}
		}
		if (kind == frameData || kind == frameHeaders) && flags&flagEndStream != 0 {
			return unframed(answer)
		}
	}
}

// read reads a frame.
func (l *line) read() (kind, flags byte, payload []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return 0, 0, nil, err
	}
	payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err = io.ReadFull(l.in, payload)
	return head[3], head[4], payload, err
}

// framed puts a message as gRPC does: that it is not compressed, and its
// length.
func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// unframed gives the message of an answer. An error of the call has none.
func unframed(answer []byte) ([]byte, error) {
	if len(answer) < 5 || len(answer) != 5+int(binary.BigEndian.Uint32(answer[1:])) {
		return nil, errors.New("an error instead of an answer")
	}
	return answer[5:], nil
}
