package jwks

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// write puts a file in place of another, as editors and orchestrators do.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestFile reads a file again when it changes, keeps what was good where it is
// not any more, and for as long as that is so.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	a, b := jwkED("a"), jwkED("b")
	write(t, path, jwks(a))
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, server: &server{}, log: &log{}, ended: make(chan struct{})}
		issuers, err := New(Options{Issuer: issuerName, File: path, Logger: h.log.logger()})
		if err != nil {
			t.Fatal(err)
		}
		h.Issuers = issuers
		h.finds("a", found, "b", none) // known before Run
		h.run()
		defer h.end()
		h.logs([]string{"keys", "source"}, "INFO the keys of an issuer are known keys=1 source="+path)

		write(t, path, jwks(a, b))
		time.Sleep(rereadAfter)
		synctest.Wait()
		h.finds("a", found, "b", found)
		h.logs([]string{"keys"}, "INFO the keys of an issuer have changed keys=2")

		write(t, path, jwks(b))
		time.Sleep(rereadAfter)
		synctest.Wait()
		h.finds("a", none, "b", found)
		h.logs([]string{"keys"}, "INFO the keys of an issuer have changed keys=1")

		for _, test := range []struct{ text, cause string }{
			{`{"keys":[`, "JWKS: is not JSON"},
			{jwks(b) + strings.Repeat(" ", 1<<20), "the JWKS is longer than 1 MiB"},
		} {
			write(t, path, test.text)
			time.Sleep(rereadAfter)
			synctest.Wait()
			h.finds("b", found, "a", unavailable)
			time.Sleep(time.Minute)
			h.logs([]string{"cause"}, "WARN the keys of an issuer cannot be fetched: the last good ones are used cause="+test.cause)
		}

		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		h.finds("b", found, "a", unavailable)
		if state := h.State()[0]; state.TooOld || state.Err == nil || state.Age < 48*time.Hour || state.Source != path {
			t.Errorf("state %+v, want an error, and keys 48 h old that are used", state)
		}
		h.logs([]string{"cause"}, "WARN the keys of an issuer cannot be fetched: the last good ones are used cause=stat "+path+": no such file or directory")

		write(t, path, jwks(a))
		time.Sleep(rereadAfter)
		synctest.Wait()
		h.finds("a", found, "b", none)
		if ids, others := h.KeyIDs(issuerName), h.KeyIDs("https://other.example"); !slices.Equal(ids, []string{"a"}) || others != nil {
			t.Errorf("ids %q, and %q of an issuer that is nobody's; want a, and none", ids, others)
		}
		h.logs([]string{"keys"}, "INFO the keys of an issuer have changed keys=1", "INFO the keys of an issuer can be fetched again keys=1")
	})
}
