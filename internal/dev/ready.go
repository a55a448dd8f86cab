package dev

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// patience is how long a part may take to be ready.
const patience = 20 * time.Second

// errEnded says that a part ended by itself.
var errEnded = errors.New("dev: a part ended by itself")

// awaitReady waits until a part answers a GET with 200, and no longer than the
// part runs.
func awaitReady(ctx context.Context, name, url string, ended <-chan struct{}) error {
	ctx, done := context.WithTimeout(ctx, patience)
	defer done()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !answers(ctx, url) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("dev: %s is not ready: %w", name, ctx.Err())
		case <-ended:
			return errEnded
		case <-tick.C:
		}
	}
	return nil
}

// answers tells whether a GET is answered with 200.
func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
