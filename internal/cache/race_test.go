//go:build race

package cache

// racing says that the race detector is on: all is about ten times as slow.
const racing = true
