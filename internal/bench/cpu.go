package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTimes gives the CPU time that each process has used, in user and system.
func cpuTimes(processes ...*process) ([]time.Duration, error) {
	times := make([]time.Duration, len(processes))
	for i, p := range processes {
		var err error
		if times[i], err = cpuTime(p.pid()); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// cpuTime gives the CPU time that a process has used, by its clock of
// clock_getcpuclockid(3): /proc tells the same in hundredths of a second, which
// is too coarse for what takes a few.
func cpuTime(pid int) (time.Duration, error) {
	const bits, ofScheduler = 3, 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<bits|ofScheduler), &used); err != nil {
		return 0, fmt.Errorf("clock of process %d: %w", pid, err)
	}
	return time.Duration(used.Nano()), nil
}

// hardware names the machine: figures mean nothing without it.
func hardware() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		model = cpuModel(string(text), model)
	}
	return fmt.Sprintf("%s, %d cores, %s", model, runtime.NumCPU(), runtime.Version())
}

// cpuModel finds the name of the first processor in /proc/cpuinfo, which not
// every architecture tells.
func cpuModel(text, unknown string) string {
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}
