package heap

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

func TestPercent(t *testing.T) {
	for _, test := range []struct {
		live uint64
		want int
	}{
		{0, 400}, {1 << 20, 400}, {4 << 20, 400}, // less than 4 MiB count as much: Go's own least heap grows with GOGC
		{8 << 20, 200}, {16 << 20, 100}, {20 << 20, 80},
		{32 << 20, ofMore}, {1 << 40, ofMore},
	} {
		if got := percent(test.live); got != test.want {
			t.Errorf("%d bytes that live: %d %%, want %d", test.live, got, test.want)
		}
	}
}

// litter makes garbage, in bytes, and gives how often it was collected.
func litter(size int) uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range size / len(sink) {
		sink = make([]byte, len(sink))
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

var sink = make([]byte, 4<<10)

// TestRoomy has garbage made with and without the room. What lives is the
// little that a test needs.
func TestRoomy(t *testing.T) {
	t.Setenv("GOGC", "")
	const size = 20 * room
	runtime.GC()
	narrow := litter(size)
	stop := Roomy()
	runtime.GC()
	roomy := litter(size)
	stop()
	runtime.GC()
	again := litter(size)
	if roomy > 30 || narrow < 2*roomy || again < 2*roomy {
		t.Errorf("%d MiB of garbage were collected %d times with room, before it %d times and after it %d times; want 20 with, more without",
			size>>20, roomy, narrow, again)
	}
}

// inForce gives the percentage that the collector goes by.
func inForce() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

// TestRoomFollowsWhatLives has a heap grow, and be small again.
func TestRoomFollowsWhatLives(t *testing.T) {
	t.Setenv("GOGC", "")
	defer Roomy()()
	becomes := func(what string, good func(percent int) bool) {
		t.Helper()
		for range 100 {
			runtime.GC()
			time.Sleep(time.Millisecond) // for the cleanup, which nothing tells of
			if good(inForce()) {
				return
			}
		}
		t.Errorf("%s: the heap may grow by %d %%", what, inForce())
	}
	becomes("little", func(percent int) bool { return percent > 3*ofMore })
	much := make([]byte, 64<<20)
	becomes("64 MiB", func(percent int) bool { return percent == ofMore })
	runtime.KeepAlive(much)
	becomes("little again", func(percent int) bool { return percent > 3*ofMore })
}

// TestEnvironmentHolds leaves the collector to who says how it works.
func TestEnvironmentHolds(t *testing.T) {
	t.Setenv("GOGC", "50")
	runtime.GC()
	before := litter(10 * room)
	defer Roomy()()
	runtime.GC()
	if after := litter(10 * room); after*2 < before {
		t.Errorf("collected %d times, before %d times: the environment said how", after, before)
	}
}
