//go:build !race

package extauthz

const racing = false
