package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// metrics are what a server says of itself: a value for each series, by its
// name and labels as they are written.
type metrics map[string]float64

const mostMetrics = 4 << 20 // bytes

// metrics asks a server for its metrics.
func (s *server) metrics(ctx context.Context) (metrics, error) {
	text, err := page(ctx, "http://"+s.ops+"/metrics")
	if err != nil {
		return nil, err
	}
	return parseMetrics(string(text))
}

// page gets a page by HTTP.
func page(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostMetrics))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return text, err
}

// parseMetrics reads Prometheus' text format, as far as it has no timestamps.
func parseMetrics(text string) (metrics, error) {
	m := make(metrics)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		if cut < 0 {
			return nil, fmt.Errorf("metrics: no value in %q", line)
		}
		value, err := strconv.ParseFloat(line[cut+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		m[line[:cut]] = value
	}
	return m, nil
}

// minus gives what each series has grown by since before.
func (m metrics) minus(before metrics) metrics {
	grown := maps.Clone(m)
	for series, value := range before {
		grown[series] -= value
	}
	return grown
}

// sum adds up the series of a name that have a label of that value; without a
// label, all of them.
func (m metrics) sum(name, label, value string) float64 {
	var sum float64
	for series, figure := range m {
		family, labels, _ := strings.Cut(series, "{")
		if family == name && (label == "" || strings.Contains("{"+labels, label+"="+strconv.Quote(value))) {
			sum += figure
		}
	}
	return sum
}
