package cache

import "time"

// An Instant is a time by both clocks of a machine. Each of them can be wrong:
// one can be set, the other stands still while the machine sleeps.
type Instant struct {
	Run  time.Duration // monotonic, since some beginning
	Wall time.Duration // since 1970
}

// Clock gives the clocks of this machine.
func Clock() func() Instant {
	begin := time.Now()
	return func() Instant {
		now := time.Now()
		return Instant{Run: now.Sub(begin), Wall: time.Duration(now.UnixNano())}
	}
}

// since gives the larger of what the two clocks say has passed since.
func (i Instant) since(earlier Instant) time.Duration {
	return max(i.Run-earlier.Run, i.Wall-earlier.Wall)
}

// after tells whether it was later. Only the clock that never goes back can
// tell.
func (i Instant) after(other Instant) bool { return i.Run > other.Run }
