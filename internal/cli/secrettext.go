package cli

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// tokenText finds what looks like a token of ours.
var tokenText = regexp.MustCompile(`crd_([0-9a-z]{10})_[0-9A-Za-z]+`)

// threeParts finds what may be a JWT: three parts in base64url.
var threeParts = regexp.MustCompile(`[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{2,}\.[0-9A-Za-z_-]{16,}`)

// privatePEM finds a private key in PEM, also one without its end; in a message
// its lines are broken by spaces, or by what stands for the end of a line.
var privatePEM = regexp.MustCompile(`(?s)-----BEGIN [0-9A-Z ]*PRIVATE KEY-----.*?(?:-----END [0-9A-Z ]*PRIVATE KEY-----|$)`)

// privateEdge finds the first or the last line of a private key in PEM.
var privateEdge = regexp.MustCompile(`-----(?:BEGIN|END) [0-9A-Z ]*PRIVATE KEY`)

// privateMember finds a private member of a JWK (RFC 7518 §6), with its value;
// its quotes may be escaped.
var privateMember = regexp.MustCompile(`(\\*"(?:d|p|q|dp|dq|qi|k)\\*"\s*:\s*\\*")[0-9A-Za-z_+/=-]{20,}`)

// keyType finds the member that every JWK has.
var keyType = regexp.MustCompile(`"kty\\*"\s*:`)

// isJWT tells whether the first of three parts is a JSON object; white space may
// stand before it (RFC 8259 §2).
func isJWT(parts string) bool {
	header, _, _ := strings.Cut(parts, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	return err == nil && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
}

// hasJWT tells whether what looks like a JWT stands in a text.
func hasJWT(text string) bool {
	return slices.ContainsFunc(threeParts.FindAllString(text, -1), isJWT)
}

// hasPrivateKey tells whether a private key stands in a text, or a symmetric one.
func hasPrivateKey(text string) bool {
	return privateEdge.MatchString(text) || keyType.MatchString(text) && privateMember.MatchString(text)
}

// redact takes the secret out of every token in a text, and every JWT and private
// key.
func redact(text string) string {
	text = privatePEM.ReplaceAllString(text, "[redacted private key]")
	text = privateMember.ReplaceAllString(text, "${1}[redacted]")
	text = threeParts.ReplaceAllStringFunc(text, func(parts string) string {
		if isJWT(parts) {
			return "[redacted JWT]"
		}
		return parts
	})
	return tokenText.ReplaceAllString(text, "crd_${1}_[redacted]")
}

// secretText finds a token of ours, and what was one before it was cut short or
// mistyped: most of its secret is in it.
var secretText = regexp.MustCompile(`crd_([0-9a-z]{10})_[0-9A-Za-z]{16,}`)

// refuseSecrets refuses a token, a JWT or a private key anywhere among the
// arguments: other users can see them there, the shell keeps them in its history,
// and a reason would be stored.
func refuseSecrets(args []string) error {
	if hasPrivateKey(strings.Join(args, " ")) { // without quotes a shell makes many arguments of it
		return misused("a private key must not be an argument: commands read it from a file or from standard input; it now stands in the history of your shell, so that it is safest to make a new pair, and to revoke the key where it is registered: credence key revoke CLIENT KID")
	}
	for _, arg := range args {
		if hasJWT(arg) {
			return misused("a JWT must not be an argument: commands read it from a file or from standard input; it now stands in the history of your shell, so that it is safest to revoke it: credence jwt revoke --from-file FILE")
		}
		if found := secretText.FindStringSubmatch(arg); found != nil {
			id := found[1]
			return misused("a token must not be an argument: commands take its id, %s; the token now stands in the history of your shell, so that it is safest to replace it: credence token revoke %s", id, id)
		}
	}
	return nil
}
