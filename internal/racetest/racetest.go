// Package racetest tells tests whether the race detector is on: all is about ten
// times as slow then, and pools forget on purpose.
package racetest
