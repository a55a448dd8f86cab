package main

import (
	"slices"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   float64
	}{
		"none":                   {nil, 0},
		"one":                    {[]float64{7}, 7},
		"odd, unsorted":          {[]float64{9, 1, 5}, 5},
		"even: of two, the mean": {[]float64{4, 1, 2, 100}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			if got := median(test.values); got != test.want {
				t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
			}
		})
	}
}

func TestMedianLeavesTheOrderAlone(t *testing.T) {
	values := []float64{3, 1, 2}
	median(values)
	if values[0] != 3 || values[1] != 1 || values[2] != 2 {
		t.Errorf("after median: %v, want [3 1 2]", values)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for name, test := range map[string]struct {
		values []time.Duration
		p      float64
		want   time.Duration
	}{
		"none":              {nil, 50, 0},
		"one":               {[]time.Duration{7}, 99, 7},
		"least":             {hundred, 0, 1},
		"half":              {hundred, 50, 50},
		"99 of a hundred":   {hundred, 99, 99},
		"between two":       {hundred, 99.5, 100},
		"all":               {hundred, 100, 100},
		"the higher of two": {[]time.Duration{9, 3}, 51, 9},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentile(test.values, test.p); got != test.want {
				t.Errorf("percentile %v = %d, want %d", test.p, got, test.want)
			}
		})
	}
}

func TestRatios(t *testing.T) {
	for name, test := range map[string]struct{ a, b, want []float64 }{
		"by round":         {[]float64{6, 9}, []float64{2, 3}, []float64{3, 3}},
		"none by zero":     {[]float64{6, 9}, []float64{0, 3}, []float64{3}},
		"no round is left": {[]float64{6, 9, 5}, []float64{2, 3}, []float64{3, 3}},
		"none":             {nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ratios(test.a, test.b); !slices.Equal(got, test.want) {
				t.Errorf("ratios(%v, %v) = %v, want %v", test.a, test.b, got, test.want)
			}
		})
	}
}

// The median of the rounds' ratios is not the ratio of the medians: one round
// in which the machine was busy moves neither of its figures alone.
func TestMedianOfRatios(t *testing.T) {
	with, without := []float64{4, 40, 6}, []float64{2, 20, 3}
	if got := median(ratios(with, without)); got != 2 {
		t.Errorf("median of ratios = %v, want 2", got)
	}
}
