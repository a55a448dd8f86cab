package jwt

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDate(t *testing.T) {
	for number, want := range map[string]string{
		"0":                                "1970-01-01T00:00:00Z",
		"0.0e0":                            "1970-01-01T00:00:00Z",
		"0e99999999999999999999":           "1970-01-01T00:00:00Z",
		"1e-99999999999999999999":          "1970-01-01T00:00:00Z",
		"1769860800":                       "2026-01-31T12:00:00Z",
		"1769860800.0":                     "2026-01-31T12:00:00Z",
		"1769860800.25":                    "2026-01-31T12:00:00.25Z",
		"1769860800.123456789999":          "2026-01-31T12:00:00.123456789Z",
		"1.7698608e9":                      "2026-01-31T12:00:00Z",
		"17698608E+2":                      "2026-01-31T12:00:00Z",
		"17698608005e-1":                   "2026-01-31T12:00:00.5Z",
		"0.0000000017698608e18":            "2026-01-31T12:00:00Z",
		"5e-2":                             "1970-01-01T00:00:00.05Z",
		"0.000000001":                      "1970-01-01T00:00:00.000000001Z",
		"0.0000000001":                     "1970-01-01T00:00:00Z",
		"253402300799":                     "9999-12-31T23:59:59Z",
		"253402300799.9":                   "9999-12-31T23:59:59Z",
		"253402300800":                     "9999-12-31T23:59:59Z",
		"9223372036854775807":              "9999-12-31T23:59:59Z",
		"9223372036854775807.999":          "9999-12-31T23:59:59Z",
		"9.223372036854775807e18":          "9999-12-31T23:59:59Z",
		"9223372036854775808":              "",
		"18446744073709551615":             "",
		"18446744073709551616":             "",
		"1e19":                             "",
		"1e99999999999999999999":           "",
		"1" + strings.Repeat("0", 6000):    "",
		"-1":                               "",
		"-0":                               "",
		strings.Repeat("9", 20) + "e-1000": "1970-01-01T00:00:00Z",
	} {
		got := ""
		if date, ok := (value{isNumber, number}).date(); ok {
			got = date.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%.40s: %s; want %s", number, got, want)
		}
	}
	for _, v := range []value{{}, {isText, `"1"`}, {isNull, "null"}, {isList, "[1]"}} {
		if _, ok := v.date(); ok {
			t.Errorf("%+v is a date", v)
		}
	}
}

// FuzzDate compares with rational numbers, which round nothing.
func FuzzDate(f *testing.F) {
	for _, number := range []string{"0", "1769860800.25", "1.7e9", "17698608005e-1", "9223372036854775807", "1e19", "0.00001e5", "-1", "253402300799.9"} {
		f.Add(number)
	}
	f.Fuzz(func(t *testing.T, number string) {
		s := scanner{text: number, limits: unlimited}
		v, ok := s.value()
		if !ok || v.kind != isNumber || s.at != len(number) || len(number) > 400 {
			return
		}
		if i := strings.IndexAny(number, "eE"); i >= 0 && len(number)-i > 4 {
			return // too large for the other way
		}
		got, ok := v.date()
		exact, parsed := new(big.Rat).SetString(number)
		if !parsed {
			t.Fatalf("%s is scanned as a number", number)
		}
		nano := new(big.Int).Quo(new(big.Int).Mul(exact.Num(), big.NewInt(1e9)), exact.Denom())
		second, rest := new(big.Int).QuoRem(nano, big.NewInt(1e9), new(big.Int))
		if number[0] == '-' || second.Cmp(big.NewInt(math.MaxInt64)) > 0 {
			if ok {
				t.Fatalf("%s is the date %v; want none", number, got)
			}
			return
		}
		want := time.Unix(lastSecond, 0).UTC()
		if second.Cmp(big.NewInt(lastSecond)) < 0 {
			want = time.Unix(second.Int64(), rest.Int64()).UTC()
		}
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Fatalf("%s: date %v, %s", number, ok, diff)
		}
	})
}
