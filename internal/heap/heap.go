// Package heap keeps the garbage collector from working for little.
//
// Go collects when the heap has grown by as much as was live (GOGC=100). A server
// that knows few clients has a few MiB that live, and fills as many with garbage
// in some hundred checks: it would collect a hundred times a second. So a heap may
// always grow by a room before it is collected, however little lives. Where
// much lives, it may grow by less than as much again.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// room is by how much the heap may grow before it is collected, in bytes.
const room = 16 << 20

// ofMore is the room where more lives than that, in percent of it. It is less than
// Go's own 100: a full memory costs some time, and not twice its size.
const ofMore = 70

// Roomy gives the heap its room from now on, until stop is called. Where the
// environment says how to collect (GOGC), that holds, and nothing is done.
func Roomy() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percent(0))
	var ended atomic.Bool
	adjust(percent(0), &ended)
	return func() {
		ended.Store(true)
		debug.SetGCPercent(before)
	}
}

// adjust sets the room anew after each collection. How the room is said has to
// follow what lives.
func adjust(said int, ended *atomic.Bool) {
	// Nothing points at this, so the next collection finds it. Smaller things share
	// their memory with others, and might never be found.
	unreachable := &struct{ _ [16]byte }{}
	runtime.AddCleanup(unreachable, func(said int) {
		if ended.Load() {
			return
		}
		wanted := percent(live())
		if wanted*10 < said*9 || wanted*9 > said*10 { // it stops all for a moment: not for nothing
			debug.SetGCPercent(wanted)
			said = wanted
		}
		adjust(said, ended)
	}, said)
}

// leastHeap is the heap that Go collects at the earliest at GOGC=100, in bytes.
// It grows and shrinks with GOGC.
const leastHeap = 4 << 20

// percent says the room in percent of so many bytes that live.
func percent(live uint64) int {
	return int(max(100*room/max(live, leastHeap), ofMore)) // #nosec G115 -- 400 at most
}

// live gives what GOGC is a percentage of, in bytes, as the last collection has
// found it.
func live() (sum uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, sample := range samples {
		if sample.Value.Kind() == metrics.KindUint64 {
			sum += sample.Value.Uint64()
		}
	}
	return sum
}
