package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A part is one thing that is measured, by itself: whatever it needs is
// started for it and ended after it.
type part struct {
	name, title string
	run         func(ctx context.Context, s *stage, p plan, out io.Writer) (section, error)
	long        bool // not in the short plan
}

// parts gives all of them, in the order in which they are run.
func parts() []part {
	return []part{
		{"cost", "what checks cost, beside servers that answer as many bytes", measureCost, false},
		{"half", "how long checks wait at half of the load that is too much", measureHalf, false},
		{"envoy", "whole paths: requests through a real Envoy", measureEnvoy, false},
		{"jwt", "a check of a JWT, seen before and never seen", measureJWT, true},
		{"redis", "what a check of a known client asks Redis", measureSilence, false},
		{"applied", "from a change to the check that is answered by it", measureApplied, true},
		{"fairness", "known clients beside a flood of unknown tokens", measureFairness, true},
		{"forged", "known clients beside a flood of JWTs with bad signatures", measureForged, true},
		{"crowd", "100,000 tokens in memory", measureCrowd, false},
		{"scaling", "what a check costs with more of everything", measureScaling, true},
	}
}

func partNames() []string {
	var names []string
	for _, part := range parts() {
		names = append(names, part.name)
	}
	return names
}

// selected gives the parts that are named, with commas between, in their own
// order; of none, those of the short plan, or else of the long one.
func selected(only string, long bool) ([]part, error) {
	all := parts()
	if only == "" {
		return slices.DeleteFunc(all, func(part part) bool { return part.long && !long }), nil
	}
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if !slices.Contains(partNames(), name) {
			return nil, fmt.Errorf("no part is called %q: there are %s", name, strings.Join(partNames(), ", "))
		}
	}
	return slices.DeleteFunc(all, func(part part) bool { return !slices.Contains(wanted, part.name) }), nil
}

// measure runs a part on a stage of its own.
func (p part) measure(ctx context.Context, plan plan, out io.Writer) (section, error) {
	s, err := newStage()
	if err != nil {
		return section{}, err
	}
	defer s.end()
	if err := s.startRedis(ctx); err != nil {
		return section{}, err
	}
	before, err := s.machineTime()
	if err != nil {
		return section{}, err
	}
	found, err := p.run(ctx, s, plan, out)
	if err != nil {
		return section{}, err
	}
	after, err := s.machineTime()
	found.part, found.others, found.disturbances = p, after.others(before), s.disturbances()
	return found, err
}
