package main

import (
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
