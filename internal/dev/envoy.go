package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"credence/envoy"
)

// errNoEnvoy says that there is no Envoy to start, and how to get one.
var errNoEnvoy = errors.New("no Envoy found beside this program, in .bin or in PATH: get it with `make envoy`, or name it in CREDENCE_ENVOY")

// findEnvoy looks for Envoy where CREDENCE_ENVOY says, beside our own binary,
// in .bin and in PATH.
func findEnvoy(env func(string) string) (string, error) {
	if named := env("CREDENCE_ENVOY"); named != "" {
		return named, nil
	}
	candidates := []string{filepath.Join(".bin", "envoy")}
	if self, err := os.Executable(); err == nil {
		candidates = append([]string{filepath.Join(filepath.Dir(self), "envoy")}, candidates...)
	}
	for _, candidate := range candidates {
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() {
			return candidate, nil
		}
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return path, nil
	}
	return "", errNoEnvoy
}

// A proxy is a running Envoy.
type proxy struct {
	command *exec.Cmd
	ended   chan error // gets its end, once
	admin   string
}

// startEnvoy starts Envoy with the shipped bootstrap. Its access log goes to
// stdout, what it complains of to stderr.
func startEnvoy(ctx context.Context, path string, at envoy.Addresses, stdout, stderr io.Writer) (*proxy, error) {
	bootstrap, err := envoy.Bootstrap(at)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, path, "--config-yaml", string(bootstrap), "--disable-hot-restart", "--concurrency", "1",
		"--log-level", "error", "--file-flush-interval-msec", "100") // #nosec G204 -- the user's own Envoy
	command.Stdout, command.Stderr = stdout, stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours: we end it, in order
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("dev: envoy: %w", err)
	}
	p := &proxy{command: command, ended: make(chan error, 1), admin: at.Admin}
	go func() { p.ended <- command.Wait() }()
	return p, nil
}

// awaitReady waits until Envoy serves.
func (p *proxy) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("dev: envoy is not ready: %w", ctx.Err())
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("dev: envoy ended: %w", err)
		case <-tick.C:
			if answers(ctx, "http://"+p.admin+"/ready") {
				return nil
			}
		}
	}
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

// wait gives Envoy's end; it was asked to end by its context.
func (p *proxy) wait() { <-p.ended }
