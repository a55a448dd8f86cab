package registry_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/credential"
	"credence/internal/registry"
)

func TestParseTime(t *testing.T) {
	valid := map[string]time.Time{
		"2026-03-01T12:00:00Z":           now,
		"2026-03-01T12:00:00.000000000Z": now,
		"2026-03-01T12:00:00.5Z":         now.Add(500 * time.Millisecond),
		"2026-03-01T12:00:00.000000001Z": now.Add(1),
		"2024-02-29T23:59:59Z":           time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC),
		"0001-01-01T00:00:00.000000001Z": time.Time{}.Add(1),
	}
	for text, want := range valid {
		if got, err := registry.ParseTime(text); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("ParseTime(%q): got %v, error %v, want %v", text, got, err, want)
		}
	}
	invalid := []string{
		"", "2026-03-01", "2026-03-01T12:00Z", "2026-03-01T12:00:00", "2026-03-01T12:00:00z", "2026-03-01t12:00:00Z",
		"2026-03-01T12:00:00+00:00", "2026-03-01T12:00:00+00:00Z", "2026-03-01T12:00:00-00:00", "2026-03-01T12:00:00,5Z",
		"2026-03-01T12:00:00.Z", "2026-03-01T12:00:00.0000000001Z", "2026-03-01T12:00:00.5.5Z", "2026-03-01 12:00:00Z",
		"2026-3-1T12:00:00Z", "2026-03-01T1:00:00Z", "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T23:59:60Z",
		"10000-01-01T00:00:00Z", "26-03-01T12:00:00Z", "-026-03-01T12:00:00Z", " 2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z ",
		"2026-03-01T12:00:00Z\n", "1767225600", "Z", ".Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z",
	}
	for _, text := range invalid {
		if got, err := registry.ParseTime(text); err == nil {
			t.Errorf("ParseTime(%q): got %v, want an error", text, got)
		}
	}
}

func TestFormatTime(t *testing.T) {
	tests := []struct {
		time time.Time
		want string
	}{
		{time.Time{}, ""},
		{now, "2026-03-01T12:00:00Z"},
		{now.Add(1500 * time.Microsecond), "2026-03-01T12:00:00.0015Z"},
		{now.In(time.FixedZone("", 3600)), "2026-03-01T12:00:00Z"},
	}
	for _, test := range tests {
		if got := registry.FormatTime(test.time); got != test.want {
			t.Errorf("FormatTime(%v): got %q, want %q", test.time, got, test.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	valid := map[string]time.Duration{
		"1ns": 1, "30m": 30 * time.Minute, "1.5h": 90 * time.Minute, "1h30m": 90 * time.Minute, "90d": 90 * day,
		"1d12h": 36 * time.Hour, "1d0s": day, "0d1s": time.Second, "36h": 36 * time.Hour, "106751d": 106751 * day,
		"106751d23h47m16.854775807s": 1<<63 - 1, "007d": 7 * day,
	}
	for text, want := range valid {
		got, err := registry.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q): got %v, error %v, want %v", text, got, err, want)
		}
		if again, err := registry.ParseDuration(registry.FormatDuration(got)); err != nil || again != got {
			t.Errorf("FormatDuration(%v): %q reads as %v, error %v", got, registry.FormatDuration(got), again, err)
		}
	}
	invalid := []string{
		"", "0", "0s", "0d", "0d0s", "90", "d", "d1h", "-1h", "+1h", "-1d", "+1d", "1d-1h", "1d+1h", "1d1d", "1.5d", "1h1d",
		"1w", "1 d", "1d ", " 1d", "1d 1h", "1D", "1_0d", "106752d", "106751d24h", "4294967296d", "99999999999999999999d", "2562048h", "1d2562047h",
	}
	for _, text := range invalid {
		if got, err := registry.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q): got %v, want an error", text, got)
		}
	}
	formats := map[time.Duration]string{0: "", 90 * day: "90d", 36 * time.Hour: "1d12h0m0s", time.Minute: "1m0s", day: "1d"}
	for duration, want := range formats {
		if got := registry.FormatDuration(duration); got != want {
			t.Errorf("FormatDuration(%v): got %q, want %q", duration, got, want)
		}
	}
}

func TestParseNetwork(t *testing.T) {
	valid := map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.1": "192.0.2.1/32", "0.0.0.0/0": "0.0.0.0/0", "192.0.2.1/32": "192.0.2.1/32",
		"2001:db8::/32": "2001:db8::/32", "2001:DB8::1": "2001:db8::1/128", "::/0": "::/0", "2001:0db8:0::1/128": "2001:db8::1/128",
		"::ffff:192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.0/120": "192.0.2.0/24", "::ffff:c000:200/120": "192.0.2.0/24", "::ffff:0:0/96": "0.0.0.0/0",
	}
	for text, want := range valid {
		got, err := registry.ParseNetwork(text)
		if err != nil || got != netip.MustParsePrefix(want) {
			t.Errorf("ParseNetwork(%q): got %v, error %v, want %s", text, got, err, want)
		}
	}
	invalid := map[string]string{ // and what the error must hold
		"192.0.2.1/24": "192.0.2.0/24", "2001:db8::1/64": "2001:db8::/64", "::ffff:192.0.2.1/120": "/120", "::ffff:0:0/95": "/95",
	}
	for _, text := range []string{
		"", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/024", "192.0.2.0/-1", "192.000.2.0/24", "/24", "*", "[::1]",
		"fe80::1%eth0", "fe80::%eth0/64", "localhost", "192.0.2.0/24 ", " 192.0.2.1", "192.0.2.0/255.255.255.0",
	} {
		invalid[text] = "is no network"
	}
	for text, hint := range invalid {
		got, err := registry.ParseNetwork(text)
		if err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("ParseNetwork(%q): got %v, error %v, want an error with %q", text, got, err, hint)
		}
	}
}

func TestLabels(t *testing.T) {
	labels, err := registry.ParseLabels("tier=gold region=")
	if diff := cmp.Diff(registry.Labels{{Key: "tier", Value: "gold"}, {Key: "region"}}, labels); diff != "" || err != nil {
		t.Fatalf("ParseLabels: error %v (-want +got):\n%s", err, diff)
	}
	if value, found := labels.Get("region"); value != "" || !found {
		t.Errorf(`Get("region"): got %q, %v, want it empty but there`, value, found)
	}
	if value, found := labels.Get("colour"); found {
		t.Errorf(`Get("colour"): got %q, want none`, value)
	}
	for _, text := range []string{"", " ", "a=b ", strings.Repeat("a", 32) + "=b", "a=" + strings.Repeat("b", 64), "a=b/c", "a b=c", "a_b=c"} {
		if got, err := registry.ParseLabels(text); err == nil {
			t.Errorf("ParseLabels(%q): got %v, want an error", text, got)
		}
	}
}

func TestParseID(t *testing.T) {
	for _, text := range []string{"a", "0", "acme", "a.b_c-d", strings.Repeat("a", 63), "a-", "0."} {
		if got, err := registry.ParseID[registry.ClientID](text); err != nil || string(got) != text {
			t.Errorf("ParseID(%q): got %q, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "A", ".a", "_a", "-a", "a b", "a:b", "a/b", "a\x00", "ä", strings.Repeat("a", 64)} {
		if got, err := registry.ParseID[registry.ClientID](text); err == nil || got != "" {
			t.Errorf("ParseID(%q): got %q, want an error", text, got)
		}
	}
}

func TestKinds(t *testing.T) {
	tests := []struct {
		text, want string
		kinds      registry.Kinds
	}{
		{"token", "token", registry.Kinds{Token: true}},
		{"jwt", "jwt", registry.Kinds{JWT: true}},
		{"jwt token", "token jwt", registry.Kinds{Token: true, JWT: true}},
	}
	for _, test := range tests {
		got, err := registry.ParseKinds(test.text)
		if err != nil || got != test.kinds || got.String() != test.want {
			t.Errorf("ParseKinds(%q): got %+v, error %v, want %+v", test.text, got, err, test.kinds)
		}
		if got.Has(credential.NoKind) || got.Has(credential.Token) != got.Token || got.Has(credential.JWT) != got.JWT {
			t.Errorf("%+v: Has does not agree", got)
		}
	}
}
