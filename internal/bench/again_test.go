package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestAgain(t *testing.T) {
	broken := errors.New("too late")
	for name, test := range map[string]struct {
		broken, tried int // how many rounds are
		err           error
	}{
		"at once":            {0, 1, nil},
		"the last time":      {roundTries - 1, roundTries, nil},
		"not within reason":  {roundTries + 5, roundTries, broken},
		"what was cancelled": {-1, 1, broken},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out strings.Builder
			tried := 0
			err := again(ctx, &out, func() error {
				tried++
				if test.broken < 0 {
					cancel()
					return broken
				}
				if tried <= test.broken {
					return broken
				}
				return nil
			})
			if tried != test.tried || !errors.Is(err, test.err) {
				t.Errorf("tried %d times, %v; want %d, %v", tried, err, test.tried, test.err)
			}
			if told := strings.Count(out.String(), "once more: too late\n"); test.broken > 0 && told != min(test.broken, roundTries) {
				t.Errorf("told of %d rounds that broke:\n%s", told, out.String())
			}
		})
	}
}
