package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// TestWaitForServersThatCannotHear has a client switched off while one server of
// five can hear of it: one is stopped, two are cut off, one of them is taken off
// the list meanwhile, and one is dead. The command does not say that it is
// proven before each of these has surely ceased to go by what was before. It
// names them, and says until when they may.
func TestWaitForServersThatCannotHear(t *testing.T) {
	t.Parallel()
	g := newGarrison(t, 2*time.Second, 5, "acme")
	well, stopped, severed, delisted, dead := g.posts[0], g.posts[1], g.posts[2], g.posts[3], g.posts[4]
	stopped.halt()
	severed.wire.Sever()
	delisted.wire.Sever()
	dead.kill()

	disable := g.order("client", "disable", "acme", "--wait=1s")
	late := disable.begun.Add(200 * time.Millisecond) // by then it is done, and whoever can hear has heard
	disable.awaitEnd(3)
	for _, p := range []*post{stopped, severed, delisted, dead} {
		if disable.until(p).Before(disable.begun) {
			t.Errorf("server %s may answer from memory until %v, it is said, and that was past", p.name, disable.until(p))
		}
	}
	if line := disable.lineOf(well); line != "" {
		t.Errorf("the server that has applied it is named: %s", line)
	}
	well.askers["acme"].wantNoneAllowed(disable.ended, "the command named only the others")
	for _, p := range []*post{severed, delisted} {
		p.askers["acme"].wantAllowed(late, "the client was switched off")
	}

	again := g.order("client", "disable", "acme", "--wait=60s")
	again.awaitWaiting()
	g.redis.CLI("ZREM", key+registry.FleetKey, delisted.name)
	again.awaitEnd(0)
	// It was asked after the proof what the stopped server finds when it goes on.
	queued := newLine(t, stopped.address())
	if err := queued.send(checkBy(g.tokens["acme"].secret, "10.0.0.1")); err != nil {
		t.Fatal(err)
	}
	stopped.resume()
	answer, err := queued.answer()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := toldBy(answer); err != nil || got.reason == "allowed" {
		t.Errorf("what was asked while it stood still is told %+v, %v, and it was proven that it does not allow", got, err)
	}
	severed.wire.Heal()
	delisted.wire.Heal()
	for _, p := range []*post{well, stopped, severed, delisted} {
		p.askers["acme"].wantNoneAllowed(again.ended, "it was proven that none does")
	}
	for _, p := range []*post{stopped, severed, delisted, dead} {
		again.wantSaid(p, "silent since")
	}
	for _, p := range []*post{severed, delisted} {
		if allowed := allowedOf(p.askers["acme"].since(disable.until(p))); len(allowed) > 0 {
			t.Errorf("server %s still allowed at %v, and may have until %v, it was said", p.name, allowed[0].asked, disable.until(p))
		}
	}
	for _, p := range []*post{stopped, severed, delisted} {
		await(t, "server "+p.name+" is back", func() bool { return g.isListed(p) })
	}
	back := g.order("client", "disable", "acme").awaitEnd(0)
	if !strings.Contains(back.said.String(), "applied by 4 servers") {
		t.Errorf("it is not said that those which are back have applied it: %s", back.said)
	}
}

// TestWaitForServersThatHearLate has clients switched off while servers hear of
// it late, or are taken off the list though they are well: the command may say
// soon that it is proven, and none that is listed goes by what was before then.
func TestWaitForServersThatHearLate(t *testing.T) {
	t.Parallel()
	g := newGarrison(t, 2*time.Second, 3, "slow", "resumed", "delisted", "forgotten", "gone", "deaf", "left", "dead")
	well, struck, dying := g.posts[0], g.posts[1], g.posts[2]
	all := []*post{well, struck, dying}
	proven := func(o *order, posts ...*post) {
		t.Helper()
		o.awaitEnd(0)
		for _, p := range posts {
			p.askers[o.args[2]].wantNoneAllowed(o.ended, "it was proven that none does")
		}
	}

	struck.wire.Slow(100 * time.Millisecond)
	proven(g.order("client", "disable", "slow"), all...)
	struck.wire.Heal()

	struck.halt()
	resumed := g.order("client", "disable", "resumed")
	resumed.awaitWaiting()
	struck.resume()
	proven(resumed, all...)
	if !strings.Contains(resumed.said.String(), "applied by all 3 servers") {
		t.Errorf("it is not said that all have applied it: %s", resumed.said)
	}

	// Who is listed again has forgotten everything.
	await(t, "all are listed", func() bool { return g.isListed(well) && g.isListed(struck) && g.isListed(dying) })
	g.redis.CLI("ZREM", key+registry.FleetKey, struck.name)
	delisted := g.order("client", "disable", "delisted").awaitEnd(0)
	await(t, "it is listed again", func() bool { return g.isListed(struck) })
	struck.askers["delisted"].wantNoneAllowed(time.Now(), "it is listed again")
	proven(delisted, well, dying)

	g.redis.CLI("ZREM", key+registry.FleetKey, struck.name)
	g.redis.CLI("DEL", key+registry.ServerKey(struck.name))
	forgotten := g.order("client", "disable", "forgotten").awaitEnd(0)
	await(t, "it is listed again", func() bool { return g.isListed(struck) })
	struck.askers["forgotten"].wantNoneAllowed(time.Now(), "it is listed again")
	proven(forgotten, well, dying)

	// The same while it is waited for another.
	dying.halt()
	gone := g.order("client", "disable", "gone")
	gone.awaitWaiting()
	g.redis.CLI("ZREM", key+registry.FleetKey, struck.name)
	await(t, "it is listed again", func() bool { return g.isListed(struck) })
	g.redis.CLI("ZREM", key+registry.FleetKey, struck.name)
	g.redis.CLI("DEL", key+registry.ServerKey(struck.name))
	dying.resume()
	gone.awaitEnd(0)
	await(t, "it is listed again", func() bool { return g.isListed(struck) })
	struck.askers["gone"].wantNoneAllowed(time.Now(), "it is listed again")
	proven(gone, well, dying)

	// Redis hears of this one, and it of nothing.
	struck.wire.Hang()
	deaf := g.order("client", "disable", "deaf", "--wait=4s").awaitEnd(3)
	deaf.wantSaid(struck, "it has not applied it")
	struck.askers["deaf"].wantAllowed(deaf.begun.Add(200*time.Millisecond), "the client was switched off")
	struck.wire.Heal()
	proven(g.order("client", "disable", "deaf"), all...)

	// One that ends as it should.
	left := g.order("client", "disable", "left")
	proven(left, all...)

	dying.kill()
	g.order("client", "disable", "dead", "--wait=1s").awaitEnd(3).wantSaid(dying, "it may answer from memory until")
	g.order("fleet", "forget", dying.name, "--yes", "--force").awaitEnd(0)
	proven(g.order("client", "disable", "dead"), well, struck)
}

// TestWaitAfterRedisRefusedWrites has Redis refuse what is written for longer
// than a server may be silent: its servers serve on, since nobody can commit
// either. When that is over a client is switched off at once, and one server is
// cut off before it can be heard of: it looks as if it had been silent for long
// enough, and is not.
func TestWaitAfterRedisRefusedWrites(t *testing.T) {
	t.Parallel()
	const staleFor = 5 * time.Second // longer than it takes to see that somebody is not heard of
	g := newGarrison(t, staleFor, 2, "acme")
	well, severed := g.posts[0], g.posts[1]
	well.askers["acme"].awaitAllowed(1)
	g.redis.FailSnapshots()
	refused := time.Now()
	const silence = staleFor + 12*time.Second
	parts.Await(t, 2*silence, "nobody was heard of for long enough", func() error {
		if passed := time.Since(refused); passed < silence {
			return fmt.Errorf("only for %v", passed)
		}
		return nil
	})
	for _, p := range g.posts {
		p.askers["acme"].awaitAnswers(refused, 20)
		if answers := p.askers["acme"].since(refused); len(allowedOf(answers)) < len(answers) {
			t.Errorf("server %s allowed %d of %d checks while nobody could commit", p.name, len(allowedOf(answers)), len(answers))
		}
		if beat := g.redis.CLI("ZSCORE", key+registry.FleetKey, p.name); beat > strconv.FormatInt(time.Now().Add(-silence+2*time.Second).Unix(), 10) {
			t.Fatalf("server %s was heard of at %s: this case proves nothing", p.name, beat)
		}
	}
	severed.wire.Sever()
	g.takeWrites()
	disable := g.order("client", "disable", "acme", "--wait=60s").awaitEnd(0)
	for _, p := range g.posts {
		p.askers["acme"].wantNoneAllowed(disable.ended, "it was proven that none does")
	}
	severed.askers["acme"].wantAllowed(disable.begun.Add(200*time.Millisecond), "the client was switched off")
	disable.wantSaid(severed, "silent since")
}

// takeWrites has Redis take them again.
func (g *garrison) takeWrites() {
	g.t.Helper()
	if got := g.redis.CLI("CONFIG", "SET", "stop-writes-on-bgsave-error", "no"); got != "OK" {
		g.t.Fatal(got)
	}
}
