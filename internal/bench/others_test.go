package main

import (
	"runtime"
	"testing"
	"time"
)

func TestParseBusy(t *testing.T) {
	const rest = "cpu0 1 1 1 1 1 1 1 1 0 0\nintr 0\n"
	for name, test := range map[string]struct {
		text string
		want time.Duration // in hundredths, without the fourth and the fifth
		err  bool
	}{
		"all fields":    {text: "cpu  100 20 30 9000 800 4 5 6 70 7\n" + rest, want: 1650 * time.Millisecond},
		"no guests":     {text: "cpu 100 20 30 9000 800 4 5 6\n", want: 1650 * time.Millisecond},
		"an old kernel": {text: "cpu  100 20 30 9000\n", err: true},
		"one core":      {text: rest, err: true},
		"no number":     {text: "cpu  100 20 much 9000 800 4 5 6\n", err: true},
		"empty":         {err: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseBusy([]byte(test.text))
			if got != test.want || (err != nil) != test.err {
				t.Errorf("parseBusy(%q) = %v, %v; want %v, error %t", test.text, got, err, test.want, test.err)
			}
		})
	}
}

func TestOthers(t *testing.T) {
	begun, cores := time.Now(), time.Duration(runtime.NumCPU())
	before := machineTime{busy: time.Hour, own: time.Minute, at: begun}
	for name, test := range map[string]struct {
		busy, own time.Duration // in the ten seconds since, on each core
		want      float64
	}{
		"nobody but us":    {4 * time.Second, 4 * time.Second, 0},
		"half the machine": {9 * time.Second, 4 * time.Second, 0.5},
		// The kernel counts in ticks, and for the machine apart from processes.
		"less than we used": {4 * time.Second, 4100 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			after := machineTime{busy: before.busy + cores*test.busy, own: before.own + cores*test.own, at: begun.Add(10 * time.Second)}
			if got := after.others(before); got != test.want {
				t.Errorf("others = %v, want %v", got, test.want)
			}
		})
	}
}

// What this process has used is in what the machine was busy with.
func TestMachineTimeOfThisProcess(t *testing.T) {
	s, err := newStage()
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	m, err := s.machineTime()
	if err != nil || m.own <= 0 || m.busy < m.own {
		t.Errorf("machineTime = %+v, %v; want own time, and no more than the machine's", m, err)
	}
}
