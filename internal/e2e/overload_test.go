package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"credence/internal/authz/authztest"
	"credence/internal/credential"
	"credence/internal/e2e/parts"
)

const (
	readsTake     = 40 * time.Millisecond // so that few lookups a second are many
	overloadedFor = 2 * time.Second
	mostGrowth    = 64 << 20 // of the server's memory, in bytes
	absentFacts   = 10_000   // that a server keeps at most
)

// TestOverloadIsShed asks about unknown tokens at twice the rate that can be
// looked up. What gets no turn is told so, in time; whoever is known notices
// nothing; health is answered; and memory is bounded, whatever is asked.
func TestOverloadIsShed(t *testing.T) {
	l := newLoad(t)
	memory, goroutines := l.service.memory(), l.service.metric("go_goroutines")
	l.wire.Slow(readsTake)

	for attempt := 1; ; attempt++ {
		wrong, stalled := l.overload(t)
		if len(wrong) == 0 {
			break
		}
		if stalled < stall || attempt == attempts {
			t.Fatalf("attempt %d, while the machine stood still for %v at most:\n%s", attempt, stalled, strings.Join(wrong, "\n"))
		}
		t.Logf("the machine stood still for %v: again, since\n%s", stalled, strings.Join(wrong, "\n"))
	}

	// Far more than are kept.
	l.wire.Heal()
	await(t, "lookups are answered again", func() bool { return l.ask(t, stranger(), 1) == "token_unknown" })
	for asked := 0; asked < absentFacts+1000; {
		asked += int(l.sustainable(t, 48, time.Second))
	}
	if n := l.service.metric(`credence_facts{kind="absent"}`); n < absentFacts/2 || n > absentFacts {
		t.Errorf("%v absent facts are kept, want many, and %d at most", n, absentFacts)
	}
	if got := l.service.memory() - memory; got > mostGrowth {
		t.Errorf("the server has grown by %d MiB, want %d at most", got>>20, mostGrowth>>20)
	} else {
		t.Logf("memory before: %d MiB, after: %d more", memory>>20, got>>20)
	}
	await(t, "goroutines have ended", func() bool { return l.service.metric("go_goroutines") < goroutines+200 }) // connections have some
	if got := l.ask(t, l.known, 1); got != "allowed" {
		t.Errorf("a known token after all that: %s", got)
	}
}

// overload asks for twice what is sustained. It gives what was wrong, and for
// how long the machine stood still.
func (l *load) overload(t *testing.T) (wrong []string, stalled time.Duration) {
	t.Helper()
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	rate := l.sustainable(t, 48, time.Second) // as many at a time as strangers get turns
	w := watch()
	known, stop := l.askKnown(t)
	got := l.flood(t, 2*rate, overloadedFor)
	stop()
	stalled = w.end()
	t.Logf("%.0f lookups a second are sustained; at twice that: %s; known: %s; the machine stood still for %v at most", rate, got, known, stalled)

	looked, shed, late := got.reasons["token_unknown"], got.reasons["overloaded"], got.reasons["registry_unavailable"]
	if few := got.total() / 5; looked < few || shed < few || looked+shed+late != got.total() {
		complain("of %d unknown tokens, decided %v: want token_unknown and overloaded, each for a fifth at least", got.total(), got.reasons)
	}
	if late > 0 && stalled < stall { // their time was over before Redis answered
		complain("%d lookups were begun that could not end in time", late)
	}
	if known.reasons["allowed"] != known.total() || known.total() < 30 {
		complain("of %d checks of a known token, decided %v: want all allowed, and 30 at least", known.total(), known.reasons)
	}
	for who, answers := range map[string]*answers{"known": known, "unknown": got} {
		if most := 200*time.Millisecond + 5*stalled; answers.slowest > most { // Envoy waits 200 ms
			complain("%s: the slowest answer took %v, want %v at most", who, answers.slowest, most)
		}
	}
	return wrong, stalled
}

// A load is a server that can be asked a lot.
type load struct {
	service *service
	wire    *parts.WireProxy
	clients []authv3.AuthorizationClient
	health  healthv1.HealthClient
	known   string // a token in good standing
}

func newLoad(t *testing.T) *load {
	t.Helper()
	redis := parts.Redis(t)
	s := &stack{t: t, redis: redis}
	s.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "s1", "created_at", ago(time.Hour))
	l := &load{known: s.good().secret, wire: parts.Wire(t, redis.Addr())}
	// A machine that is busy must not make Redis seem to be gone.
	l.service = startService(t, "redis://"+l.wire.Addr()+"/0", "0s", "cache: {stale_for: 1h, ttl: 1h}")
	for range 5 {
		connection := l.service.dial(t)
		l.clients = append(l.clients, authv3.NewAuthorizationClient(connection))
		l.health = healthv1.NewHealthClient(connection)
	}
	await(t, "ready", func() bool { return l.ask(t, l.known, 0) == "allowed" })
	return l
}

// dial connects to the server as Envoy does.
func (s *service) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient("unix:"+filepath.Dir(s.config)+"/authz.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// ask checks a token, from one of some addresses, and gives the reason of the
// decision.
func (l *load) ask(t *testing.T, token string, turn int) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	response, err := l.clients[turn%len(l.clients)].Check(ctx, checkOf(authztest.Sent{
		Source: net.IPv4(203, 0, 113, byte(turn%50)).String(), Method: "GET", Target: "/", Scheme: "https",
		HeaderMap: credential.Headers{{Name: "x-api-key", Value: token}},
	}))
	if err != nil {
		t.Errorf("an RPC error is no decision: %v", err)
		return err.Error()
	}
	return response.GetDynamicMetadata().GetFields()["reason"].GetStringValue()
}

// Answers are what became of some checks.
type answers struct {
	mu      sync.Mutex
	reasons map[string]int
	slowest time.Duration
}

func (a *answers) add(reason string, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reasons == nil {
		a.reasons = make(map[string]int)
	}
	a.reasons[reason]++
	a.slowest = max(a.slowest, took)
}

func (a *answers) total() int {
	n := 0
	for _, count := range a.reasons {
		n += count
	}
	return n
}

func (a *answers) String() string {
	return fmt.Sprintf("%v, the slowest after %v", a.reasons, a.slowest.Round(time.Millisecond))
}

// sustainable asks about unknown tokens, a number at a time, and gives how many
// a second are answered. None may be shed.
func (l *load) sustainable(t *testing.T, atATime int, during time.Duration) float64 {
	t.Helper()
	var got answers
	var workers sync.WaitGroup
	begun := time.Now()
	for worker := range atATime {
		workers.Go(func() {
			for time.Since(begun) < during {
				asked := time.Now()
				got.add(l.ask(t, stranger(), worker), time.Since(asked))
			}
		})
	}
	workers.Wait()
	return float64(got.reasons["token_unknown"]) / time.Since(begun).Seconds()
}

// flood asks about unknown tokens at a rate, whether or not they are answered.
func (l *load) flood(t *testing.T, rate float64, during time.Duration) *answers {
	t.Helper()
	const every = 5 * time.Millisecond
	got := &answers{}
	var asking sync.WaitGroup
	tick := time.NewTicker(every)
	defer tick.Stop()
	begun, sent := time.Now(), 0
	for time.Since(begun) < during {
		<-tick.C
		for due := int(rate * time.Since(begun).Seconds()); sent < due; sent++ {
			turn := sent
			asking.Go(func() {
				asked := time.Now()
				got.add(l.ask(t, stranger(), turn), time.Since(asked))
			})
		}
	}
	asking.Wait()
	return got
}

// askKnown checks the known token and asks for health, again and again, until
// stop. Health must always be well.
func (l *load) askKnown(t *testing.T) (got *answers, stop func()) {
	t.Helper()
	got = &answers{}
	ctx, cancel := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	asking.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			asked := time.Now()
			got.add(l.ask(t, l.known, 0), time.Since(asked))
			health, err := l.health.Check(context.WithoutCancel(ctx), &healthv1.HealthCheckRequest{})
			if err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
				t.Errorf("health: %v %v", health, err)
			}
			if status, body := l.service.page("/readyz"); status != http.StatusOK || body != "ready\n" {
				t.Errorf("/readyz: %d %s", status, body)
			}
		}
	})
	return got, func() { cancel(); asking.Wait() }
}

// memory gives how much memory the process has, in bytes.
func (s *service) memory() int {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	text, _, found := strings.Cut(rest, "kB")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(text))
	if !found || err != nil {
		s.t.Fatalf("no VmRSS: %v", err)
	}
	return kilobytes << 10
}

// metric gives a series of a metric; zero where there is none.
func (s *service) metric(series string) float64 {
	s.t.Helper()
	_, page := s.page("/metrics")
	return valueOf(s.t, page, func(candidate string) bool { return candidate == series })
}
