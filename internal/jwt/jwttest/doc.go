// Package jwttest makes keys for tests that sign JWTs.
package jwttest
