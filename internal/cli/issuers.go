package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"credence/internal/config"
	"credence/internal/jwks"
	"credence/internal/jwt"
	"credence/internal/telemetry"
)

// issuerKeys makes the keys of the issuers that are trusted. It connects to
// nobody.
func issuerKeys(c config.JWT, logger *slog.Logger) (*jwks.Issuers, error) {
	options := make([]jwks.Options, len(c.Issuers))
	for i, issuer := range c.Issuers {
		var algorithms []jwt.Algorithm
		for _, name := range issuer.Algorithms {
			algorithm, err := jwt.ParseAlgorithm(name)
			if err != nil {
				return nil, fmt.Errorf("jwt.issuers: %s: %w", issuer.Issuer, err)
			}
			algorithms = append(algorithms, algorithm)
		}
		options[i] = jwks.Options{
			Issuer: issuer.Issuer, URL: issuer.JWKSURL, File: issuer.JWKSFile, CAFile: issuer.CAFile,
			Algorithms: jwt.AlgorithmSet(algorithms...), Logger: logger,
		}
	}
	return jwks.New(options...)
}

// issuerLines tells of issuers whose keys are not what they should be, for
// /readyz. A server without them is ready all the same: tokens need none.
func issuerLines(states []jwks.State) []string {
	var lines []string
	for _, s := range states {
		age := s.Age.Round(time.Second)
		switch {
		case !s.Fetched:
			lines = append(lines, fmt.Sprintf("issuer %s: no keys yet: its JWTs are denied with 503 (%s)", s.Issuer, plain(orUnder(s.Err))))
		case s.TooOld:
			lines = append(lines, fmt.Sprintf("issuer %s: keys are %v old and used no longer: its JWTs are denied with 503 (%s)", s.Issuer, age, plain(orUnder(s.Err))))
		case s.Err != nil:
			lines = append(lines, fmt.Sprintf("issuer %s: keys are %v old, and could not be fetched anew (%s)", s.Issuer, age, plain(s.Err)))
		}
	}
	return lines
}

var errUnderWay = errors.New("the first fetch is under way")

func orUnder(err error) error {
	if err == nil {
		return errUnderWay
	}
	return err
}

// issuerMetrics gives the states in the form that metrics take.
func issuerMetrics(states []jwks.State) []telemetry.Issuer {
	issuers := make([]telemetry.Issuer, len(states))
	for i, s := range states {
		issuers[i] = telemetry.Issuer{Name: s.Issuer, Keys: s.Keys, Age: s.Age, Fetched: s.Fetched && !s.TooOld, Failing: s.Err != nil}
	}
	return issuers
}
