package jwks

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTelling tells what changed, once, and names neither keys nor the query of
// the URL.
func TestTelling(t *testing.T) {
	a, b, ec := jwkED("a"), jwkED("b"), jwkEC("a")
	private := strings.Replace(jwkED("p"), `"use"`, `"d":"VERYPRIVATE","use"`, 1)
	keep(t, down, func(t *testing.T, h *house) {
		next := func(reply replier) {
			h.server.will(reply)
			time.Sleep(6 * time.Minute) // 5, and a tenth
			synctest.Wait()
		}
		attributes := []string{"issuer", "source", "keys", "kids", "number", "causes", "cause"}
		is := func(level, text string) string {
			message, rest, _ := strings.Cut(text, " | ")
			return strings.TrimRight(level+" "+message+" issuer=https://issuer.example source=https://issuer.example/keys "+rest, " ")
		}
		status := func(r *http.Request) (*http.Response, error) {
			response, err := body("sorry, " + private)(r)
			response.StatusCode = http.StatusServiceUnavailable
			return response, err
		}

		next(down)
		h.logs(attributes, is("WARN", "the keys of an issuer cannot be fetched: its JWTs are denied until they are | cause=the connection was closed before the answer was whole"))
		next(status)
		h.logs(attributes, is("WARN", "the keys of an issuer cannot be fetched: its JWTs are denied until they are | cause=answers with status 503: want 200"))
		next(body(jwks(a, ec, b)))
		h.logs(attributes, is("INFO", "the keys of an issuer are known | keys=3 kids=2"))
		next(body(jwks(b, ec, a)))
		h.logs(attributes)
		next(body(jwks(a, `{"kty":"oct","kid":"s","k":"VERYPRIVATE"}`, private)))
		h.logs(attributes,
			is("WARN", `keys of an issuer are not used | number=2 causes=key "p": JWK: is a private key: give the public one, and keep this one to whom it belongs; `+
				`key "s": JWK: is a symmetric key: who could verify by it could sign by it`),
			is("INFO", "the keys of an issuer have changed | keys=1 kids=1"))
		next(body(jwks(private)))
		h.logs(attributes,
			is("WARN", `keys of an issuer are not used | number=1 causes=key "p": JWK: is a private key: give the public one, and keep this one to whom it belongs`),
			is("WARN", "the keys of an issuer cannot be fetched: its JWTs are denied until they are | cause=the JWKS has no key that can be used, and 1 that cannot"))
		next(body(jwks(a)))
		h.logs(attributes, is("INFO", "the keys of an issuer can be fetched again | keys=1 kids=1"))
	})
}

// TestPanic tells where a fetch panicked, and goes on.
func TestPanic(t *testing.T) {
	keep(t, func(*http.Request) (*http.Response, error) { panic("out of order") }, func(t *testing.T, h *house) {
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if text := h.log.text.String(); !strings.Contains(text, "parts_test.go") && !strings.Contains(text, "teller_test.go") {
			t.Errorf("log %s, want a stack", text)
		}
		h.logs([]string{"cause"}, "WARN the keys of an issuer cannot be fetched: its JWTs are denied until they are cause=panic: out of order")
		var panicked *panicked
		if err := h.State()[0].Err; !errors.As(err, &panicked) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want the panic in one line", err)
		}
		h.server.will(body(jwks(jwkED("a"))))
		time.Sleep(time.Second)
		synctest.Wait()
		h.finds("a", found)
	})
}

// TestState tells how it stands, as time goes on.
func TestState(t *testing.T) {
	keep(t, slow(2*time.Second, body(jwks(jwkED("a"), jwkEC("b"), "1"), "Cache-Control", "max-age=600")), func(t *testing.T, h *house) {
		want := State{Issuer: issuerName, Source: "https://issuer.example/keys"}
		check := func(when string) {
			t.Helper()
			synctest.Wait()
			got := h.State()[0]
			if h.list[0].last.isOver() {
				if got.Next < 9*time.Minute-got.Age || got.Next > 11*time.Minute {
					t.Errorf("%s: next in %s, want 10 min ±10 %% after the last", when, got.Next)
				}
				got.Next = 0
			}
			text := func(s State) string { return fmt.Sprintf("%+v", s) }
			if diff := cmp.Diff(text(want), text(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		check("at first")
		time.Sleep(2 * time.Second)
		want.Fetched, want.Age, want.Keys, want.Skipped = true, 2*time.Second, 2, 1
		check("fetched")
		time.Sleep(time.Minute)
		want.Age += time.Minute
		check("later")
	})
}
