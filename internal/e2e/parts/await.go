package parts

import (
	"errors"
	"testing"
	"time"
)

// patience is how long a part may take to start or to answer. It is long because a machine under load is slow, and costs
// nothing where all is well: whoever waits looks every few milliseconds.
const patience = 30 * time.Second

// Await calls probe until it returns nil, and fails the test with its last error when that takes longer than limit. It
// is for tests that wait on other processes; inside one process, wait on a channel.
func Await(t testing.TB, limit time.Duration, what string, probe func() error) {
	t.Helper()
	if err := await(limit, nil, probe); err != nil {
		t.Fatalf("parts: %s: not within %v: %v", what, limit, err)
	}
}

// await calls probe until it returns nil, the limit is over (the last error is returned), or what it waits for cannot
// come any more because gone was closed.
func await(limit time.Duration, gone <-chan struct{}, probe func() error) error {
	err := probe()
	if err == nil {
		return nil
	}
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-deadline.C:
			return err
		case <-gone:
			return errGone
		case <-again.C:
			if err = probe(); err == nil {
				return nil
			}
		}
	}
}

var errGone = errors.New("it ended")
