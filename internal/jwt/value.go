package jwt

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A kind is what a JSON value is. The zero kind is a member that is not there.
type kind uint8

const (
	absent kind = iota
	isText
	isNumber
	isList
	isObject
	isBool
	isNull
)

// A value is JSON that scanObject has read: it is well-formed and within limits.
type value struct {
	kind kind
	raw  string // as it stands there, of texts with their quotes
}

// A member is one of an object; its name is decoded.
type member struct {
	name  string
	value value
}

// An object is the members of a JSON object, in their order. No name is there
// twice.
type object []member

// get finds a member by its exact name.
func (o object) get(name string) value {
	for i := range o {
		if o[i].name == name {
			return o[i].value
		}
	}
	return value{}
}

// text gives what a text says, and false for what is no text.
func (v value) text() (string, bool) {
	if v.kind != isText {
		return "", false
	}
	return unquoted(v.raw), true
}

// texts gives a list of texts, and false for what is none.
func (v value) texts() ([]string, bool) {
	if v.kind != isList {
		return nil, false
	}
	elements := v.elements()
	texts := make([]string, len(elements))
	for i, element := range elements {
		text, is := element.text()
		if !is {
			return nil, false
		}
		texts[i] = text
	}
	return texts, true
}

// elements gives what a list holds.
func (v value) elements() []value {
	var elements []value
	s := scanner{text: v.raw, limits: unlimited}
	s.list(&elements)
	return elements
}

// members gives what a nested object holds.
func (v value) members() object {
	var members object
	s := scanner{text: v.raw, limits: unlimited}
	s.object(&members)
	return members
}

// unquoted decodes a text that has been scanned.
func unquoted(quoted string) string {
	inside := quoted[1 : len(quoted)-1]
	if strings.IndexByte(inside, '\\') < 0 {
		return inside
	}
	decoded := make([]byte, 0, len(inside))
	for i := 0; i < len(inside); {
		if inside[i] != '\\' {
			decoded = append(decoded, inside[i])
			i++
			continue
		}
		if inside[i+1] != 'u' {
			decoded = append(decoded, shortEscapes[inside[i+1]])
			i += 2
			continue
		}
		r := hexOf(inside[i+2:])
		i += 6
		if utf16.IsSurrogate(r) { // the scanner saw its other half
			r = utf16.DecodeRune(r, hexOf(inside[i+2:]))
			i += 6
		}
		decoded = utf8.AppendRune(decoded, r)
	}
	return string(decoded)
}

// shortEscapes are the characters that one character after a backslash stands
// for (RFC 8259 §7).
var shortEscapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// hexOf reads four digits that have been scanned.
func hexOf(digits string) rune {
	n, _ := strconv.ParseUint(digits[:4], 16, 16)
	return rune(n)
}
