package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWhatWasLostStaysLost has Redis come back from an older copy, as after a
// fail-over to a replica that was behind: in it a client that was switched off
// is active again, and so is a token that was revoked. Under traffic neither is
// ever let in, until somebody writes them again.
func TestWhatWasLostStaysLost(t *testing.T) {
	s := start(t, setting{patient: true})
	good := s.good()
	stolen := s.token("acme")
	s.redis.CLI("SET", "{credence}:token-id:"+stolen.id, strings.TrimPrefix(stolen.key, "token:")) // commands find it so
	s.client("victim")
	victim := s.token("victim")
	s.client("guest")
	guest := s.token("guest")
	same := func(token token) func() string { return func() string { return token.secret } }
	run := s.traffic(t, 4, []caller{
		{name: "acme", kind: known, token: same(good), status: http.StatusOK, client: "acme"},
		{name: "stranger", kind: unknown, token: stranger, status: http.StatusUnauthorized, code: "credential_invalid"},
	})
	for _, token := range []token{victim, stolen, guest} {
		s.get("/", "x-api-key: "+token.secret).wantStatus(t, http.StatusOK, "")
	}
	// The first commit is there again later: what follows it is lost.
	s.does(t, "profile", "update", "partner", "--limit", "2000/hour")
	s.redis.Save()
	s.does(t, "client", "disable", "victim", "--reason", "leaked")
	s.does(t, "token", "revoke", stolen.id, "--yes")
	// Another program, as docs/registry.md says, which counts no commits.
	s.redis.CLI("EVAL", `redis.call('XADD', KEYS[1], '*', 'keys', 'client:guest', 'op', 'set', 'by', 'portal')
		return redis.call('HSET', KEYS[2], 'state', 'disabled')`, "2", "{credence}:changes", "{credence}:client:guest")
	s.getUntil(http.StatusOK, http.StatusForbidden, "x-api-key: "+guest.secret)
	lost := []caller{
		{name: "victim", kind: known, token: same(victim), status: http.StatusForbidden, code: "client_disabled"},
		{name: "stolen", kind: known, token: same(stolen), status: http.StatusUnauthorized, code: "credential_revoked"},
		{name: "guest", kind: known, token: same(guest), status: http.StatusForbidden, code: "client_disabled"},
	}
	for _, c := range lost {
		run.join(c)
	}
	run.awaitRow(3, gotServed, everybody)

	s.redis.Stop()
	s.redis.Restart()
	if state := s.redis.CLI("HGET", "{credence}:client:victim", "state"); state != "active" {
		t.Fatalf("the victim is %s again, want active: nothing was lost", state)
	}
	isLost := func(c caller) bool { return c.status != http.StatusOK && c.kind == known }
	run.awaitRow(5, gotDenied, isLost)
	run.awaitRow(5, gotServed, func(c caller) bool { return !isLost(c) })
	run.begin("withheld", func(c caller) expectation {
		if isLost(c) {
			return mustDeny
		}
		return mustServe
	})
	run.awaitAnswers(50)
	wantLine(t, s.log.String(), "commits were lost: the records that they had changed are withheld", "client:victim", stolen.key, "client:guest")
	if got := s.metric("credence_withheld_records"); got != 3 {
		t.Errorf("%v records are withheld, want 3", got)
	}
	if page := s.page("/readyz"); !strings.Contains(page, "3 records are withheld") {
		t.Errorf("/readyz does not tell that records are withheld:\n%s", page)
	}

	// What is written again counts again: as it is written.
	run.begin("released", allMayBe(either))
	s.does(t, "client", "disable", "victim", "--reason", "leaked")
	s.get("/", "x-api-key: "+victim.secret).wantStatus(t, http.StatusForbidden, "client_disabled")
	s.does(t, "token", "revoke", stolen.id, "--yes")
	s.get("/", "x-api-key: "+stolen.secret).wantStatus(t, http.StatusUnauthorized, "credential_revoked")
	s.does(t, "client", "disable", "guest")
	s.get("/", "x-api-key: "+guest.secret).wantStatus(t, http.StatusForbidden, "client_disabled")
	run.awaitRow(5, gotServed, everybody)
	if got := s.metric("credence_withheld_records"); got != 0 {
		t.Errorf("%v records are withheld, want none", got)
	}
	run.end()
	if wrong := run.wrong(); len(wrong) > 0 {
		t.Errorf("wrong answers:\n%s", strings.Join(wrong[:min(len(wrong), 10)], "\n"))
	}
	t.Log(run)
	s.wantNoErrors()
}

// TestARestartForgetsWhatWasLost: who has never seen a commit cannot miss it,
// which docs/operations.md warns of.
func TestARestartForgetsWhatWasLost(t *testing.T) {
	s := start(t, setting{noEnvoy: true, patient: true})
	token := s.good()
	s.does(t, "profile", "update", "partner", "--limit", "2000/hour")
	s.redis.Save()
	s.does(t, "client", "disable", "acme")
	if got := s.checks()(token.secret); got != http.StatusForbidden {
		t.Fatalf("status %d, want 403", got)
	}
	s.redis.Stop()
	s.redis.Restart()
	await(t, "the loss is noticed", func() bool {
		return s.metric("credence_withheld_records") == 1 && s.metric("credence_registry_contact") == 1
	})
	if got := s.checks()(token.secret); got != http.StatusServiceUnavailable {
		t.Errorf("status %d of the server that saw the commit, want 503", got)
	}
	s.serve(setting{patient: true})
	if got := s.checks()(token.secret); got != 0 {
		t.Errorf("status %d of a server that did not, want an allow", got)
	}
}

// does runs credence as an operator does, and wants it to succeed.
func (s *stack) does(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	begun := time.Now()
	status, stdout, stderr := s.command(args...)
	if status != 0 {
		t.Fatalf("credence %s: exit status %d after %v\n%s%s", strings.Join(args, " "), status, time.Since(begun), stdout, stderr)
	}
	return stdout, stderr
}

// wantLine wants a line of a log that has all the words.
func wantLine(t *testing.T, log string, words ...string) {
	t.Helper()
	for line := range strings.Lines(log) {
		missing := false
		for _, word := range words {
			missing = missing || !strings.Contains(line, word)
		}
		if !missing {
			return
		}
	}
	t.Errorf("the log has no line with %q:\n%s", words, log)
}
