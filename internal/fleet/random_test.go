package fleet_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/fleet"
)

// TestWaitNeverProvesTooMuch lets anything befall servers and Redis at random,
// and looks at the moment of each proof who could still answer by what was
// before. What the contract takes for granted is left out: the clock of Redis
// leaps only while all are in contact or while it is waited, and nobody is cut
// off while Redis takes no writes, nor before it is heard of again.
func TestWaitNeverProvesTooMuch(t *testing.T) {
	proven := 0
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := newWorld()
			w.step = 100 * time.Millisecond
			defer w.end()
			w.tell()
			for _, host := range []string{"a", "b", "c"}[:1+r.IntN(3)] {
				w.serve(host, time.Duration(1+r.IntN(120))*time.Second)
			}
			time.Sleep(time.Duration(r.IntN(5000)) * time.Millisecond)
			if r.IntN(3) == 0 {
				w.store.Step(time.Duration(r.IntN(7200)-3600) * time.Second)
				time.Sleep(2 * time.Second)
			}
			var wasFull time.Duration // until all are heard of again
			if r.IntN(3) == 0 {
				w.store.Full(errFull)
				time.Sleep(time.Duration(r.IntN(600)) * time.Second)
				w.store.Full(nil)
				time.Sleep(time.Duration(r.IntN(900)) * time.Millisecond)
				wasFull = time.Second
			}
			befall := func(events int, leaps bool) {
				for range events {
					w.befall(r, leaps)
					time.Sleep(time.Duration(r.ExpFloat64() * float64(5*time.Second)))
				}
			}
			if events := r.IntN(4); events > 0 {
				time.Sleep(wasFull)
				befall(events, false)
			}
			w.commit()
			w.ended.Go(func() {
				time.Sleep(wasFull)
				befall(r.IntN(8), true)
			})
			verdict, err := fleet.Wait(t.Context(), w.store, w.change, 5*time.Minute, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !verdict.Proven() {
				return
			}
			proven++
			if old := w.allowsByOld(); len(old) > 0 {
				t.Errorf("seed %d: proven (%+v), and %q may answer by what was before", seed, outcomeOf(verdict), old)
			}
		})
	}
	if proven < 100 {
		t.Errorf("%d of 200 waits ended in a proof: does this test still try what it is for?", proven)
	}
}

// befall lets something befall one of the servers, or Redis.
func (w *world) befall(r *rand.Rand, leaps bool) {
	var all []*actor
	for _, host := range []string{"a", "b", "c"} {
		if a := w.servers[host]; a != nil {
			all = append(all, a)
		}
	}
	a := all[r.IntN(len(all))]
	dead := func() (dead bool) { a.set(func() { dead = a.dead }); return dead }()
	switch r.IntN(10) {
	case 0:
		a.set(func() { a.cut = true })
	case 1:
		a.set(func() { a.cut = a.dead })
	case 2:
		a.set(func() { a.stuck = true })
	case 3:
		a.set(func() { a.stuck = false })
	case 4:
		a.set(func() { a.lag = time.Duration(r.IntN(10000)) * time.Millisecond })
	case 5:
		a.kill()
	case 6:
		if !dead {
			a.leave()
		}
	case 7:
		if leaps { // a server that nobody has seen is not waited for
			w.store.TakeOff(a.name)
		}
	case 8:
		if leaps {
			w.store.Step(time.Duration(r.IntN(7200)-3600) * time.Second)
		}
	case 9:
		if leaps {
			w.tell()
		}
	}
}
