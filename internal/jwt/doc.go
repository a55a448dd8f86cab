// Package jwt judges JWTs without asking anybody: no I/O, no clock, no
// registry. It looks into a JWT before anything is known of it (Peek), verifies
// it with a key in hand (Verify), and evaluates what it claims (Evaluate).
//
// Who calls it walks an order, and stops at the first Problem:
//
//	peeked, problem := jwt.Peek(presented) // malformed, or an algorithm of nobody's
//	…                                      // peeked.Issuer, peeked.KeyID: find the key
//	problem = jwt.Verify(peeked, key)      // the algorithm of the key, the signature
//	claims, problem := peeked.Evaluate(rules) // subject, claims, audience, certificate
//	…                                      // the state of key and jti
//	from, until := claims.Window(skew)     // not yet valid, or expired, as the caller's clock has it
//
// The algorithm is the key's. What the header says of it is compared, never
// followed, and keys that a header brings along are not looked at. Reading is
// strict, because what two readers can read in two ways must not be allowed in
// either: limits come before parsing, names count once and as they are spelt,
// and what is not base64url or JSON to the letter is malformed.
//
// Keys come from JWKs, JWKS and PEM, and only public ones do (ParseJWK, ParseSet,
// ReadKeys); a private key has a type of its own (Signer) and signs for those who
// try things out. This package alone knows golang-jwt.
package jwt
