package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"credence/internal/e2e/parts"
)

// A caller is one who asks again and again.
type caller struct {
	name    string
	token   string // empty: none
	status  int    // that the records say
	code    string // of a denial
	looksUp bool   // what he is told depends on the registry
}

// An outcome is what an answer comes to.
type outcome int

const (
	gotWrong  outcome = iota // nothing of the following
	gotServed                // as the records say
	gotDenied                // a 503 of credence
	gotLate                  // a 503 of Envoy, which had no answer in time
)

// A phase says what callers who need the registry may be told. All others are
// told what they always are.
type phase int

const (
	anything    phase = iota // as the records say, or 503: Redis is about to break, or to work again
	unavailable              // 503, if they are hit
)

// A traffic is a number of workers that send requests through Envoy, at a
// steady pace, and judge every answer.
type traffic struct {
	t       *testing.T
	url     string
	callers []caller
	client  *http.Client
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	phase  phase
	hit    func(caller) bool // who must be told 503, where the phase says so
	since  int               // answers to those in this phase
	row    int               // of them served one after another
	counts map[outcome]int
	took   map[string]time.Duration // the slowest answer by caller
	faults []string                 // what was wrong
}

// pace is how long a worker takes for a request at least.
const pace = 12 * time.Millisecond

// traffic sends requests until end is called, or the test ends.
func (s *stack) traffic(t *testing.T, workers int, callers []caller) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	run := &traffic{
		t: t, url: s.envoy.URL(), callers: callers, client: &http.Client{Transport: transport, Timeout: 10 * time.Second},
		stop: stop, counts: make(map[outcome]int), took: make(map[string]time.Duration),
	}
	for worker := range workers {
		run.running.Go(func() { run.work(ctx, worker) })
	}
	t.Cleanup(func() {
		stop()
		run.running.Wait()
		transport.CloseIdleConnections()
	})
	return run
}

func (r *traffic) work(ctx context.Context, turn int) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for ; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.ask(r.callers[turn%len(r.callers)])
		}
	}
}

// ask sends one request and judges the answer by the phase that it was asked
// and answered in.
func (r *traffic) ask(c caller) {
	r.mu.Lock()
	asked := r.phase
	r.mu.Unlock()
	begun := time.Now()
	got, what := r.send(c)
	took := time.Since(begun)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[got]++
	r.took[c.name] = max(r.took[c.name], took)
	if got == gotWrong || got == gotDenied && !c.looksUp || got == gotServed && asked == r.phase && r.mustFail(c) {
		r.faults = append(r.faults, fmt.Sprintf("%s: %s", c.name, what))
	}
	if asked != r.phase || !c.looksUp || r.phase == unavailable && !r.mustFail(c) {
		return
	}
	r.since++
	r.row++
	if got != gotServed {
		r.row = 0
	}
}

func (r *traffic) mustFail(c caller) bool { return r.phase == unavailable && c.looksUp && r.hit(c) }

// send asks, and tells what came of it, for people too.
func (r *traffic) send(c caller) (outcome, string) {
	request, err := http.NewRequest(http.MethodGet, r.url, nil)
	if err != nil {
		return gotWrong, err.Error()
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return gotWrong, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return gotWrong, err.Error()
	}
	what := fmt.Sprintf("%s %v %s", response.Status, response.Header, body)
	switch code := problemCode(response, body); {
	case response.StatusCode == http.StatusServiceUnavailable && len(body) == 0:
		return gotLate, what
	case response.StatusCode == http.StatusServiceUnavailable && code == "unavailable" && canRetry(response):
		return gotDenied, what
	case response.StatusCode != c.status || code != c.code:
		return gotWrong, what
	case c.status != http.StatusOK || strings.Contains(string(body), `"X-Client-Id":["acme"]`):
		return gotServed, what
	}
	return gotWrong, what
}

// problemCode gives the code of a denial of credence.
func problemCode(response *http.Response, body []byte) string {
	var problem struct{ Code string }
	if response.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(body, &problem) != nil {
		return ""
	}
	return problem.Code
}

// canRetry tells whether an answer says when to try again.
func canRetry(response *http.Response) bool {
	return slices.Contains([]string{"1", "2", "3"}, response.Header.Get("Retry-After"))
}

// begin begins a phase.
func (r *traffic) begin(p phase) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase, r.since, r.row = p, 0, 0
}

// awaitDenied waits until that many requests were all denied with 503, of those
// who are hit.
func (r *traffic) awaitDenied(n int, hit func(caller) bool) {
	r.t.Helper()
	r.mu.Lock()
	r.hit = hit
	r.mu.Unlock()
	r.begin(unavailable)
	r.await(fmt.Sprintf("%d requests are denied", n), func() bool { return r.since >= n })
	r.begin(anything)
}

// awaitServed waits until that many requests in a row were answered as the
// records say. What was a 503 before is not told apart from what was lost to
// a busy machine, so that a single one must not fail a test.
func (r *traffic) awaitServed(when string, row int) {
	r.t.Helper()
	r.begin(anything)
	r.await(fmt.Sprintf("%d requests in a row are served %s", row, when), func() bool { return r.row >= row })
}

// await waits until something holds, or an answer was wrong, which fails.
func (r *traffic) await(what string, holds func() bool) {
	r.t.Helper()
	parts.Await(r.t, 30*time.Second, what, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.faults) > 0 || holds() {
			return nil
		}
		return fmt.Errorf("%d answers, %d in a row served", r.since, r.row)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.faults) > 0 {
		r.t.Fatalf("until %s, wrong answers:\n%s", what, strings.Join(r.faults[:min(len(r.faults), 10)], "\n"))
	}
}

// end ends the traffic. Every answer is judged then.
func (r *traffic) end() {
	r.t.Helper()
	r.stop()
	r.running.Wait()
	if len(r.faults) > 0 {
		r.t.Errorf("wrong answers:\n%s", strings.Join(r.faults[:min(len(r.faults), 10)], "\n"))
	}
}

// late counts the answers that were Envoy's own.
func (r *traffic) late() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.counts[gotLate])
}

// slowest gives the slowest answer to some callers.
func (r *traffic) slowest(of func(caller) bool) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := time.Duration(0)
	for _, c := range r.callers {
		if of(c) {
			most = max(most, r.took[c.name])
		}
	}
	return most
}

// String tells what came of it all.
func (r *traffic) String() string {
	slowest := r.slowest(func(c caller) bool { return c.looksUp })
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%d served, %d denied with 503, %d late; the slowest of those who need the registry took %v",
		r.counts[gotServed], r.counts[gotDenied], r.counts[gotLate], slowest.Round(time.Millisecond))
}
