package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// unavailable makes any failure to get an answer registry.ErrUnavailable, and
// registry.ErrOverloaded where it never came to asking.
func (s *Store) unavailable(tried string, err error) error {
	if errors.Is(err, redis.ErrPoolTimeout) {
		return fmt.Errorf("redisstore: %s: %w", tried, registry.ErrOverloaded)
	}
	if timedOut(err) {
		return fmt.Errorf("redisstore: %s: %w: no answer in time (%v at most): %w", tried, registry.ErrUnavailable, s.timeout, err)
	}
	return fmt.Errorf("redisstore: %s: %w: %w", tried, registry.ErrUnavailable, err)
}

func timedOut(err error) bool {
	var failure net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &failure) && failure.Timeout()
}

// wasClosed tells a connection that its other end had closed. Of plain
// connections go-redis notices that before it uses them, of TLS it cannot.
func wasClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isWrongType tells Redis' answer that a key is of another type.
func isWrongType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }

// uncommitted says what a commit without an answer of the script has come to.
// Redis' own words that it did nothing are no ErrUnavailable: one knows.
func (s *Store) uncommitted(tried string, err error) error {
	var refused redis.Error
	var undialled *dialError
	switch {
	case redis.HasErrorPrefix(err, "OOM"):
		return fmt.Errorf("redisstore: %s: Redis is full (maxmemory), nothing was written: %w", tried, err)
	case errors.As(err, &refused):
		return fmt.Errorf("redisstore: %s: Redis refused it: %w", tried, err)
	case errors.As(err, &undialled) || errors.Is(err, redis.ErrPoolTimeout):
		return s.unavailable(tried+": nothing was written", err)
	}
	return s.unavailable(tried+": it is not known whether it was done", err)
}

// IsFull tells that Redis refused a write because it has no room left in memory
// (OOM) or because what it keeps on disk cannot be written (MISCONF). It then
// takes nobody's commits, apart from those that only restrict where it is the
// memory. Other refusals (READONLY, NOREPLICAS) say nothing of that kind.
func IsFull(err error) bool {
	return redis.HasErrorPrefix(err, "OOM") || IsUnsaved(err)
}

// IsForbidden tells that Redis does not let the user do something (NOPERM).
func IsForbidden(err error) bool { return redis.HasErrorPrefix(err, "NOPERM") }

// IsUnsaved tells that Redis refused a write because what it keeps on disk
// cannot be written (MISCONF). It says so even where it lacks replicas that it
// wants: then it may be a primary that others have replaced.
func IsUnsaved(err error) bool { return redis.HasErrorPrefix(err, "MISCONF") }
