package jwks

import (
	"net/http"
	"testing"
	"time"
)

func TestFreshness(t *testing.T) {
	for _, test := range []struct {
		says []string // of Cache-Control
		age  string
		want time.Duration
	}{
		{nil, "", 5 * time.Minute},
		{[]string{""}, "", 5 * time.Minute},
		{[]string{"public, must-revalidate"}, "", 5 * time.Minute},
		{[]string{"s-maxage=1200"}, "", 5 * time.Minute}, // for caches that many share
		{[]string{"max-age=1200"}, "", 20 * time.Minute},
		{[]string{"public,max-age=1200 , must-revalidate"}, "", 20 * time.Minute},
		{[]string{"MAX-AGE=1200"}, "", 20 * time.Minute},
		{[]string{`max-age="1200"`}, "", 20 * time.Minute},
		{[]string{"public", "max-age=1200"}, "", 20 * time.Minute},
		{[]string{"max-age=1200", "max-age=600"}, "", 10 * time.Minute},
		{[]string{"max-age=60"}, "", time.Minute},
		{[]string{"max-age=59"}, "", time.Minute},
		{[]string{"max-age=0"}, "", time.Minute},
		{[]string{"max-age=3600"}, "", time.Hour},
		{[]string{"max-age=3601"}, "", time.Hour},
		{[]string{"max-age=99999999999999999999999999"}, "", time.Hour},
		{[]string{"max-age=9223372037"}, "", time.Hour}, // in ns that is beyond 64 bits
		{[]string{"max-age"}, "", time.Minute},
		{[]string{"max-age="}, "", time.Minute},
		{[]string{"max-age=-1"}, "", time.Minute},
		{[]string{"max-age=1e9"}, "", time.Minute},
		{[]string{"no-store"}, "", time.Minute},
		{[]string{"no-cache, max-age=1200"}, "", time.Minute},
		{[]string{"max-age=1200, No-Store"}, "", time.Minute},
		{[]string{`no-cache="x-header", max-age=1200`}, "", time.Minute},
		{[]string{"max-age=1200"}, "300", 15 * time.Minute},
		{[]string{"max-age=1200"}, "1199", time.Minute},
		{[]string{"max-age=1200"}, "99999999999999999999999", time.Minute},
		{[]string{"max-age=1200"}, "-300", 20 * time.Minute},
		{[]string{"max-age=1200"}, "soon", 20 * time.Minute},
		{nil, "300", 5 * time.Minute},
	} {
		header := http.Header{"Cache-Control": test.says}
		if test.age != "" {
			header.Set("Age", test.age)
		}
		if got := freshness(header); got != test.want {
			t.Errorf("Cache-Control %q, Age %q: %s, want %s", test.says, test.age, got, test.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	want := []time.Duration{2, 4, 8, 16, 32, 60, 60}
	for n := range want {
		if got := backoff(n + 1); got != want[n]*time.Second {
			t.Errorf("after %d failures: %s, want %ds", n+1, got, want[n])
		}
	}
	if got := backoff(1 << 30); got != time.Minute {
		t.Errorf("after very many: %s, want 1m", got)
	}
}

func TestSpread(t *testing.T) {
	least, most := time.Hour, time.Duration(0)
	for range 10_000 {
		d := spread(time.Minute)
		least, most = min(least, d), max(most, d)
	}
	if least < 54*time.Second || least > 55*time.Second || most > 66*time.Second || most < 65*time.Second {
		t.Errorf("a minute becomes %s to %s, want 54s to 66s", least, most)
	}
}
