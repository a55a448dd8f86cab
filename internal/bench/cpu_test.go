package main

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 4242 4242 0 -1 4194560 9000 0 12 0 1234 66 7 8 20 0 9 0 360635 3133440 412\n"
	for name, test := range map[string]struct {
		text string
		want time.Duration // 13 s: utime 1234 and stime 66, in hundredths
		err  bool
	}{
		"plain":                   {text: "4242 (credence)" + rest, want: 13 * time.Second},
		"a name with a space":     {text: "4242 (my server)" + rest, want: 13 * time.Second},
		"a name with parentheses": {text: "4242 (a) S 1 (b)" + rest, want: 13 * time.Second},
		"no name":                 {text: "4242" + rest, err: true},
		"cut short":               {text: "4242 (credence) S 1 4242 4242 0 -1 4194560 9000 0 12 0 1234\n", err: true},
		"no number":               {text: "4242 (credence) S 1 4242 4242 0 -1 4194560 9000 0 12 0 many 66 7\n", err: true},
		"empty":                   {err: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(test.text))
			if got != test.want || (err != nil) != test.err {
				t.Errorf("parseStat(%q) = %v, %v; want %v, error %t", test.text, got, err, test.want, test.err)
			}
		})
	}
}

// The kernel's own text: what this process has used can only grow.
func TestParseStatOfThisProcess(t *testing.T) {
	var last time.Duration
	for deadline := time.Now().Add(10 * time.Second); last < 3*tick; {
		text, err := os.ReadFile("/proc/self/stat")
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseStat(text)
		if err != nil || got < last {
			t.Fatalf("parseStat(%q) = %v, %v, after %v", text, got, err, last)
		}
		if last = got; time.Now().After(deadline) {
			t.Fatalf("%v of CPU after 10 s of reading, want %v", got, 3*tick)
		}
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
