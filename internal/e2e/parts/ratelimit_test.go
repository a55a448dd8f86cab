package parts

import (
	"testing"

	ratelimitcommonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestRateLimitCountsWhatItIsTold(t *testing.T) {
	service := RateLimit(t)
	connection, err := grpc.NewClient("passthrough:///"+service.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	client := ratelimitv3.NewRateLimitServiceClient(connection)

	limited := &ratelimitcommonv3.RateLimitDescriptor{
		Entries: []*ratelimitcommonv3.RateLimitDescriptor_Entry{{Key: "client", Value: "acme"}, {Key: "path", Value: "/"}},
		Limit:   &ratelimitcommonv3.RateLimitDescriptor_RateLimitOverride{RequestsPerUnit: 2, Unit: typev3.RateLimitUnit_HOUR},
	}
	free := &ratelimitcommonv3.RateLimitDescriptor{Entries: []*ratelimitcommonv3.RateLimitDescriptor_Entry{{Key: "client", Value: "other"}}}
	const ok, over = ratelimitv3.RateLimitResponse_OK, ratelimitv3.RateLimitResponse_OVER_LIMIT
	for i, step := range []struct {
		ask  []*ratelimitcommonv3.RateLimitDescriptor
		want ratelimitv3.RateLimitResponse_Code
	}{
		{[]*ratelimitcommonv3.RateLimitDescriptor{limited}, ok},
		{[]*ratelimitcommonv3.RateLimitDescriptor{free, limited}, ok},
		{[]*ratelimitcommonv3.RateLimitDescriptor{free, limited}, over},
		{[]*ratelimitcommonv3.RateLimitDescriptor{free}, ok},
	} {
		answer, err := client.ShouldRateLimit(t.Context(), &ratelimitv3.RateLimitRequest{Domain: "api", Descriptors: step.ask})
		if err != nil {
			t.Fatal(err)
		}
		if answer.GetOverallCode() != step.want || len(answer.GetStatuses()) != len(step.ask) {
			t.Errorf("step %d: answered %v, want %v and %d statuses", i, answer, step.want, len(step.ask))
		}
	}
	acme, other := Asked{"api", "client=acme path=/", "2/HOUR"}, Asked{"api", "client=other", ""}
	if diff := cmp.Diff([]Asked{acme, other, acme, other, acme, other}, service.Asked()); diff != "" {
		t.Errorf("what it was asked, -want +got:\n%s", diff)
	}
}
