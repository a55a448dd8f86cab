package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
)

func TestReadResponse(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		status int
		err    error
		left   string
	}{
		"no body":              {"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nserver: envoy\r\n\r\n", 200, nil, ""},
		"a body":               {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nnever", 401, nil, ""},
		"another one follows":  {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1", 200, nil, "HTTP/1.1"},
		"a status with no why": {"HTTP/1.1 503\r\ncontent-length: 0\r\n\r\n", 0, errResponse, ""},
		"chunks":               {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 0, errResponse, ""},
		"another version":      {"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 0, errResponse, ""},
		"not HTTP":             {"SSH-2.0\r\n", 0, errResponse, ""},
		"a negative length":    {"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", 0, errResponse, ""},
		"too long":             {"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", 0, errResponse, ""},
		"a head without end":   {"HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", 1000), 0, errResponse, ""},
		"nothing":              {"", 0, io.EOF, ""},
		"cut in its head":      {"HTTP/1.1 200 OK\r\ncontent-", 0, io.ErrUnexpectedEOF, ""},
		"cut in its body":      {"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nnev", 0, io.ErrUnexpectedEOF, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := bufio.NewReader(strings.NewReader(test.text))
			status, err := readResponse(r)
			if status != test.status || !errors.Is(err, test.err) {
				t.Errorf("readResponse(%q) = %d, %v, want %d, %v", test.text, status, err, test.status, test.err)
			}
			if left, _ := io.ReadAll(r); test.err == nil && string(left) != test.left {
				t.Errorf("readResponse(%q) leaves %q, want %q", test.text, left, test.left)
			}
		})
	}
}

// A request is what plain checks are about; with what Envoy adds to it, it has as
// many headers.
func TestNewRequest(t *testing.T) {
	token := newTokens(1)[0]
	want := http.Header{
		"User-Agent":      {"partner-sdk/3.2 (linux; amd64)"},
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip, deflate, br"},
		"Accept-Language": {"en-GB,en;q=0.9"},
		"Traceparent":     {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	}
	const pseudo, ofEnvoy = 4, 4
	if n := len(want) + 1 + pseudo + ofEnvoy; n != plainHeaders {
		t.Errorf("%d headers, want %d", n, plainHeaders)
	}
	for name, shown := range map[string]credential.Secret{"shown": token, "not shown": {}} {
		t.Run(name, func(t *testing.T) {
			got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(newRequest(shown))))
			if err != nil {
				t.Fatal(err)
			}
			if got.Method != http.MethodGet || got.Host != host || got.RequestURI != path {
				t.Errorf("%s %s of %s, want GET %s of %s", got.Method, got.RequestURI, got.Host, path, host)
			}
			want := want.Clone()
			if shown == token {
				want["Authorization"] = []string{"Bearer " + token.Expose()}
			}
			if diff := cmp.Diff(want, got.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}
