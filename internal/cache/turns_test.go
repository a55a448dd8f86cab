package cache

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// apart gives callers each of which has a share of its own.
func (t *turns) apart(n int) []caller {
	var callers []caller
	seen := make(map[uint64]bool)
	for i := 0; len(callers) < n; i++ {
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if share := t.shares.source(from); !seen[share] {
			seen[share] = true
			callers = append(callers, caller{from: from})
		}
	}
	return callers
}

// grab takes as many turns as there are for callers in turn, and gives what
// gives all back.
func grab(t *testing.T, turns *turns, most int, callers ...caller) (got int, release func()) {
	t.Helper()
	var all []func()
	for i := range most {
		give, err := turns.take(t.Context(), callers[i%len(callers)])
		if err == nil {
			all = append(all, give)
		} else if !errors.Is(err, registry.ErrOverloaded) {
			t.Fatalf("got %v, want %v", err, registry.ErrOverloaded)
		}
	}
	return len(all), func() {
		for _, give := range all {
			give()
		}
	}
}

// TestShares counts the turns that each kind of caller can have.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		others := turns.apart(6)
		proven := caller{from: others[0].from, proven: true}
		for _, step := range []struct {
			name    string
			callers []caller
			want    int
		}{
			{"one stranger", others[:1], share},
			{"two strangers", others[:2], 2 * share},
			{"many strangers", others, strangers},
			{"proven callers", []caller{proven}, MostLookups},
		} {
			got, release := grab(t, turns, 100, step.callers...)
			if got != step.want {
				t.Errorf("%s have %d turns, want %d", step.name, got, step.want)
			}
			release()
		}
		// Whatever strangers do, some turns are left.
		_, one := grab(t, turns, 100, others[0])
		if got, release := grab(t, turns, 100, others[1:]...); got != strangers-share {
			t.Errorf("beside one that sends much, other strangers have %d turns, want %d", got, strangers-share)
		} else {
			defer release()
		}
		if got, release := grab(t, turns, 100, proven); got != MostLookups-strangers {
			t.Errorf("beside strangers, proven callers have %d turns, want %d", got, MostLookups-strangers)
		} else {
			release()
		}
		one()
	})
}

// TestWaitForATurn measures how long a caller waits, and that it gets a turn
// that becomes free.
func TestWaitForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		from := turns.apart(1)[0]
		_, release := grab(t, turns, share, from)
		begin := time.Now()
		_, err := turns.take(t.Context(), from)
		if waited := time.Since(begin); !errors.Is(err, registry.ErrOverloaded) || waited != waitForTurn {
			t.Errorf("got %v after %v, want %v after %v", err, waited, registry.ErrOverloaded, waitForTurn)
		}

		ctx, cancel := context.WithTimeout(t.Context(), waitForTurn/2)
		defer cancel()
		begin = time.Now()
		_, err = turns.take(ctx, from)
		if waited := time.Since(begin); !errors.Is(err, registry.ErrOverloaded) || waited != waitForTurn/2 {
			t.Errorf("with a budget: got %v after %v, want %v after %v", err, waited, registry.ErrOverloaded, waitForTurn/2)
		}

		time.AfterFunc(waitForTurn/2, release)
		begin = time.Now()
		give, err := turns.take(t.Context(), from)
		if waited := time.Since(begin); err != nil || waited != waitForTurn/2 {
			t.Fatalf("once one is free: got %v after %v", err, waited)
		}
		give()
		synctest.Wait() // what frees the others may not be done
		if len(turns.all) > 0 || len(turns.strangers) > 0 || len(turns.shares.share(from.from)) > 0 {
			t.Error("turns are left taken")
		}
	})
}

// TestWaitsOnce holds a caller to one wait, however many queues it stands in.
func TestWaitsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		from := turns.apart(1)[0]
		own := turns.shares.share(from.from)
		_, release := grab(t, turns, share, from)
		defer release()
		_, others := grab(t, turns, MostLookups-share, caller{proven: true})
		defer others()
		time.AfterFunc(waitForTurn/2, func() { <-own }) // there is room in this queue, and none in the last
		begin := time.Now()
		_, err := turns.take(t.Context(), from)
		if waited := time.Since(begin); !errors.Is(err, registry.ErrOverloaded) || waited != waitForTurn {
			t.Errorf("got %v after %v, want %v after %v", err, waited, registry.ErrOverloaded, waitForTurn)
		}
		if len(own) != share-1 || len(turns.strangers) != share {
			t.Errorf("it has kept turns: %d of its own, %d of strangers", len(own), len(turns.strangers))
		}
		own <- struct{}{}
	})
}

// TestSources tells who shares turns with whom.
func TestSources(t *testing.T) {
	turns := newTurns()
	same := func(a, b string) bool {
		return turns.shares.source(netip.MustParseAddr(a)) == turns.shares.source(netip.MustParseAddr(b))
	}
	for _, pair := range [][2]string{
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"},
		{"fe80::1%eth0", "fe80::1%eth1"},
		{"fe80::1%eth0", "fe80::2"},
	} {
		if !same(pair[0], pair[1]) {
			t.Errorf("%s and %s have shares of their own", pair[0], pair[1])
		}
	}
	apart := 0
	for i := range 256 {
		if !same(fmt.Sprintf("2001:db8:0:%x::1", i), fmt.Sprintf("2001:db8:1:%x::1", i)) {
			apart++
		}
		if !same(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("198.51.100.%d", i)) {
			apart++
		}
	}
	if apart < 500 {
		t.Errorf("%d of 512 pairs of networks have shares of their own", apart)
	}
	if turns.shares.source(netip.Addr{}) >= sources {
		t.Error("who is not known has no share")
	}
	other, differ := newTurns(), false
	for i := range 32 {
		from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		differ = differ || turns.shares.source(from) != other.shares.source(from)
	}
	if !differ {
		t.Error("who shares with whom can be told beforehand")
	}
}

// TestFlood sends more unknown tokens of one source than there are turns, while
// the registry hangs: what is known is answered at once, other strangers and
// callers whose token is known are looked up, and the rest of the flood is
// overloaded after 20 ms.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{Timeout: time.Second})
		s.decides(ownToken, authz.Allowed, 2)
		release := s.source.hold()
		sources := s.turns.apart(2)
		ask := func(from netip.Addr, token string) error {
			_, err := s.Token(context.Background(), from, credential.NewSecret(token))
			return err
		}
		var flood sync.WaitGroup
		var mu sync.Mutex
		var overloaded, answered int
		begin := time.Now()
		for i := range 200 {
			flood.Go(func() {
				err := ask(sources[0].from, fmt.Sprintf("a-token-of-nobody-%06d", i))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					answered++
				case errors.Is(err, registry.ErrOverloaded):
					overloaded++
					if waited := time.Since(begin); waited != waitForTurn {
						t.Errorf("overloaded after %v, want %v", waited, waitForTurn)
					}
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		if made := len(s.source.reads()); made != 2+share {
			t.Errorf("%d reads of the flood run, want %d", made-2, share)
		}
		s.decides(ownToken, authz.Allowed, 0) // known facts do not queue
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("a known client waited %v", waited)
		}
		flood.Go(func() {
			if err := ask(sources[1].from, otherToken); err != nil {
				t.Errorf("another stranger: %v", err)
			}
		})
		flood.Go(func() {
			if c, p, _ := s.Owner(context.Background(), "globex", "partner", false); c.Err != nil || p.Err != nil {
				t.Errorf("the client of a known token: %v, %v", c.Err, p.Err)
			}
		})
		synctest.Wait()
		if made := len(s.source.reads()); made != 2+share+2 {
			t.Errorf("%d reads run, want %d", made-2, share+2)
		}
		time.Sleep(waitForTurn)
		synctest.Wait() // who has waited for so long goes before a turn is free
		release()
		flood.Wait()
		if answered != share || overloaded != 200-share {
			t.Errorf("of the flood %d were answered and %d overloaded", answered, overloaded)
		}
		synctest.Wait()
		if len(s.turns.all) > 0 {
			t.Errorf("%d turns are left taken", len(s.turns.all))
		}
	})
}
