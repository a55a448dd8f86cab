package jwks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/jwt"
	"credence/internal/registry"
)

// TestMisses has a thousand checks at a time ask for kids that nobody knows: the
// issuer is asked once in 30 s.
func TestMisses(t *testing.T) {
	a, b := jwkED("a"), jwkED("b")
	keep(t, body(jwks(a), "Cache-Control", "max-age=3600"), func(t *testing.T, h *house) {
		time.Sleep(missAgain)
		h.server.will(slow(50*time.Millisecond, body(jwks(a, b), "Cache-Control", "max-age=3600")))
		storm := func() (gave map[string]int) {
			gave = map[string]int{}
			var mu sync.Mutex
			var all sync.WaitGroup
			for n := range 1000 {
				all.Go(func() {
					got := h.looks([]string{"b", "c" + strconv.Itoa(n)}[n%2])
					mu.Lock()
					defer mu.Unlock()
					gave[got]++
				})
			}
			all.Wait()
			return gave
		}
		for round := range 3 {
			if gave := storm(); gave[found] != 500 || gave[none] != 500 {
				t.Errorf("round %d gave %v, want 500 found and 500 not", round, gave)
			}
			h.asked(2)
		}
		time.Sleep(missAgain)
		storm()
		h.asked(3)
	})
}

// TestRandomKids asks for another kid ten times a second, for an hour.
func TestRandomKids(t *testing.T) {
	for name, reply := range map[string]replier{"good": body(jwks(jwkED("a"))), "down": down, "hangs": slow(time.Hour, down)} {
		t.Run(name, func(t *testing.T) {
			keep(t, body(jwks(jwkED("a"))), func(t *testing.T, h *house) {
				h.server.will(reply)
				for begin := time.Now(); time.Since(begin) < time.Hour; time.Sleep(100 * time.Millisecond) {
					if got := h.looks(strconv.Itoa(int(time.Since(begin)))); got == found {
						t.Fatal("found a key that is not there")
					}
				}
				// 120 of misses, and those that are due by themselves.
				if n := h.server.count(); n < 60 || n > 140 {
					t.Errorf("asked %d times in an hour, want 60 to 140", n)
				}
			})
		})
	}
}

// TestBudget has checks end before the fetch that they wait for: they do not
// learn that a key is wrong, and cost it nothing.
func TestBudget(t *testing.T) {
	a, b := jwkED("a"), jwkED("b")
	keep(t, body(jwks(a)), func(t *testing.T, h *house) {
		time.Sleep(missAgain)
		h.server.will(slow(time.Second, body(jwks(a, b))))
		for range 3 {
			begin := time.Now()
			h.finds("b", unavailable)
			if took := time.Since(begin); took != 120*time.Millisecond {
				t.Errorf("a lookup took %s, want its budget of 120ms", took)
			}
			begin = time.Now()
			h.finds("a", found)
			if took := time.Since(begin); took != 0 {
				t.Errorf("a key that is known took %s, want no time", took)
			}
		}
		time.Sleep(time.Second)
		h.finds("b", found)
		h.asked(2)
	})
}

// TestOtherAlgorithm asks for a kid that is there with another algorithm: that is
// known, and no reason to ask the issuer.
func TestOtherAlgorithm(t *testing.T) {
	ec := jwkEC("k")
	keep(t, body(jwks(ec)), func(t *testing.T, h *house) {
		time.Sleep(missAgain)
		key, err := h.Key(t.Context(), issuerName, "k", jwt.EdDSA)
		if err != nil || key == nil || key.Sum() != sumOf(t, ec) {
			t.Errorf("key %v, error %v; want the key that is for ES256", key, err)
		}
		h.asked(1)
	})
}

// TestTwoKinds finds one of two keys with the same kid by its algorithm.
func TestTwoKinds(t *testing.T) {
	ec, ed := jwkEC("k"), jwkED("k")
	keep(t, body(jwks(ed, ec)), func(t *testing.T, h *house) {
		for a, want := range map[jwt.Algorithm]string{jwt.ES256: ec, jwt.EdDSA: ed} {
			if key, err := h.Key(t.Context(), issuerName, "k", a); err != nil || key == nil || key.Sum() != sumOf(t, want) {
				t.Errorf("%s: key %v, error %v; want %s", a, key, err, want)
			}
		}
	})
}

// TestRunEnds has Run end while a check waits, in the midst of a fetch. That no
// goroutine is left is for synctest to say.
func TestRunEnds(t *testing.T) {
	keep(t, body(jwks(jwkED("a"))), func(t *testing.T, h *house) {
		time.Sleep(missAgain)
		h.server.will(slow(time.Hour, down))
		gave := make(chan error)
		begin := time.Now()
		go func() {
			_, err := h.Key(context.Background(), issuerName, "b", jwt.EdDSA)
			gave <- err
		}()
		synctest.Wait()
		h.end()
		if err := <-gave; !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), errEnded.Error()) {
			t.Errorf("error %v, want ErrUnavailable since fetching has ended", err)
		}
		time.Sleep(missAgain)
		_, err := h.Key(context.Background(), issuerName, "b", jwt.EdDSA) // which nobody will answer
		if !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("error %v, want ErrUnavailable", err)
		}
		h.finds("a", found)
		if took := time.Since(begin); took != missAgain {
			t.Errorf("took %s, want no time besides the pause of %s", took, missAgain)
		}
		h.asked(2)
		h.logs(nil, "INFO the keys of an issuer are known") // and not that it failed
	})
}

// TestEndsBeforeAttempt ends Run when a miss has begun an attempt that is not made
// yet.
func TestEndsBeforeAttempt(t *testing.T) {
	s, err := New(Options{Issuer: issuerName, URL: issuerURL, Logger: (&log{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	i := s.list[0]
	i.begin()
	a := i.miss()
	if a.isOver() || i.miss() != a {
		t.Error("want one attempt, which is not over")
	}
	i.end()
	if err := a.wait(context.Background()); !errors.Is(err, errEnded) {
		t.Errorf("error %v, want %v", err, errEnded)
	}
}

// TestTakesAMiss makes the attempt that a miss has begun, though it is made for
// another reason: nothing is left of it.
func TestTakesAMiss(t *testing.T) {
	s, err := New(Options{Issuer: issuerName, URL: issuerURL, Logger: (&log{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	i := s.list[0]
	i.begin()
	a := i.miss()
	if i.take() != a || len(i.wake) != 0 {
		t.Errorf("%d attempts are left to be made, want the miss's to be made now, and none left", len(i.wake))
	}
	i.finish(a, 0, nil)
	if i.take() == a {
		t.Error("an attempt is made twice")
	}
}

// TestBeforeRun looks for keys that nobody fetches.
func TestBeforeRun(t *testing.T) {
	s, err := New(Options{Issuer: issuerName, URL: issuerURL, Logger: (&log{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	if key, err := s.Key(t.Context(), issuerName, "a", jwt.EdDSA); key != nil || !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, errNever) || strings.Contains(err.Error(), "registry") {
		t.Errorf("key %v, error %v; want ErrUnavailable, without the registry's name", key, err)
	}
	if key, err := s.Key(t.Context(), "https://other.example", "a", jwt.EdDSA); key != nil || err != nil {
		t.Errorf("of an issuer that is nobody's: key %v, error %v; want neither", key, err)
	}
	for name, want := range map[string]bool{issuerName: true, issuerName + "/": false, "": false} {
		if got := s.Has(name); got != want {
			t.Errorf("Has(%q): %v, want %v", name, got, want)
		}
	}
}

// TestRace lets everything happen at once, in real time, for the race detector.
func TestRace(t *testing.T) {
	var asked atomic.Int64
	rotating := func() string { return jwks(jwkED("a"), jwkED(fmt.Sprint("k", asked.Add(1)))) }
	s := &server{}
	s.will(body(rotating()))
	issuers, err := New(Options{Issuer: issuerName, URL: issuerURL, Logger: (&log{}).logger(), transport: s})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running, all sync.WaitGroup
	running.Go(func() { issuers.Run(ctx) })
	for range 8 {
		all.Go(func() {
			for n := range 200 {
				s.will(body(rotating()))
				_, _ = issuers.Key(ctx, issuerName, []string{"a", strconv.Itoa(n)}[n%2], jwt.EdDSA)
				issuers.State()
			}
		})
	}
	all.Wait()
	cancel()
	running.Wait()
}
