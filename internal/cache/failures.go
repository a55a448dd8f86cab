package cache

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	buckets      = 4096
	failureBurst = 50 * time.Millisecond // of verifying that one caller may cost us for nothing
	failureRate  = 100                   // then a hundredth of the time
)

// failures bound what verifying bad signatures costs: those of one source, by
// one key, take a processor a hundredth of the time, beyond a burst of 50 ms.
// Such is no load that anybody notices, and yet some hundred bad signatures a
// second of the usual algorithms are told what they are. Sources are those of
// shares; they and keys are told apart by a keyed hash of 4,096 values.
type failures struct {
	spent [buckets]atomic.Int64 // until when what was spent fills the time, counted from start
	start time.Time
	seed  maphash.Seed
}

func newFailures() *failures {
	return &failures{start: time.Now(), seed: maphash.MakeSeed()}
}

// A culprit is who is to blame for a bad signature.
type culprit struct {
	source netip.Addr
	key    [32]byte
}

func (f *failures) of(from netip.Addr, key [32]byte) *atomic.Int64 {
	return &f.spent[maphash.Comparable(f.seed, culprit{sourceOf(from), key})%buckets]
}

// bears tells whether another bad signature may be verified.
func (f *failures) bears(from netip.Addr, key [32]byte) bool {
	return f.of(from, key).Load()-int64(time.Since(f.start)) <= int64(failureRate*failureBurst)
}

// charge says what verifying a bad one has taken.
func (f *failures) charge(from netip.Addr, key [32]byte, took time.Duration) {
	spent := f.of(from, key)
	for {
		before := spent.Load()
		after := max(before, int64(time.Since(f.start))) + int64(failureRate*took)
		if spent.CompareAndSwap(before, after) {
			return
		}
	}
}
