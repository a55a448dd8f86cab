package jwks

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestFirst has an issuer that is down at first: it is asked each second, and
// what it has is not known.
func TestFirst(t *testing.T) {
	keep(t, down, func(_ *testing.T, h *house) {
		h.finds("a", unavailable)
		h.asked(1)
		time.Sleep(10*time.Second + 500*time.Millisecond)
		h.asked(11)
		h.finds("a", unavailable, "", none)
		h.asked(11)
		h.server.will(body(jwks(jwkED("a"))))
		time.Sleep(time.Second)
		h.asked(12)
		h.finds("a", found, "b", none) // it is asked anew, once
		h.asked(13)
		time.Sleep(time.Minute)
		h.asked(13)
	})
}

// TestFirstHangs has it hang: a fetch takes 5 s, a check takes no time.
func TestFirstHangs(t *testing.T) {
	keep(t, slow(time.Hour, down), func(t *testing.T, h *house) {
		begin := time.Now()
		h.finds("a", unavailable)
		if took := time.Since(begin); took != 0 {
			t.Errorf("a lookup took %s, though nothing was ever fetched", took)
		}
		time.Sleep(fetchTimeout + firstAgain/2)
		h.asked(1)
		time.Sleep(firstAgain)
		h.asked(2)
		h.logs([]string{"cause"}, "WARN the keys of an issuer cannot be fetched: its JWTs are denied until they are cause=no whole answer within 5s")
	})
}

// TestRotation changes the keys of an issuer: those that are not there any more
// are gone with the next fetch.
func TestRotation(t *testing.T) {
	a, b := jwkED("a"), jwkED("b")
	keep(t, body(jwks(a), "Cache-Control", "public, max-age=600"), func(_ *testing.T, h *house) {
		h.finds("a", found)
		h.server.will(body(jwks(b), "Cache-Control", "max-age=600"))
		time.Sleep(9*time.Minute - time.Millisecond) // 10 min less a tenth
		h.finds("a", found)
		h.asked(1)
		time.Sleep(2*time.Minute + 2*time.Millisecond)
		h.asked(2)
		h.finds("b", found, "a", none)
	})
}

// TestRefreshes counts fetches of a day, for what the issuer says of its answer.
func TestRefreshes(t *testing.T) {
	for _, test := range []struct {
		says  string
		every time.Duration
	}{
		{"max-age=1", time.Minute},
		{"no-store", time.Minute},
		{"max-age=1200", 20 * time.Minute},
		{"max-age=86400", time.Hour},
		{"private", 5 * time.Minute},
	} {
		t.Run(test.says, func(t *testing.T) {
			keep(t, body(jwks(jwkED("a")), "Cache-Control", test.says), func(t *testing.T, h *house) {
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				times := h.server.times()
				shortest, longest := 24*time.Hour, time.Duration(0)
				for n := range times[1:] {
					gap := times[n+1].Sub(times[n])
					shortest, longest = min(shortest, gap), max(longest, gap)
				}
				if shortest < test.every*9/10 || longest > test.every*11/10 || shortest == longest {
					t.Errorf("asked every %s to %s, want %s ±10 %%", shortest, longest, test.every)
				}
				if least := int(24 * time.Hour / (test.every * 11 / 10)); len(times) < least {
					t.Errorf("asked %d times, want at least %d", len(times), least)
				}
			})
		})
	}
}

// TestOutage takes the issuer's server down: known keys serve on, and of others
// nobody can say that they are wrong.
func TestOutage(t *testing.T) {
	a := jwkED("a")
	keep(t, body(jwks(a)), func(t *testing.T, h *house) {
		h.server.will(down)
		h.finds("a", found, "b", unavailable)
		h.asked(2)
		time.Sleep(10 * time.Minute)
		gaps := h.server.times()[2:]
		h.finds("a", found, "b", unavailable)
		for n := range gaps[1:] {
			if gap := gaps[n+1].Sub(gaps[n]); gap < backoffFrom*9/10 || gap > backoffUntil*11/10 {
				t.Errorf("tried again after %s, want %s to %s ±10 %%", gap, backoffFrom, backoffUntil)
			}
		}
		if n := h.server.count(); n < 12 || n > 20 {
			t.Errorf("tried %d times in 10 min, want 12 to 20", n)
		}
		h.server.will(body(jwks(a, jwkED("b"))))
		time.Sleep(backoffUntil * 11 / 10)
		h.finds("a", found, "b", found, "c", none)

		h.server.will(down)
		before := h.server.count()
		for h.server.count() == before {
			time.Sleep(time.Second / 10)
		}
		time.Sleep(backoffFrom * 11 / 10)
		h.asked(before + 2) // the failures of before count no more
	})
}

// TestBackThroughAMiss has a miss find that the server is back, before the next
// try would be due.
func TestBackThroughAMiss(t *testing.T) {
	keep(t, body(jwks(jwkED("a"))), func(_ *testing.T, h *house) {
		h.server.will(down)
		time.Sleep(missAgain)
		for h.looks("b") != unavailable || time.Until(h.list[0].due()) < missAgain+time.Second {
			time.Sleep(time.Second)
		}
		h.server.will(body(jwks(jwkED("b"))))
		time.Sleep(missAgain)
		before := h.server.count()
		h.finds("b", found, "a", none)
		h.asked(before + 1)
	})
}

// TestUnfit has an issuer answer what is no good: the last good set is kept.
func TestUnfit(t *testing.T) {
	a := jwkED("a")
	redirect := func(*http.Request) (*http.Response, error) {
		response, err := body("")(nil)
		response.StatusCode = http.StatusFound
		response.Header.Set("Location", "https://elsewhere.example/keys?token=s3cret")
		return response, err
	}
	for name, reply := range map[string]replier{
		"HTML": body("<html>sorry</html>"), "nothing": body(""),
		"redirect": redirect, "down": down, "hangs": slow(time.Hour, down), "panic": func(*http.Request) (*http.Response, error) { panic("out of order") },
	} {
		t.Run(name, func(t *testing.T) {
			keep(t, body(jwks(a)), func(t *testing.T, h *house) {
				h.server.will(reply)
				time.Sleep(7 * time.Minute)
				h.finds("a", found, "b", unavailable)
				if state := h.State()[0]; state.Err == nil || state.Keys != 1 || !state.Fetched || state.Age < 6*time.Minute {
					t.Errorf("state %+v, want an error, and one key that is 7 minutes old", state)
				}
				h.server.will(body(jwks(a, jwkED("b"))))
				time.Sleep(2 * time.Minute)
				h.finds("b", found)
				if err := h.State()[0].Err; err != nil {
					t.Errorf("error %v, though the last fetch was good", err)
				}
			})
		})
	}
}

// TestWithdrawn has an issuer say that no key of it can be used any more: none
// that it had is used, and until there are others nobody knows.
func TestWithdrawn(t *testing.T) {
	a := jwkED("a")
	for name, set := range map[string]string{"no keys": jwks(), "none that can be used": jwks(`{"kty":"oct","k":"AAAA","kid":"a"}`)} {
		t.Run(name, func(t *testing.T) {
			keep(t, body(jwks(a)), func(t *testing.T, h *house) {
				h.server.will(body(set))
				time.Sleep(7 * time.Minute)
				h.finds("a", unavailable, "b", unavailable)
				if state := h.State()[0]; state.Err == nil || state.Fetched {
					t.Errorf("state %+v, want an error, and no keys", state)
				}
				h.server.will(body(jwks(jwkED("b"))))
				time.Sleep(2 * time.Second)
				h.finds("b", found, "a", none)
			})
		})
	}
}

// TestTooOld keeps the last good set for 24 h from the sending of its fetch.
func TestTooOld(t *testing.T) {
	a := jwkED("a")
	const took = 4 * time.Second
	keep(t, slow(took, body(jwks(a))), func(t *testing.T, h *house) {
		begin := time.Now()
		time.Sleep(took)
		synctest.Wait()
		h.server.will(down)
		time.Sleep(keptFor - time.Since(begin))
		h.finds("a", found, "b", unavailable)
		if state := h.State()[0]; state.TooOld || state.Age != keptFor {
			t.Errorf("state %+v, want an age of 24 h", state)
		}
		time.Sleep(time.Millisecond)
		h.finds("a", unavailable, "b", unavailable)
		if state := h.State()[0]; !state.TooOld || !state.Fetched || state.Keys != 1 {
			t.Errorf("state %+v, want one key that is too old", state)
		}
		time.Sleep(time.Hour)
		h.logs([]string{"keys", "cause"},
			"INFO the keys of an issuer are known keys=1",
			"WARN the keys of an issuer cannot be fetched: the last good ones are used cause=the connection was closed before the answer was whole",
			"ERROR the last good keys of an issuer are too old: its JWTs are denied")
		h.server.will(body(jwks(a)))
		time.Sleep(backoffUntil * 11 / 10)
		h.finds("a", found, "b", none)
		h.logs([]string{"keys"}, "INFO the keys of an issuer can be fetched again keys=1")
	})
}
