// Package credential knows what a caller presents and how it is kept.
//
// A request may carry a credential in one of several places (Place): a header
// with a scheme, a bare header, a query parameter. Finding it is strict: two
// filled places, a doubled header or an empty one are mistakes with names of
// their own, because a request that could be read in two ways must not be
// allowed in either (Places.Find).
//
// What was found has a shape: a token of our own, an opaque token of another
// system, or a JWT. Our own tokens carry a checksum, so that a mistyped or
// invented one costs no lookup and a leaked one is recognised offline.
//
// A token is never stored. What is stored is its Digest, with or without a
// pepper (Peppers). Text that must not be printed travels as a Secret.
package credential
