package fleet_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/fleet"
	"credence/internal/registry"
)

// TestWaitSaysWhy: a server that is missing is missing for a reason.
func TestWaitSaysWhy(t *testing.T) {
	for _, test := range []struct {
		name  string
		do    func(w *world, b *actor)
		after func(w *world, b *actor)
		want  fleet.Reason
	}{
		{name: "stuck", do: func(_ *world, b *actor) { b.set(func() { b.stuck = true }) }, want: fleet.Behind},
		{name: "killed", do: func(_ *world, b *actor) { b.kill(); time.Sleep(time.Second) }, want: fleet.NotHeardOf},
		{name: "unreadable", do: func(w *world, b *actor) { b.set(func() { b.cut = true }); w.store.PutHash(b.name, nil) }, want: fleet.Unreadable},
		{
			name:  "taken off",
			do:    func(_ *world, b *actor) { b.set(func() { b.cut = true }) },
			after: func(w *world, b *actor) { time.Sleep(time.Second); w.store.TakeOff(b.name) },
			want:  fleet.TakenOff,
		},
		{
			name: "another stream",
			do: func(w *world, b *actor) {
				w.store.PutHash(b.name, registry.Fields{"boot": "b", "applied": "99999999999999-0", "stale_for": "2m", "schema": "1", "started_at": "2000-01-01T00:00:00Z"})
				b.set(func() { b.stuck, b.applied = true, "99999999999999-0" })
			},
			want: fleet.Elsewhere,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				defer w.end()
				w.tell()
				b := w.serve("b", stale)
				time.Sleep(1234 * time.Millisecond)
				test.do(w, b)
				w.commit()
				if test.after != nil {
					go test.after(w, b)
				}
				verdict, err := fleet.Wait(t.Context(), w.store, w.change, 15*time.Second, nil)
				if err != nil || len(verdict.Missing) != 1 || verdict.Missing[0].Why != test.want {
					t.Errorf("got %+v, %v, want it missing for reason %d", verdict.Missing, err, test.want)
				}
			})
		})
	}
}

// TestWaitForOldChange: what was told long ago needs no time after it.
func TestWaitForOldChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		defer w.end()
		w.serve("a", stale)
		w.serve("b", stale).kill()
		w.commit()
		time.Sleep(time.Hour)
		begin := time.Now()
		verdict, err := fleet.Wait(t.Context(), w.store, w.change, time.Minute, nil)
		if diff := cmp.Diff(outcome{Applied: "a", Silent: "b"}, outcomeOf(verdict)); err != nil || diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		// Its clock may just have leapt: whoever is alive would be heard of.
		if took := time.Since(begin); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("it took %v, want about 3 s", took)
		}
	})
}

func TestWaitForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.commit()
		begin := time.Now()
		verdict, err := fleet.Wait(t.Context(), w.store, w.change, time.Minute, nil)
		if err != nil || !verdict.Proven() || time.Since(begin) != 0 {
			t.Errorf("no servers: got %+v, %v after %v, want it proven at once", verdict, err, time.Since(begin))
		}
	})
}

// TestWaitWhereNobodyMayLook: what will be refused again is not asked again.
func TestWaitWhereNobodyMayLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.commit()
		refused := errors.New("NOPERM")
		w.store.Down(refused)
		begin := time.Now()
		verdict, err := fleet.Wait(t.Context(), w.store, w.change, time.Minute, nil)
		if err != nil || verdict.Proven() || !errors.Is(verdict.Unasked, refused) || time.Since(begin) != 0 {
			t.Errorf("got %+v, %v after %v, want that it was refused, at once", verdict, err, time.Since(begin))
		}
	})
}

func TestWaitIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		defer w.end()
		w.serve("b", stale).kill()
		time.Sleep(time.Second)
		w.commit()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		looks := 0
		begin := time.Now()
		verdict, err := fleet.Wait(ctx, w.store, w.change, time.Minute, func(v fleet.Verdict, elapsed time.Duration) {
			looks++
			if len(v.Missing) != 1 || elapsed != time.Since(begin) {
				t.Errorf("progress: got %+v after %v", v, elapsed)
			}
		})
		if !errors.Is(err, context.DeadlineExceeded) || len(verdict.Missing) != 1 || time.Since(begin) != 5*time.Second {
			t.Errorf("got %+v, %v after %v, want who is missing, and that it was cancelled", verdict, err, time.Since(begin))
		}
		if looks < 50 || looks > 60 {
			t.Errorf("it looked %d times in 5 s, want about 10 a second", looks)
		}
	})
}

// TestWaitIsQuick: the server has applied the change after a millisecond.
func TestWaitIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.commit()
		seat := fleet.NewSeat(w.store, fleet.SeatOptions{StaleFor: stale, Host: "a"})
		if err := seat.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Millisecond)
			if err := seat.Beat(context.Background(), w.change.Entry, nil); err != nil {
				panic(err)
			}
		}()
		verdict, err := fleet.Wait(t.Context(), w.store, w.change, time.Minute, nil)
		if err != nil || len(verdict.Applied) != 1 || verdict.Took != 2*time.Millisecond {
			t.Errorf("got %+v, %v, want it applied after 2 ms", verdict, err)
		}
	})
}
