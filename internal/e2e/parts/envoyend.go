package parts

import (
	"syscall"
	"time"
)

// Terminate ends Envoy as a supervisor does: it sends SIGTERM, and returns when Envoy has exited. It fails the test where
// Envoy does not exit, or not with status 0.
func (e *EnvoyProxy) Terminate() {
	e.t.Helper()
	if err := e.process.signal(syscall.SIGTERM); err != nil {
		e.t.Fatalf("parts: Envoy: SIGTERM: %v", err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-e.process.exited:
		if e.process.err != nil {
			e.t.Errorf("parts: Envoy: after SIGTERM: %v", e.process.err)
		}
	case <-late.C:
		e.t.Fatalf("parts: Envoy: has not exited %v after SIGTERM", patience)
	}
}
