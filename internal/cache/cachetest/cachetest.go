// Package cachetest makes caches for the tests of those who ask them.
package cachetest

import (
	"testing"

	"credence/internal/cache"
	"credence/internal/registry"
)

// Open makes a Cache over a registry that stands still: it is in contact with
// it from now on, if its root lets it, and nothing is told of changes.
func Open(t testing.TB, source registry.Witness, options cache.Options) *cache.Cache {
	t.Helper()
	entries, through, err := source.ReadThrough(t.Context(), registry.RootRef)
	if err != nil {
		t.Fatalf("cachetest: %v", err)
	}
	return openAt(t, source, options, entries[0], through)
}

// OpenWith is Open where the root record is known already.
func OpenWith(t testing.TB, source registry.Witness, options cache.Options, root registry.Entry) *cache.Cache {
	t.Helper()
	return openAt(t, source, options, root, "")
}

// openAt makes a Cache that has applied all up to an entry of the change stream.
func openAt(t testing.TB, source registry.Witness, options cache.Options, root registry.Entry, entry string) *cache.Cache {
	t.Helper()
	options.Source = source
	if options.Clock == nil {
		options.Clock = func() cache.Instant { return cache.Instant{} } // nothing grows old
	}
	c, err := cache.New(options)
	if err != nil {
		t.Fatalf("cachetest: %v", err)
	}
	c.Bar(nil)
	c.Join(cache.Instant{})
	var stream []registry.Change
	if entry != "" {
		stream = []registry.Change{{Entry: entry}}
	}
	_, _ = c.Start(cache.Instant{}, root, registry.Extent{}, stream) // whether it may be served from is what the test is about
	return c
}
