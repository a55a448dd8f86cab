package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// What this process uses it is told, and no more than the machine has.
func TestCPUTimeOfThisProcess(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	begun, used := time.Now(), time.Duration(0)
	for used < 30*time.Millisecond {
		after, err := cpuTime(os.Getpid())
		if err != nil || after < before+used {
			t.Fatalf("cpuTime = %v, %v; before it was %v", after, err, before+used)
		}
		if used = after - before; time.Since(begun) > 10*time.Second {
			t.Fatalf("%v of CPU after 10 s of asking, want 30ms", used)
		}
	}
	if most := time.Since(begun) * time.Duration(runtime.NumCPU()); used > most {
		t.Errorf("%v of CPU were used, but there were only %v", used, most)
	}
}

func TestCPUTimeOfAnother(t *testing.T) {
	if got, err := cpuTime(os.Getppid()); err != nil || got <= 0 {
		t.Errorf("cpuTime of the process that started this one = %v, %v; want some", got, err)
	}
	const nobody = 1 << 27 // beyond the largest pid that Linux gives
	if got, err := cpuTime(nobody); err == nil {
		t.Errorf("cpuTime of no process = %v, want an error", got)
	}
}

func TestCPUModel(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"the first of two": {"processor\t: 0\nmodel\t\t: 106\nmodel name\t: Some CPU @ 2.60GHz\nprocessor\t: 1\nmodel name\t: Other\n", "Some CPU @ 2.60GHz"},
		"told by nobody":   {"processor\t: 0\nBogoMIPS\t: 50.00\n", "arm64"},
		"empty":            {"", "arm64"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cpuModel(test.text, "arm64"); got != test.want {
				t.Errorf("cpuModel(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}
