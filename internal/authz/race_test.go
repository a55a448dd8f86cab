//go:build race

package authz

// racing says that the race detector is on: pools forget on purpose then.
const racing = true
