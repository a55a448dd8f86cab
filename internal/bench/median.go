package main

import (
	"cmp"
	"math"
	"slices"
)

// median gives the middle of values, or the mean of the two in the middle; of
// none, zero.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile gives the least of values that at least p of a hundred are not
// above (nearest rank); of none, zero. It sorts them.
func percentile[T cmp.Ordered](values []T, p float64) T {
	var zero T
	if len(values) == 0 {
		return zero
	}
	slices.Sort(values)
	rank := int(math.Ceil(p * float64(len(values)) / 100))
	return values[min(max(rank, 1), len(values))-1]
}

// mapped gives a figure of each item.
func mapped[T any](items []T, figure func(T) float64) []float64 {
	figures := make([]float64, len(items))
	for i, item := range items {
		figures[i] = figure(item)
	}
	return figures
}

// ratios divides figures of the same round: what else the machine did then met
// both. A round in which the second is zero has no ratio.
func ratios(a, b []float64) []float64 {
	var all []float64
	for i := range min(len(a), len(b)) {
		if b[i] != 0 {
			all = append(all, a[i]/b[i])
		}
	}
	return all
}
