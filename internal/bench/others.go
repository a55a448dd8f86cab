package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ is 100 wherever Go runs.
const tick = time.Second / 100

// A machineTime is CPU time since the machine began, over all cores.
type machineTime struct {
	busy time.Duration // of whoever
	own  time.Duration // of this program and what its stage started
	at   time.Time
}

// machineTime reads how busy the machine has been.
func (s *stage) machineTime() (machineTime, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machineTime{}, err
	}
	m := machineTime{at: time.Now()}
	if m.busy, err = parseBusy(text); err != nil {
		return machineTime{}, fmt.Errorf("/proc/stat: %w", err)
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return machineTime{}, err
	}
	m.own = time.Duration(self.Utime.Nano() + self.Stime.Nano())
	for _, p := range s.started {
		used, err := p.used()
		if err != nil {
			return machineTime{}, err
		}
		m.own += used
	}
	return m, nil
}

// used gives the CPU time of a process, also when it has ended.
func (p *process) used() (time.Duration, error) {
	select {
	case <-p.exited:
		return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), nil
	default:
	}
	times, err := cpuTimes(p)
	if err != nil {
		return 0, err
	}
	return times[0], nil
}

// parseBusy reads the first line of proc_stat(5): the time of all cores, in
// user nice system idle iowait irq softirq steal. What a guest used is in user.
func parseBusy(text []byte) (time.Duration, error) {
	const idle, iowait, last = 4, 5, 8
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) <= last || string(fields[0]) != "cpu" {
		return 0, errors.New("not what proc_stat(5) says")
	}
	var ticks int64
	for i := 1; i <= last; i++ {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("field %d: %w", i, err)
		}
		if i != idle && i != iowait {
			ticks += n
		}
	}
	return time.Duration(ticks) * tick, nil
}

// others gives which part of the machine, of 1, others have used since before.
func (m machineTime) others(before machineTime) float64 {
	all := m.at.Sub(before.at) * time.Duration(runtime.NumCPU())
	if all <= 0 {
		return 0
	}
	return max(0, float64(m.busy-before.busy-(m.own-before.own))/float64(all))
}
