package authz

import (
	"credence/internal/jwt"
	"credence/internal/registry"
)

// KeyOf gives the key that a record holds. A record whose JWK is not fit for its
// alg is as invalid as one that cannot be parsed; the error is a
// *registry.FieldError.
func KeyOf(record *registry.Key) (*jwt.Key, error) {
	fault := func(field, why string) error {
		return &registry.FieldError{Key: record.Ref().Key(), Field: field, Why: why}
	}
	algorithm, err := jwt.ParseAlgorithm(record.Algorithm)
	if err != nil {
		return nil, fault("alg", err.Error())
	}
	key, err := jwt.ParseJWK([]byte(record.JWK), jwt.AlgorithmSet(algorithm))
	if err != nil {
		return nil, fault("jwk", err.Error())
	}
	return key, nil
}
