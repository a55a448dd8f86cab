package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	stop  context.CancelFunc
	ended chan struct{} // closed when it has ended
	err   error         // how; read it after ended
}

// startEnvoy starts Envoy with the shipped bootstrap. Its access log goes to
// stdout, what it complains of to stderr.
func startEnvoy(path string, at envoy.Addresses, stdout, stderr io.Writer) (*proxy, error) {
	bootstrap, err := envoy.Bootstrap(at)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, path, "--config-yaml", string(bootstrap), "--disable-hot-restart", "--concurrency", "1",
		"--log-level", "error", "--file-flush-interval-msec", "100") // #nosec G204 -- the user's own Envoy
	command.Stdout, command.Stderr = stdout, stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	command.SysProcAttr = ofOurs()
	p := &proxy{stop: stop, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread() // a child dies with the thread that started it
		err := command.Start()
		started <- err
		if err == nil {
			p.err = command.Wait()
		}
	}()
	if err := <-started; err != nil {
		stop()
		return nil, fmt.Errorf("dev: cannot start Envoy (CREDENCE_ENVOY names another): %w", err)
	}
	return p, nil
}

// failure says that Envoy ended by itself. It is called when it has.
func (p *proxy) failure() error {
	if p.err == nil {
		return errors.New("dev: Envoy ended")
	}
	return fmt.Errorf("dev: Envoy ended: %w", p.err)
}

// end ends Envoy and waits for that.
func (p *proxy) end() {
	p.stop()
	<-p.ended
}
