package main

import (
	"context"
	"fmt"
	"io"
)

// roundTries is how often a round is tried. Where others keep the machine busy,
// a lookup can come too late for its check, and that round says nothing. What the
// server warned of is in the report.
const roundTries = 3

// again tries a round until it is whole, and says why it was not.
func again(ctx context.Context, out io.Writer, round func() error) error {
	var err error
	for range roundTries {
		if err = round(); err == nil || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(out, "once more: %v\n", err)
	}
	return err
}
