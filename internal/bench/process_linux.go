package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// patience is how long a program may take to come up.
const patience = 15 * time.Second

// A process is a program that was started. It is ended by its process id; the
// kernel ends it when this one dies first.
type process struct {
	cmd    *exec.Cmd
	log    string        // file of what it prints
	exited chan struct{} // closed when it has ended
}

// start runs a program with its output in the file log.
func start(log, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()                                                        // the program has its own copy
	p := &process{cmd: exec.Command(program, args...), log: log, exited: make(chan struct{})} // #nosec G204 -- what is measured
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// Its own group: Ctrl-C is for us, and we end the rest.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "CREDENCE_") })
	started := make(chan error)
	go func() {
		// The signal comes when the thread that started the program ends, so that
		// one is kept.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // that it was killed is no news
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the program and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error says that it is gone already
	<-p.exited
}

// says waits until the program has printed what a pattern matches, and gives
// the pattern's group.
func (p *process) says(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	var group string
	err := p.await(ctx, func() error {
		text, err := os.ReadFile(p.log)
		if err != nil {
			return err
		}
		match := pattern.FindSubmatch(text)
		if match == nil {
			return fmt.Errorf("has not printed %s", pattern)
		}
		group = string(match[1])
		return nil
	})
	return group, err
}

// await calls probe until it returns nil.
func (p *process) await(ctx context.Context, probe func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := probe()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
			continue
		case <-p.exited:
			return p.withLog(errors.New("it ended"))
		case <-ctx.Done():
			return p.withLog(fmt.Errorf("gave up: %w", err))
		}
	}
}

// withLog adds to an error what the program printed last.
func (p *process) withLog(err error) error {
	const most = 2000
	text, _ := os.ReadFile(p.log) // a log that cannot be read has nothing to add
	return fmt.Errorf("%w; its log ends with:\n%s", err, text[max(0, len(text)-most):])
}
