package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"credence/internal/fleet"
	"credence/internal/redisstore"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

// defaultWait is how long it is waited for the proof of a change where nothing
// else is said: of what takes something away, and with a bare --wait.
const defaultWait = 30 * time.Second

// silentWait is how long it is waited before people are told for whom.
const silentWait = time.Second

// registerWait makes the flag --wait.
func (m *mutation) registerWait(cmd *cobra.Command) {
	flag := parse("DURATION", &m.wait, parseWait)
	if m.restricts {
		m.wait, flag.text = defaultWait, defaultWait.String()
	}
	cmd.Flags().Var(flag, "wait", "until every server has applied it, and so long at most; 0 does not wait")
	cmd.Flags().Lookup("wait").NoOptDefVal = defaultWait.String()
}

// parseWait reads a duration that may be zero.
func parseWait(text string) (time.Duration, error) {
	if text == "0" || text == "0s" {
		return 0, nil
	}
	wait, err := registry.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time to wait: want a duration like 30s, or 0", text)
	}
	return wait, nil
}

// prove waits until what was changed is proven to be known to every server, and
// tells who knows it. That it is not proven is a "no".
func (a *app) prove(ctx context.Context, m *mutation, store *redisstore.Store) error {
	defer func() {
		if m.hint != "" {
			a.note("%s", m.hint)
		}
	}()
	changed := m.position.Entry != ""
	if m.wait == 0 || m.dryRun || !changed && !m.already {
		return nil
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// What Redis is asked ends with its connections only.
	defer context.AfterFunc(ctx, func() { _ = store.Close() })()
	p := &proof{app: a, change: m.position, name: changeName(m.position), changed: changed, limit: m.wait}
	if !changed {
		newest, err := store.ChangesBefore(ctx, "", 1)
		switch {
		case err != nil:
			return &answerNo{"it was so already, but it is not proven that servers know it: " + a.explain(err)}
		case len(newest) == 0:
			a.note("the change stream is empty: which servers know it cannot be told")
			return nil
		}
		p.change = newest[0].Position()
		p.name = "all up to " + changeName(p.change)
	}
	return p.wait(ctx, store)
}

// changeName says which change it is.
func changeName(p registry.Position) string {
	if p.Seq == 0 {
		return "change " + p.Entry
	}
	return fmt.Sprintf("commit %d", p.Seq)
}

// A proof is that every server goes by a change.
type proof struct {
	*app
	change  registry.Position
	name    string // commit 12
	changed bool   // just now
	limit   time.Duration
	told    bool // for whom it is waited
}

// acknowledgement is what replicas have said of a change.
type acknowledgement struct {
	count int
	err   error
}

// wait waits for servers and for replicas at the same time.
func (p *proof) wait(ctx context.Context, store *redisstore.Store) error {
	acknowledged := make(chan acknowledgement, 1)
	if p.replicas > 0 {
		go func() {
			count, err := store.Acknowledged(ctx, p.change, p.limit)
			acknowledged <- acknowledgement{count, err}
		}()
	} else {
		acknowledged <- acknowledgement{}
	}
	begin := time.Now()
	verdict, interrupted := fleet.Wait(ctx, store, p.change, p.limit, p.progress)
	if verdict.Lost || interrupted != nil {
		_ = store.Close() // it makes no difference what replicas have
	}
	by := <-acknowledged
	p.tell(verdict)
	reasons := p.reasons(verdict, interrupted != nil)
	if verdict.Proven() {
		switch reason := p.lacksReplicas(by); {
		case reason != "":
			reasons = append(reasons, reason)
		case p.replicas > 0:
			p.note("%s: acknowledged by %s", p.name, counted(by.count, "replica"))
		}
	}
	switch {
	case verdict.Lost:
		return &answerNo{p.name + " is lost: it is not in the change stream any more (was Redis emptied or restored, or did another one take over?); look whether what was changed is there, and do it again"}
	case ctx.Err() != nil && len(reasons) > 0:
		return &answerNo{p.made(", only the proof is missing", " is not proven") + ": " + strings.Join(reasons, ", and ")}
	case len(reasons) > 0:
		within := ""
		if time.Since(begin) >= p.limit {
			within = fmt.Sprintf(" within %v", p.limit)
		}
		return &answerNo{p.made(", but not proven", " is not proven") + within + ": " + strings.Join(reasons, ", and ")}
	}
	return nil
}

// made says that the change itself is done, and what of it; or, where nothing was
// changed just now, only what.
func (p *proof) made(done, otherwise string) string {
	if p.changed {
		return p.name + " is made" + done
	}
	return p.name + otherwise
}

// progress tells for whom it is waited, once that takes long.
func (p *proof) progress(verdict fleet.Verdict, elapsed time.Duration) {
	if p.told || elapsed < silentWait {
		return
	}
	p.told = true
	switch {
	case verdict.Unasked != nil:
		p.note("%s: waiting for redis at %s to answer, %v at most", p.name, p.redisAt, p.limit)
	case len(verdict.Missing) > 0:
		p.note("%s: waiting for %s, %v at most", p.name, missingOf(verdict), p.limit)
	}
}

// reasons says what is missing to the proof of the servers.
func (p *proof) reasons(verdict fleet.Verdict, interrupted bool) []string {
	switch {
	case verdict.Proven() || verdict.Lost:
		return nil
	case verdict.Unasked != nil && interrupted:
		return []string{"redis at " + p.redisAt + " had not answered yet"}
	case verdict.Unasked != nil:
		return []string{p.unasked(verdict.Unasked)}
	}
	return []string{missingOf(verdict) + " may still go by what was before"}
}

// unasked says why there was no answer.
func (p *proof) unasked(err error) string {
	if advice, known := adviceFor(err); known {
		return "redis at " + p.redisAt + " " + advice
	}
	why := "no answer"
	if !isTimeout(err) {
		why = cause(err)
	}
	return fmt.Sprintf("redis at %s could not be asked (%s)", p.redisAt, why)
}

func (p *proof) lacksReplicas(by acknowledgement) string {
	switch {
	case by.err != nil:
		return "how many replicas have it is not known: " + p.unasked(by.err)
	case by.count < p.replicas:
		return fmt.Sprintf("%d of %s acknowledged it (redis.replicas)", by.count, counted(p.replicas, "replica"))
	}
	return ""
}

// missingOf gives how many servers are missing, and of how many.
func missingOf(verdict fleet.Verdict) string {
	if all := listed(verdict); all > 1 {
		return fmt.Sprintf("%d of %d servers", len(verdict.Missing), all)
	}
	return "the only server"
}

// listed gives how many servers had to apply a change.
func listed(verdict fleet.Verdict) int {
	return len(verdict.Applied) + len(verdict.Silent) + len(verdict.Missing)
}

// tell tells who has applied the change, and of each other server how it stands.
func (p *proof) tell(verdict fleet.Verdict) {
	if verdict.Lost {
		return
	}
	n := len(verdict.Applied)
	switch others := len(verdict.Left) + len(verdict.Silent); {
	case verdict.Unasked != nil:
	case !verdict.Proven():
		p.note("%s: applied by %d of %s", p.name, n, counted(listed(verdict), "server"))
	case n == 0 && others == 0:
		p.note("%s: no server is listed in the fleet", p.name)
	case n == 0:
		p.note("%s: no server is left that had to apply it", p.name)
	case n > 1 && others == 0:
		p.note("%s: applied by all %d servers%s", p.name, n, p.after(verdict))
	default:
		p.note("%s: applied by %s%s", p.name, counted(n, "server"), p.after(verdict))
	}
	for _, s := range verdict.Left {
		p.note("server %s: has left", s.Name)
	}
	for _, s := range verdict.Silent {
		p.note("server %s: silent since %s; it may have answered from memory until %s", s.Name, registry.FormatTime(s.Beat), second(s.Until))
	}
	for _, s := range verdict.Missing {
		if verdict.Unasked != nil {
			p.note("server %s: had not applied it when it was seen last", s.Name)
			continue
		}
		p.note("server %s: %s; it may answer from memory until %s", s.Name, whyMissing(s), second(s.Until))
	}
	for _, s := range verdict.Missing {
		if verdict.Unasked == nil && s.Why != fleet.Behind && s.Why != fleet.Elsewhere {
			p.note("if it is known to be dead: credence fleet forget %s", shellWord(s.Name))
		}
	}
}

// after says how long it was until a change was applied that was made just now.
func (p *proof) after(verdict fleet.Verdict) string {
	if !p.changed {
		return ""
	}
	return " after " + tookWords(verdict.Took)
}

func whyMissing(s fleet.Standing) string {
	switch s.Why {
	case fleet.NotHeardOf:
		return "not heard of since " + registry.FormatTime(s.Beat)
	case fleet.TakenOff:
		return "somebody took it off the fleet, and it has not come back"
	case fleet.Unreadable:
		return plain(s.Invalid)
	case fleet.Elsewhere:
		return "it goes by " + s.Applied + ", which is not in the change stream"
	}
	return "it has not applied it, and was heard of last at " + registry.FormatTime(s.Beat)
}

// second gives a time to the next whole second.
func second(t time.Time) string {
	return registry.FormatTime(t.Add(time.Second - time.Nanosecond).Truncate(time.Second))
}

// tookWords says how long something took.
func tookWords(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Round(time.Millisecond).Milliseconds(), 1))
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
