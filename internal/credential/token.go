package credential

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"strings"
)

// The form of our own tokens: crd_<id>_<secret><check>.
const (
	tokenPrefix  = "crd_"
	idLength     = 10
	secretLength = 32 // of 62 letters: 190 bits
	checkLength  = 6
	tokenLength  = len(tokenPrefix) + idLength + 1 + secretLength + checkLength
)

const (
	idLetters = "0123456789abcdefghijklmnopqrstuvwxyz"
	base62    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// A TokenID is the public name of a token: 10 characters of 0-9a-z. It is safe
// to print, list and log.
type TokenID string

// ParseTokenID reads a TokenID.
func ParseTokenID(text string) (TokenID, error) {
	if len(text) != idLength || !consistsOf(text, &isIDLetter) {
		return "", errors.New("want 10 characters of 0-9a-z")
	}
	return TokenID(text), nil
}

// NewTokenID makes a random id, for imported tokens as for our own.
func NewTokenID() TokenID { return TokenID(randomText(idLetters, idLength)) }

// NewToken makes a token that begins with the id.
func NewToken(id TokenID) Secret {
	body := tokenPrefix + string(id) + "_" + randomText(base62, secretLength)
	check := checkOf(body)
	return NewSecret(body + string(check[:]))
}

// looksOwn tells whether text claims to be a token of our own.
func looksOwn(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// parseOwn tells whether text is a whole token of our own (length, alphabet,
// checksum), and which id it carries.
func parseOwn(text string) (TokenID, bool) {
	if len(text) != tokenLength || !looksOwn(text) {
		return "", false
	}
	id, rest := text[len(tokenPrefix):len(tokenPrefix)+idLength], text[len(tokenPrefix)+idLength:]
	if !consistsOf(id, &isIDLetter) || rest[0] != '_' || !consistsOf(rest[1:], &isBase62) {
		return "", false
	}
	check := checkOf(text[:tokenLength-checkLength])
	if string(check[:]) != text[tokenLength-checkLength:] {
		return "", false
	}
	return TokenID(id), true
}

// IdentifyToken tells the id of a whole token of our own. It answers offline:
// whether such a token is registered is not its question.
func IdentifyToken(token Secret) (TokenID, bool) { return parseOwn(token.Expose()) }

// containsOwn tells whether a whole token of our own stands anywhere in text.
func containsOwn(text string) bool {
	for {
		at := strings.Index(text, tokenPrefix)
		if at < 0 || len(text)-at < tokenLength {
			return false
		}
		if _, ok := parseOwn(text[at : at+tokenLength]); ok {
			return true
		}
		text = text[at+len(tokenPrefix):]
	}
}

// checkOf is the CRC-32 (IEEE) of body as six base62 digits, most significant
// first. Six digits hold any 32 bits.
func checkOf(body string) (digits [checkLength]byte) {
	sum := sumOf(body, crc32.ChecksumIEEE)
	for i := checkLength - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return digits
}

// randomText draws n letters without bias: bytes beyond the largest multiple
// of the alphabet's size are drawn again.
func randomText(letters string, n int) string {
	limit := 256 - 256%len(letters)
	text := make([]byte, 0, n)
	var buffer [64]byte
	for len(text) < n {
		_, _ = rand.Read(buffer[:]) // never fails (crypto/rand since Go 1.24)
		for _, b := range buffer {
			if int(b) < limit && len(text) < n {
				text = append(text, letters[int(b)%len(letters)])
			}
		}
	}
	return string(text)
}

// An alphabet is a set of bytes.
type alphabet [256]bool

var (
	isIDLetter = alphabetOf(idLetters)
	isBase62   = alphabetOf(base62)
	isHex      = alphabetOf("0123456789abcdef")
)

func alphabetOf(letters string) alphabet {
	var set alphabet
	for i := range len(letters) {
		set[letters[i]] = true
	}
	return set
}

func consistsOf(text string, set *alphabet) bool {
	for i := range len(text) {
		if !set[text[i]] {
			return false
		}
	}
	return true
}
