package cache

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"credence/internal/authz"
	"credence/internal/registry"
)

// TestRevokedListIsReadOneAtATime has many checks need the list while it changes
// all the time: each is answered by a read that was sent after it came, and no
// two reads run beside each other.
func TestRevokedListIsReadOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newRevokedList()
		reads, running := 0, 0
		gate := make(chan struct{})
		var mu sync.Mutex
		look := func() authz.Found {
			mu.Lock()
			reads++
			running++
			n, beside := reads, running
			mu.Unlock()
			if beside > 1 {
				t.Errorf("%d reads run beside each other", beside)
			}
			<-gate
			mu.Lock()
			running--
			mu.Unlock()
			return authz.Found{Err: fmt.Errorf("read %d", n)}
		}
		answers := make(chan string, 100)
		ask := func(n int) {
			for range n {
				go func() { answers <- l.read(t.Context(), look).Err.Error() }()
			}
			synctest.Wait()
		}
		wantAll := func(n int, want string) {
			t.Helper()
			for range n {
				if got := <-answers; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		}
		ask(1)
		ask(10) // they cannot go by the first
		gate <- struct{}{}
		wantAll(1, "read 1")
		synctest.Wait()
		ask(5) // nor these by the second
		gate <- struct{}{}
		wantAll(10, "read 2")
		gate <- struct{}{}
		wantAll(5, "read 3")
		if reads != 3 {
			t.Errorf("%d reads, want 3", reads)
		}
	})
}

// TestRevokedListSurvivesAPanic has a read panic: whoever waits is told that
// nobody knows, and the next one is made.
func TestRevokedListSurvivesAPanic(t *testing.T) {
	l := newRevokedList()
	got := l.read(t.Context(), func() authz.Found { panic("out of order") })
	if !errors.Is(got.Err, registry.ErrUnavailable) || !strings.Contains(got.Err.Error(), "out of order") {
		t.Errorf("got %v, want %v", got.Err, registry.ErrUnavailable)
	}
	if got := l.read(t.Context(), func() authz.Found { return authz.Found{} }); got.Err != nil {
		t.Errorf("the next one: %v", got.Err)
	}
}

// TestRevokedWhileItIsRead revokes JWTs faster than the list can be read: where
// all else is known each check goes by the list as it was read for it, once.
func TestRevokedWhileItIsRead(t *testing.T) {
	by := newSigner(t)
	s := open(t, Options{})
	checker := s.signing(by)
	for _, jti := range []string{"1", "2"} {
		if got := checker.Check(t.Context(), noon, withJWT(signed(t, by, "acme", jti))); got.Reason != authz.Allowed {
			t.Fatalf("before: %s (%v)", got.Reason, got.Cause)
		}
	}
	s.memory.PutRevoked(registry.JTIOf("acme", "1").String(), noon.Unix())
	s.Invalidate([]registry.Ref{registry.RevokedRef})
	for jti, want := range map[string]authz.Reason{"1": authz.CredentialRevoked, "2": authz.Allowed} {
		release := s.source.hold()
		before := len(s.source.reads())
		decided := make(chan authz.Decision, 1)
		go func() { decided <- checker.Check(t.Context(), noon, withJWT(signed(t, by, "acme", jti))) }()
		for len(s.source.reads()) == before {
			runtime.Gosched()
		}
		s.Invalidate([]registry.Ref{registry.RevokedRef}) // once more, while it is read
		release()
		if got := <-decided; got.Reason != want {
			t.Errorf("%s: got %s (%v), want %s", jti, got.Reason, got.Cause, want)
		}
		if made := len(s.source.reads()) - before; made != 1 {
			t.Errorf("%s: the list was read %d times, want once", jti, made)
		}
	}
}

// TestRevokedBesideAnother has a client be read beside the list, and the list
// change meanwhile: then it must be read again, since nobody knows which of the
// two came first.
func TestRevokedBesideAnother(t *testing.T) {
	by := newSigner(t)
	s := open(t, Options{})
	checker := s.signing(by)
	if got := checker.Check(t.Context(), noon, withJWT(signed(t, by, "acme", "1"))); got.Reason != authz.Allowed {
		t.Fatalf("before: %s (%v)", got.Reason, got.Cause)
	}
	s.Invalidate([]registry.Ref{registry.ClientRef("acme")})
	release := s.source.hold()
	before := len(s.source.reads())
	decided := make(chan authz.Decision, 1)
	go func() { decided <- checker.Check(t.Context(), noon, withJWT(signed(t, by, "acme", "1"))) }()
	for len(s.source.reads()) == before {
		runtime.Gosched()
	}
	s.memory.PutRevoked(registry.JTIOf("acme", "1").String(), noon.Unix())
	s.Invalidate([]registry.Ref{registry.RevokedRef})
	release()
	if got := <-decided; got.Reason != authz.CredentialRevoked {
		t.Errorf("got %s (%v), want %s", got.Reason, got.Cause, authz.CredentialRevoked)
	}
}
