package parts

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Arrival is a request as it reached the upstream.
type Arrival struct {
	Method string      `json:"method"`
	Path   string      `json:"path"` // as it was written, with the query
	Host   string      `json:"host"`
	Proto  string      `json:"proto"` // HTTP/1.1 or HTTP/2.0
	Header http.Header `json:"header"`
}

// UpstreamServer is an API that answers every request with what arrived.
type UpstreamServer struct {
	server *httptest.Server

	mu       sync.Mutex
	arrivals []Arrival
}

// Upstream starts an API that speaks HTTP/1.1 and HTTP/2 without TLS on a free loopback port. It answers 200 and the
// Arrival as JSON; a gRPC call gets one empty message and grpc-status 0, which every method can be called with whose
// answer may be empty.
func Upstream(t testing.TB) *UpstreamServer {
	t.Helper()
	u := &UpstreamServer{}
	u.server = httptest.NewUnstartedServer(u)
	u.server.Config.Protocols = new(http.Protocols)
	u.server.Config.Protocols.SetHTTP1(true)
	u.server.Config.Protocols.SetUnencryptedHTTP2(true)
	u.server.Start()
	t.Cleanup(func() {
		u.server.CloseClientConnections()
		u.server.Close()
	})
	return u
}

// Addr returns the upstream's "host:port".
func (u *UpstreamServer) Addr() string { return u.server.Listener.Addr().(*net.TCPAddr).String() }

// Arrivals returns what has arrived so far, in order.
func (u *UpstreamServer) Arrivals() []Arrival {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Arrival(nil), u.arrivals...)
}

// ServeHTTP answers one request, and keeps what arrived.
func (u *UpstreamServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrival := Arrival{Method: r.Method, Path: r.RequestURI, Host: r.Host, Proto: r.Proto, Header: r.Header.Clone()}
	u.mu.Lock()
	u.arrivals = append(u.arrivals, arrival)
	u.mu.Unlock()
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		// A message is a byte that says whether it is compressed, four of its length, and the message.
		_, _ = w.Write(make([]byte, 5)) // an error means that the caller has left
		w.Header().Set("Grpc-Status", "0")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(arrival) // likewise
}
