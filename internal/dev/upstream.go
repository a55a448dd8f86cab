package dev

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// newUpstream makes the API behind Envoy: it answers with the request as it
// arrived, so that one sees which headers were set and which were removed.
func newUpstream() *http.Server {
	return &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: 5 * time.Second}
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// #nosec G705 -- plain text, on loopback
	_, _ = fmt.Fprintf(w, "the upstream got: %s %s\n", r.Method, r.URL.RequestURI())
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		// #nosec G705
		_, _ = fmt.Fprintf(w, "  %s: %s\n", strings.ToLower(name), strings.Join(r.Header[name], ", "))
	}
}

// listenNear listens on loopback at the port, or at a free one where it is
// taken.
func listenNear(port string) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, port))
	if err != nil {
		listener, err = net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("dev: listen: %w", err)
	}
	return listener, nil
}

// freeNear gives an address on loopback that nobody listens on, with that port
// if it can be had. It is for parts that open their listeners themselves.
func freeNear(port string) (string, error) {
	listener, err := listenNear(port)
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

const loopback = "127.0.0.1"
