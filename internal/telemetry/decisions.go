package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

const (
	// linesASecond is how many decisions of one reason are told in a second;
	// the rest of that second is counted.
	linesASecond = 10
	// causesASecond is how many more are told because their cause was not: one
	// client with a bad record must not hide the others that have one.
	causesASecond = 256
)

// A DecisionLog tells of denials. It is safe for use by many goroutines.
type DecisionLog struct {
	logger *slog.Logger
	clock  func() time.Time

	second atomic.Int64 // of the last check, Unix time

	mu      sync.Mutex
	windows [256]window // by reason
}

// A window is what was told of one reason in one second.
type window struct {
	second     int64
	told       int
	suppressed int
	causes     map[string]bool // told in that second
}

// NewDecisionLog makes a DecisionLog. The clock says when a second is over;
// nil: time.Now.
func NewDecisionLog(logger *slog.Logger, clock func() time.Time) *DecisionLog {
	if clock == nil {
		clock = time.Now
	}
	return &DecisionLog{logger: logger, clock: clock}
}

// Observe tells of a check that was denied, and of one that would have been
// were it enforced.
func (l *DecisionLog) Observe(request authz.Request, decision authz.Decision, _ time.Duration) {
	second := l.clock().Unix()
	if before := l.second.Load(); before != second && l.second.CompareAndSwap(before, second) {
		l.tellSuppressed(second)
	}
	reason, message, level := decision.Reason, "denied", levelOf(decision.Reason)
	if decision.Allows() {
		if decision.Observed == authz.Undecided {
			return
		}
		reason, message, level = decision.Observed, "observed", levelOf(decision.Observed)
		if level == slog.LevelInfo {
			level = slog.LevelDebug // a trial may observe every request
		}
	}
	if !l.logger.Enabled(context.Background(), level) || !l.mayTell(reason, second, causeOf(decision, level)) {
		return
	}
	l.logger.LogAttrs(context.Background(), level, message, attributes(request, decision, reason)...)
}

// levelOf gives the level of a reason: whether somebody has to act.
func levelOf(reason authz.Reason) slog.Level {
	switch reason {
	case authz.InternalError:
		return slog.LevelError
	case authz.RecordInvalid, authz.RegistryUnavailable, authz.RouteInvalid, authz.Overloaded:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// causeOf gives what somebody has to mend; empty where nobody has to act.
func causeOf(decision authz.Decision, level slog.Level) string {
	var field *registry.FieldError
	switch {
	case level <= slog.LevelInfo || decision.Cause == nil:
		return ""
	case errors.As(decision.Cause, &field):
		return field.Key + " " + field.Field
	}
	return decision.Cause.Error()
}

// mayTell tells whether there is a line left for a reason in this second, or
// for a cause that was not told in it.
func (l *DecisionLog) mayTell(reason authz.Reason, second int64, cause string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &l.windows[reason]
	if w.second != second {
		w.second, w.told = second, 0
		clear(w.causes)
	}
	another := cause != "" && !w.causes[cause] && len(w.causes) < causesASecond
	if w.told >= linesASecond && !another {
		w.suppressed++
		return false
	}
	if another {
		if w.causes == nil {
			w.causes = make(map[string]bool)
		}
		w.causes[cause] = true
	}
	w.told++
	return true
}

// Flush tells what is counted and not yet told, as at the end of a server.
func (l *DecisionLog) Flush() { l.tellSuppressed(l.clock().Unix() + 1) }

// tellSuppressed tells what was counted in the seconds before this one: one
// line a reason.
func (l *DecisionLog) tellSuppressed(second int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for reason := range l.windows {
		w := &l.windows[reason]
		if w.suppressed == 0 || w.second == second {
			continue
		}
		l.logger.LogAttrs(context.Background(), levelOf(authz.Reason(reason)), "suppressed", // #nosec G115 -- an index of windows
			slog.String("reason", authz.Reason(reason).String()), slog.Int("count", w.suppressed)) // #nosec G115 -- the same
		w.suppressed = 0
	}
}

// attributes gives what is told of a decision, under the names that Envoy's
// metadata has. What is not known is not there. The request's texts are
// written before Observe returns; none is kept.
func attributes(request authz.Request, decision authz.Decision, reason authz.Reason) []slog.Attr {
	attrs := make([]slog.Attr, 0, 12)
	put := func(name, text string) {
		if text != "" {
			attrs = append(attrs, slog.String(name, text))
		}
	}
	put("reason", reason.String())
	put("client", string(decision.Facts.Credential.Client))
	put("profile", string(decision.Facts.Credential.Profile))
	put("credential_id", decision.Facts.Credential.ID)
	put("credential_kind", decision.Kind.String())
	if decision.Peer.IsValid() {
		put("peer", decision.Peer.String())
	}
	put("api", decision.Route.API)
	put("method", shownMethod(request.Method))
	put("request_id", answer.RequestID(request))
	if decision.Cause != nil && (levelOf(reason) > slog.LevelInfo || decision.Kind == credential.JWT) {
		var field *registry.FieldError
		if errors.As(decision.Cause, &field) {
			put("key", field.Key)
			put("field", field.Field)
		}
		put("cause", decision.Cause.Error())
	}
	return attrs
}

// longestMethod is the longest method that is told, in bytes.
const longestMethod = 32

// shownMethod gives a method if it is a word of letters, as all that are
// registered are; a client may send anything.
func shownMethod(method string) string {
	if len(method) > longestMethod {
		return ""
	}
	for i := range len(method) {
		if c := method[i]; (c < 'A' || c > 'Z') && c != '-' {
			return ""
		}
	}
	return method
}
