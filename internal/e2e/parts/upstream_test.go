package parts

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
)

func TestUpstreamTellsWhatArrived(t *testing.T) {
	for _, test := range []struct {
		name  string
		http2 bool
		proto string
	}{{"HTTP/1.1", false, "HTTP/1.1"}, {"HTTP/2", true, "HTTP/2.0"}} {
		t.Run(test.name, func(t *testing.T) {
			api := Upstream(t)
			request, err := http.NewRequest(http.MethodPut, "http://"+api.Addr()+"/a%20b?c=d", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			request.Host = "api.example.test"
			request.Header["X-Twice"] = []string{"1", "2"}
			got := do(t, test.http2, request)
			want := Arrival{Method: "PUT", Path: "/a%20b?c=d", Host: "api.example.test", Proto: test.proto}
			if diff := cmp.Diff([]string{"1", "2"}, got.Header["X-Twice"]); diff != "" {
				t.Errorf("X-Twice, -want +got:\n%s", diff)
			}
			got.Header = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what arrived, -want +got:\n%s", diff)
			}
			if n := len(api.Arrivals()); n != 1 {
				t.Errorf("arrivals kept: got %d, want 1", n)
			}
		})
	}
}

// do sends a request and returns what the upstream says of it.
func do(t *testing.T, http2 bool, request *http.Request) Arrival {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	defer transport.CloseIdleConnections()
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	defer response.Body.Close()
	var got Arrival
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: status %d, body: %v", request.Method, request.URL, response.StatusCode, err)
	}
	return got
}

func TestUpstreamAnswersGRPC(t *testing.T) {
	api := Upstream(t)
	conn, err := grpc.NewClient(api.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-sent", "yes")
	if err := conn.Invoke(ctx, "/a.Service/Method", &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
		t.Fatalf("call: %v", err)
	}
	arrivals := api.Arrivals()
	if len(arrivals) != 1 || arrivals[0].Path != "/a.Service/Method" || arrivals[0].Header.Get("X-Sent") != "yes" {
		t.Errorf("arrivals: got %+v, want one call of /a.Service/Method with x-sent: yes", arrivals)
	}
}
