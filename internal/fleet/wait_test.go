package fleet_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/fleet"
	"credence/internal/registry"
)

// outcome is a verdict by the hosts of the servers.
type outcome struct {
	Applied, Left, Silent, Missing string
	Lost, Unasked                  bool
}

func outcomeOf(v fleet.Verdict) outcome {
	hosts := func(standings []fleet.Standing) string {
		var list []string
		for _, s := range standings {
			host, _, _ := strings.Cut(s.Name, "-")
			list = append(list, host)
		}
		return strings.Join(list, " ")
	}
	return outcome{hosts(v.Applied), hosts(v.Left), hosts(v.Silent), hosts(v.Missing), v.Lost, v.Unasked != nil}
}

const stale = 2 * time.Minute

// TestWait has servers a and b, with a stale_for of two minutes, in contact when
// they are begun with, and what befalls b.
func TestWait(t *testing.T) {
	tests := []struct {
		name   string
		before func(w *world, b *actor) // before the change is made
		after  func(w *world, b *actor) // right after it, while it is waited
		want   outcome
		within [2]time.Duration // when the wait is over; zero: when it runs out, which is after ten minutes
	}{
		{name: "all is well", want: outcome{Applied: "a b"}, within: [2]time.Duration{0, 2 * time.Second}},
		{
			name:   "slow",
			before: func(_ *world, b *actor) { b.set(func() { b.lag = 20 * time.Second }) },
			want:   outcome{Applied: "a b"}, within: [2]time.Duration{10 * time.Second, 22 * time.Second},
		},
		{
			name:   "partitioned",
			before: func(_ *world, b *actor) { b.set(func() { b.cut = true }) },
			want:   outcome{Applied: "a", Silent: "b"}, within: [2]time.Duration{stale + 8*time.Second, stale + 12*time.Second},
		},
		{
			name: "stopped, and going on",
			before: func(_ *world, b *actor) {
				b.set(func() { b.cut = true })
				time.AfterFunc(time.Minute, func() { b.set(func() { b.cut = false }) })
			},
			want: outcome{Applied: "a b"}, within: [2]time.Duration{time.Minute, time.Minute + 2*time.Second},
		},
		{
			name:   "killed",
			before: func(_ *world, b *actor) { b.kill() },
			want:   outcome{Applied: "a", Silent: "b"}, within: [2]time.Duration{stale + 8*time.Second, stale + 12*time.Second},
		},
		{
			name:   "killed long ago",
			before: func(_ *world, b *actor) { b.kill(); time.Sleep(time.Hour) },
			want:   outcome{Applied: "a", Silent: "b"}, within: [2]time.Duration{10 * time.Second, 11 * time.Second},
		},
		{
			name:   "ended as it should, before",
			before: func(_ *world, b *actor) { b.leave() },
			want:   outcome{Applied: "a"}, within: [2]time.Duration{0, 2 * time.Second},
		},
		{
			name:   "ended as it should, meanwhile",
			before: func(_ *world, b *actor) { b.set(func() { b.stuck = true }) },
			after:  func(_ *world, b *actor) { time.Sleep(30 * time.Second); b.leave() },
			want:   outcome{Applied: "a", Left: "b"}, within: [2]time.Duration{30 * time.Second, 31 * time.Second},
		},
		{
			name:   "heard of, and its feed gives nothing",
			before: func(_ *world, b *actor) { b.set(func() { b.stuck = true }) },
			want:   outcome{Applied: "a", Missing: "b"},
		},
		{
			name:   "taken off the list, and there",
			before: func(_ *world, b *actor) { b.set(func() { b.stuck = true }) },
			after: func(w *world, b *actor) {
				time.Sleep(100 * time.Millisecond)
				w.store.TakeOff(b.name)
				time.Sleep(30 * time.Second)
				b.set(func() { b.stuck = false })
			},
			want: outcome{Applied: "a b"}, within: [2]time.Duration{30 * time.Second, 32 * time.Second},
		},
		{
			name:   "taken off the list, and partitioned",
			before: func(_ *world, b *actor) { b.set(func() { b.cut = true }) },
			after:  func(w *world, b *actor) { time.Sleep(100 * time.Millisecond); w.store.TakeOff(b.name) },
			want:   outcome{Applied: "a", Silent: "b"}, within: [2]time.Duration{stale + 8*time.Second, stale + 12*time.Second},
		},
		{
			name:   "forgotten by somebody who knows that it is dead",
			before: func(_ *world, b *actor) { b.kill() },
			after: func(w *world, b *actor) {
				time.Sleep(5 * time.Second)
				if err := w.store.Forget(context.Background(), b.name, time.Time{}); err != nil {
					panic(err)
				}
			},
			want: outcome{Applied: "a", Left: "b"}, within: [2]time.Duration{5 * time.Second, 6 * time.Second},
		},
		{
			name: "nothing is said of it any more",
			before: func(w *world, b *actor) {
				b.set(func() { b.cut = true })
				w.store.PutHash(b.name, nil)
			},
			want: outcome{Applied: "a", Missing: "b"},
		},
		{
			name: "Redis was full for six minutes",
			before: func(w *world, _ *actor) {
				w.store.Full(errFull)
				time.Sleep(6*time.Minute + 500*time.Millisecond)
				w.store.Full(nil)
			},
			want: outcome{Applied: "a b"}, within: [2]time.Duration{0, 2 * time.Second},
		},
		{
			name: "Redis was full for six minutes, and b is not quick to be heard of",
			before: func(w *world, b *actor) {
				w.store.Full(errFull)
				time.Sleep(6*time.Minute + 500*time.Millisecond)
				b.set(func() { b.lag = time.Minute })
				w.store.Full(nil)
			},
			want: outcome{Applied: "a b"}, within: [2]time.Duration{20 * time.Second, 62 * time.Second},
		},
		{
			name: "Redis was full for six minutes, and b hangs for eight seconds more",
			before: func(w *world, b *actor) {
				w.store.Full(errFull)
				time.Sleep(6*time.Minute + 500*time.Millisecond)
				b.set(func() { b.cut = true })
				time.AfterFunc(8*time.Second, func() { b.set(func() { b.cut = false }) })
				w.store.Full(nil)
			},
			want: outcome{Applied: "a b"}, within: [2]time.Duration{8 * time.Second, 10 * time.Second},
		},
		{
			name:  "Redis' clock leaps an hour ahead",
			after: func(w *world, b *actor) { b.set(func() { b.lag = 30 * time.Second }); w.store.Step(time.Hour) },
			want:  outcome{Applied: "a b"}, within: [2]time.Duration{0, 32 * time.Second},
		},
		{
			name:   "Redis' clock leaps ahead, and b is partitioned",
			before: func(_ *world, b *actor) { b.set(func() { b.cut = true }) },
			after:  func(w *world, _ *actor) { time.Sleep(time.Second); w.store.Step(time.Hour) },
			want:   outcome{Applied: "a", Silent: "b"}, within: [2]time.Duration{stale + 8*time.Second, stale + 12*time.Second},
		},
		{
			name:   "Redis' clock is set back by a minute, and b is partitioned",
			before: func(_ *world, b *actor) { b.set(func() { b.cut = true }) },
			after:  func(w *world, _ *actor) { time.Sleep(time.Second); w.store.Step(-time.Minute) },
			want:   outcome{Applied: "a", Silent: "b"}, within: [2]time.Duration{stale + time.Minute + 8*time.Second, stale + time.Minute + 12*time.Second},
		},
		{
			name:   "Redis' clock is set back by an hour, and b is partitioned",
			before: func(_ *world, b *actor) { b.set(func() { b.cut = true }) },
			after:  func(w *world, _ *actor) { time.Sleep(time.Second); w.store.Step(-time.Hour) },
			want:   outcome{Applied: "a", Missing: "b"},
		},
		{
			name:   "the change is lost with all else",
			before: func(_ *world, b *actor) { b.set(func() { b.stuck = true }) },
			after:  func(w *world, _ *actor) { time.Sleep(20 * time.Second); w.store.Reset() },
			want:   outcome{Left: "a b", Lost: true}, within: [2]time.Duration{20 * time.Second, 21 * time.Second},
		},
		{
			name: "the change stream was made anew by a clock that had been set back",
			before: func(w *world, b *actor) {
				time.Sleep(2 * time.Second) // what was applied is said
				b.set(func() { b.stuck = true })
				w.store.ResetStream()
				w.set(func() { w.newest = "" })
				w.store.Step(-30 * time.Second)
			},
			want: outcome{Applied: "a", Missing: "b"},
		},
		{
			name:  "Redis is down for a while",
			after: func(w *world, _ *actor) { w.store.Down(errDown); time.Sleep(20 * time.Second); w.store.Down(nil) },
			want:  outcome{Applied: "a b"}, within: [2]time.Duration{20 * time.Second, 22 * time.Second},
		},
		{
			name:  "Redis is down",
			after: func(w *world, _ *actor) { w.store.Down(errDown) },
			want:  outcome{Missing: "a b", Unasked: true},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				defer w.end()
				w.tell()
				w.serve("a", stale)
				b := w.serve("b", stale)
				time.Sleep(1234 * time.Millisecond) // not at a heartbeat
				if test.before != nil {
					test.before(w, b)
				}
				w.commit()
				if test.after != nil {
					go test.after(w, b)
				}
				begin := time.Now()
				verdict, err := fleet.Wait(t.Context(), w.store, w.change, 10*time.Minute, nil)
				took := time.Since(begin)
				if err != nil {
					t.Fatalf("Wait: %v", err)
				}
				if diff := cmp.Diff(test.want, outcomeOf(verdict)); diff != "" {
					t.Errorf("after %v (-want +got):\n%s", took, diff)
				}
				within := test.within
				if within[1] == 0 {
					within = [2]time.Duration{10 * time.Minute, 10*time.Minute + 2*time.Second}
				}
				if took < within[0] || took > within[1] {
					t.Errorf("it took %v, want %v to %v", took, within[0], within[1])
				}
				if over := test.within[1] != 0 && !test.want.Lost; verdict.Proven() != over {
					t.Errorf("proven: got %v, want %v", verdict.Proven(), over)
				}
				if old := w.allowsByOld(); verdict.Proven() && len(old) > 0 {
					t.Errorf("proven, and %q may answer by what was before", old)
				}
				for _, s := range append(verdict.Silent, verdict.Missing...) {
					if !s.Until.Equal(s.MayAnswerUntil()) && !s.Until.Equal(registry.Change{Entry: w.change.Entry}.Told().Add(fleet.Tolerance)) {
						t.Errorf("%s: may answer until %v, heard of at %v", s.Name, s.Until, s.Beat)
					}
				}
			})
		})
	}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}
