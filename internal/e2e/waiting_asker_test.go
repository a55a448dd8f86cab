package e2e

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// An asker asks one server, all the time, for one token.
type asker struct {
	*garrison
	post    *post
	check   []byte
	address string

	mu      sync.Mutex
	answers []answered
}

// An answered is a check with its answer.
type answered struct {
	asked time.Time
	got   told
}

// askEvery is the pace of an asker.
const askEvery = 10 * time.Millisecond

// ask asks a server until the test ends.
func (g *garrison) ask(p *post, token string) *asker {
	a := &asker{garrison: g, post: p, check: checkBy(token, "10.0.0.1"), address: p.address()}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.run(ctx) })
	g.t.Cleanup(func() { stop(); running.Wait() })
	return a
}

// run asks over a connection, and over a new one where that fails: the server
// may be stopped, or dead.
func (a *asker) run(ctx context.Context) {
	var connected *line
	defer func() {
		if connected != nil {
			connected.conn.Close()
		}
	}()
	repeat(ctx, askEvery, func() {
		if connected == nil {
			connected, _ = dialLine(a.address)
		}
		if connected == nil {
			return
		}
		asked := time.Now()
		// A stopped server answers late; nobody waits for it beyond the test.
		stop := context.AfterFunc(ctx, func() { connected.conn.Close() })
		answer, err := connected.ask(a.check)
		stop()
		if err == nil {
			var got told
			if got, err = toldBy(answer); err == nil {
				a.note(answered{asked: asked, got: got})
			}
		}
		if err != nil {
			connected.conn.Close()
			connected = nil
		}
	})
}

func (a *asker) note(answer answered) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers = append(a.answers, answer)
}

// since gives the answers to what was asked from a time on.
func (a *asker) since(begin time.Time) []answered {
	a.mu.Lock()
	defer a.mu.Unlock()
	var answers []answered
	for _, answer := range a.answers {
		if !answer.asked.Before(begin) {
			answers = append(answers, answer)
		}
	}
	return answers
}

// awaitAllowed waits until a number of checks were allowed.
func (a *asker) awaitAllowed(n int) {
	a.t.Helper()
	await(a.t, fmt.Sprintf("server %s allows", a.post.name), func() bool { return len(allowedOf(a.since(time.Time{}))) >= n })
}

// awaitAnswers waits until that many checks which began after a time were
// answered.
func (a *asker) awaitAnswers(after time.Time, n int) {
	a.t.Helper()
	await(a.t, fmt.Sprintf("server %s answers", a.post.name), func() bool { return len(a.since(after)) >= n })
}

// allowedOf gives the answers that allow.
func allowedOf(answers []answered) []answered {
	var allowed []answered
	for _, answer := range answers {
		if answer.got.reason == "allowed" {
			allowed = append(allowed, answer)
		}
	}
	return allowed
}

// wantNoneAllowed fails where one of the checks that began after a time was
// allowed. There are some: it waits for them.
func (a *asker) wantNoneAllowed(after time.Time, why string) {
	a.t.Helper()
	a.awaitAnswers(after, 20)
	if allowed := allowedOf(a.since(after)); len(allowed) > 0 {
		a.t.Errorf("server %s allowed what was asked %v after %s (%d such answers)", a.post.name, allowed[0].asked.Sub(after), why, len(allowed))
	}
}

// wantAllowed fails unless a check that began after a time was allowed: else
// there was nothing to be afraid of.
func (a *asker) wantAllowed(after time.Time, why string) {
	a.t.Helper()
	if len(allowedOf(a.since(after))) == 0 {
		a.t.Errorf("server %s allowed nothing after %s: this case proves nothing", a.post.name, why)
	}
}
