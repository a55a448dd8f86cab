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

// A kind of caller is what the answer to him depends on.
type kind int

const (
	anybody kind = iota // on his request alone
	known               // on facts that the server has in memory
	unknown             // on facts that it has to look up
)

// A caller is one who asks again and again.
type caller struct {
	name   string
	kind   kind
	token  func() string // that he presents this time; empty: none
	status int           // that the records say
	code   string        // of a denial
	client string        // who the API is told that he is, where he gets there
}

// An outcome is what an answer comes to.
type outcome int

const (
	gotWrong  outcome = iota // nothing of the following
	gotServed                // as the records say
	gotDenied                // a 503 of credence
	gotLate                  // a 503 of Envoy, which had no answer in time
)

// An expectation says which outcomes are right.
type expectation int

const (
	mustServe expectation = 1 << iota
	mustDeny
	either = mustServe | mustDeny // Redis is about to break, or to work again
)

func (e expectation) admits(got outcome) bool {
	switch got {
	case gotServed:
		return e&mustServe != 0
	case gotDenied:
		return e&mustDeny != 0
	case gotLate: // Envoy counts them too
		return true
	case gotWrong:
	}
	return false
}

// A phase says what callers may be told.
type phase struct {
	name   string
	expect func(caller) expectation
	begun  time.Time
}

// of gives what a caller may be told. Whoever needs no registry is told the
// same at all times.
func (p *phase) of(c caller) expectation {
	if c.kind == anybody {
		return mustServe
	}
	return p.expect(c)
}

// A traffic is a number of workers that send requests through Envoy, at a
// steady pace, and judge every answer.
type traffic struct {
	t       *testing.T
	url     string
	client  *http.Client
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	callers []caller
	phase   *phase
	answers int                // to those who need the registry, asked and answered in this phase
	row     map[string]outcome // by caller, what he got last …
	rows    map[string]int     // … and how often in a row
	counts  map[outcome]int
	denied  map[string]int           // 503s of credence, by caller
	took    map[string]time.Duration // the slowest answer, by caller
	faults  []string                 // what was wrong
}

// pace is how long a worker takes for a request at least.
const pace = 20 * time.Millisecond

// traffic sends requests until end is called, or the test ends. Any answer but
// a wrong one is right, until begin.
func (s *stack) traffic(t *testing.T, workers int, callers []caller) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	run := &traffic{
		t: t, url: s.envoy.URL(), callers: callers, client: &http.Client{Transport: transport, Timeout: 10 * time.Second},
		stop: stop, counts: make(map[outcome]int), denied: make(map[string]int), took: make(map[string]time.Duration),
	}
	run.begin("at first", allMayBe(either))
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
			r.mu.Lock()
			c := r.callers[turn%len(r.callers)]
			r.mu.Unlock()
			r.ask(c)
		}
	}
}

// join has one more caller ask from now on.
func (r *traffic) join(c caller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.callers = append(slices.Clone(r.callers), c)
}

// ask sends one request and judges the answer by the phase that it was asked in
// and by the one that it was answered in: either may be what it follows.
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
	if got == gotDenied {
		r.denied[c.name]++
	}
	if !(asked.of(c) | r.phase.of(c)).admits(got) {
		r.faults = append(r.faults, fmt.Sprintf("%s, %v after %q began: %s", c.name, time.Since(r.phase.begun).Round(time.Millisecond), r.phase.name, what))
	}
	if asked != r.phase || c.kind == anybody {
		return
	}
	r.answers++
	if r.row[c.name] != got {
		r.row[c.name], r.rows[c.name] = got, 0
	}
	r.rows[c.name]++
}

// send asks, and tells what came of it, for people too.
func (r *traffic) send(c caller) (outcome, string) {
	request, err := http.NewRequest(http.MethodGet, r.url, nil)
	if err != nil {
		return gotWrong, err.Error()
	}
	if token := c.token(); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
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
	case c.status != http.StatusOK || strings.Contains(string(body), `"X-Client-Id":["`+c.client+`"]`):
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
func (r *traffic) begin(name string, expect func(caller) expectation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = &phase{name, expect, time.Now()}
	r.answers, r.row, r.rows = 0, make(map[string]outcome), make(map[string]int)
}

// allMayBe expects the same for everybody.
func allMayBe(e expectation) func(caller) expectation { return func(caller) expectation { return e } }

// awaitAnswers waits until that many were given in this phase to those who need
// the registry.
func (r *traffic) awaitAnswers(n int) {
	r.t.Helper()
	r.await(fmt.Sprintf("%d answers", n), func() bool { return r.answers >= n })
}

// awaitRow waits until each of some callers got the same that often in a row.
// What was a 503 before is not told apart from what was lost to a busy machine,
// so that a single one must not fail a test.
func (r *traffic) awaitRow(n int, got outcome, of func(caller) bool) {
	r.t.Helper()
	r.await(fmt.Sprintf("each gets %d of outcome %d in a row", n, got), func() bool {
		return !slices.ContainsFunc(r.callers, func(c caller) bool {
			return c.kind != anybody && of(c) && (r.row[c.name] != got || r.rows[c.name] < n)
		})
	})
}

func everybody(caller) bool { return true }

// await waits until something holds, or an answer was wrong, which fails.
func (r *traffic) await(what string, holds func() bool) {
	r.t.Helper()
	parts.Await(r.t, 30*time.Second, what, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.faults) > 0 || holds() {
			return nil
		}
		return fmt.Errorf("%s: %d answers, rows %v of %v", r.phase.name, r.answers, r.rows, r.row)
	})
}

// complain adds something that was wrong.
func (r *traffic) complain(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// wrong gives what was wrong so far.
func (r *traffic) wrong() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.faults)
}

// end ends the traffic. Every answer is judged then.
func (r *traffic) end() {
	r.stop()
	r.running.Wait()
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
	ofKind := func(k kind) func(caller) bool { return func(c caller) bool { return c.kind == k } }
	slowestKnown, slowestUnknown := r.slowest(ofKind(known)), r.slowest(ofKind(unknown))
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%d as the records say, %d denied with 503 %v, %d late; slowest: known %v, unknown %v",
		r.counts[gotServed], r.counts[gotDenied], r.denied, r.counts[gotLate],
		slowestKnown.Round(time.Millisecond), slowestUnknown.Round(time.Millisecond))
}
