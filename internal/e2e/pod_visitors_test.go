package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"credence/internal/e2e/parts"
)

// Answers of which nobody is told by credence's records.
const (
	ofEnvoy     = "503 of Envoy"    // credence did not answer
	unavailable = "503 unavailable" // credence knew no better
)

// A visitor is one who asks through Envoy again and again. Its answers are
// written as a status and who was let in ("200 acme"), why not
// ("401 credential_missing"), or that it was Envoy's own.
type visitor struct {
	name  string
	token string // empty: none
	right string // the answer that the records give
	now   *ruling
}

// A ruling says what a visitor may be answered, and counts what he was.
type ruling struct {
	may     []string
	answers int // to what was asked since it is so
	last    string
	row     int // how often the last answer came in a row
}

// Visitors are some who ask, in turns and at a steady pace, until they leave.
type visitors struct {
	t       *testing.T
	url     string
	client  *http.Client
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	all    []*visitor
	counts map[string]int // of all answers
	faults []string       // answers that should not have been
}

// visit has visitors ask an Envoy for the right answers.
func visit(t *testing.T, edge *parts.EnvoyProxy, all []*visitor) *visitors {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	const workers = 4
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	v := &visitors{
		t: t, url: edge.URL(), client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
		stop: stop, all: all, counts: make(map[string]int),
	}
	v.must()
	for worker := range workers {
		v.running.Go(func() {
			turn := worker
			repeat(ctx, pace, func() {
				v.ask(all[turn%len(all)])
				turn++
			})
		})
	}
	t.Cleanup(func() {
		stop()
		v.running.Wait()
		transport.CloseIdleConnections()
	})
	return v
}

// must lets each be answered as the records say, from now on.
func (v *visitors) must() {
	for _, one := range v.all {
		v.rule(one, one.right)
	}
}

// mayBe lets each be answered otherwise too.
func (v *visitors) mayBe(others ...string) {
	for _, one := range v.all {
		v.rule(one, append(others, one.right)...)
	}
}

// mustAll lets all be answered the same.
func (v *visitors) mustAll(answer string) {
	for _, one := range v.all {
		v.rule(one, answer)
	}
}

// rule says what one may be answered from now on.
func (v *visitors) rule(one *visitor, may ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	one.now = &ruling{may: slices.Clone(may)}
}

// ask sends one request. What was right when it was asked, or is when it is
// answered, is right.
func (v *visitors) ask(one *visitor) {
	v.mu.Lock()
	asked := one.now
	v.mu.Unlock()
	got := v.send(one.token)

	v.mu.Lock()
	defer v.mu.Unlock()
	v.counts[got]++
	if !slices.Contains(asked.may, got) && !slices.Contains(one.now.may, got) {
		v.faults = append(v.faults, fmt.Sprintf("%s: %s, want one of %q", one.name, got, one.now.may))
	}
	if asked != one.now {
		return
	}
	asked.answers++
	if asked.last != got {
		asked.last, asked.row = got, 0
	}
	asked.row++
}

// send sends a request and gives the answer.
func (v *visitors) send(token string) string {
	request, err := http.NewRequest(http.MethodGet, v.url, nil)
	if err != nil {
		return err.Error()
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := v.client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	code := problemCode(response, body)
	var arrival parts.Arrival
	switch {
	case response.StatusCode == http.StatusOK && json.Unmarshal(body, &arrival) == nil:
		return "200 " + arrival.Header.Get("X-Client-Id")
	case code != "":
		return fmt.Sprintf("%d %s", response.StatusCode, code)
	case len(body) == 0:
		return fmt.Sprintf("%d of Envoy", response.StatusCode)
	}
	return fmt.Sprintf("%s %s", response.Status, body)
}

// more waits until each was answered some more.
func (v *visitors) more() {
	v.t.Helper()
	before := make(map[*ruling]int)
	v.mu.Lock()
	for _, one := range v.all {
		before[one.now] = one.now.answers
	}
	v.mu.Unlock()
	v.await("more answers", func(one *visitor) bool { return one.now.answers >= before[one.now]+20 })
}

// settle waits until each is answered as the records say, several times in a
// row, and lets nobody be answered otherwise from then on.
func (v *visitors) settle() {
	v.t.Helper()
	v.await("the right answers", func(one *visitor) bool { return one.now.last == one.right && one.now.row >= 5 })
	v.must()
}

// await waits until something holds for each, and fails where an answer was
// wrong meanwhile.
func (v *visitors) await(what string, holds func(*visitor) bool) {
	v.t.Helper()
	parts.Await(v.t, 30*time.Second, what, func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, one := range v.all {
			if len(v.faults) == 0 && !holds(one) {
				return fmt.Errorf("%s: %d answers, the last %q, %d times", one.name, one.now.answers, one.now.last, one.now.row)
			}
		}
		return nil
	})
	v.wantNoFaults()
}

func (v *visitors) wantNoFaults() {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.faults); n > 0 {
		v.t.Fatalf("%d wrong answers, the first of them:\n%s\nall answers: %v", n, strings.Join(v.faults[:min(n, 10)], "\n"), v.counts)
	}
}

// leave has all go when they have their answers, and fails unless each was
// right, and those were let in, and no others, who were told so.
func (v *visitors) leave(upstream *parts.UpstreamServer) {
	v.t.Helper()
	v.stop()
	v.running.Wait()
	v.client.CloseIdleConnections()
	v.wantNoFaults()
	told, came := make(map[string]int), make(map[string]int)
	for answer, n := range v.counts {
		if client, in := strings.CutPrefix(answer, "200 "); in {
			told[client] = n
		}
	}
	for _, arrival := range upstream.Arrivals() {
		came[arrival.Header.Get("X-Client-Id")]++
	}
	if !maps.Equal(told, came) {
		v.t.Errorf("the upstream got requests of %v, those who were told 200 are %v", came, told)
	}
	v.t.Logf("answers: %v", v.counts)
}
