package fleettest

import (
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) Fixture {
		m := NewMemory(time.Now)
		return Fixture{m, m.Put, m.PutHash, m.TakeOff, m.Tell, m.ResetStream}
	})
}
