//go:build !race

package cache

const racing = false
