package extauthz

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"
)

// The wire format of protocol buffers (protobuf.dev/programming-guides/encoding),
// as much of it as the two messages of a check need: fields of numbers up to 15,
// so that a tag is one byte, that hold a number, a text or a message.

// Kinds of fields: the low three bits of a tag.
const (
	varint  = 0
	fixed64 = 1
	sized   = 2 // text, bytes or a message
)

// fields walks over the fields of one message. It is as strict as a reader may
// be who can leave the rest to another one: a field that stands there twice, and
// all else that most messages do not have, is odd, and ends the walk.
type fields struct {
	rest string
	many uint16 // a bit for each number that may stand there more than once
	seen uint16
	tag  byte   // of the field at hand
	text string // of the field at hand, where it is sized
	odd  bool
}

// next goes to the next field and tells whether there is one.
func (f *fields) next() bool {
	if f.rest == "" || f.odd {
		return false
	}
	f.tag = f.rest[0]
	if f.tag >= 1<<7 { // a number above 15
		return f.stop()
	}
	bit := uint16(1) << (f.tag >> 3)
	if f.seen&^f.many&bit != 0 {
		return f.stop()
	}
	f.seen |= bit
	f.rest = f.rest[1:]
	value, ok := f.number()
	switch {
	case !ok:
		return f.stop()
	case f.tag&7 == varint:
		return true
	case f.tag&7 != sized || value > uint64(len(f.rest)):
		return f.stop()
	}
	f.text, f.rest = f.rest[:value], f.rest[value:]
	return true
}

// number reads a varint: seven bits a byte, the low ones first.
func (f *fields) number() (value uint64, ok bool) {
	for i := range len(f.rest) {
		c := f.rest[i]
		if i == binary.MaxVarintLen64-1 && c > 1 { // more than 64 bits
			return 0, false
		}
		value |= uint64(c&0x7f) << (7 * i)
		if c < 1<<7 {
			f.rest = f.rest[i+1:]
			return value, true
		}
	}
	return 0, false
}

// word gives the text of the field at hand, which must be UTF-8: protobuf
// refuses a string that is not.
func (f *fields) word() string {
	if !utf8.ValidString(f.text) {
		f.odd = true
	}
	return f.text
}

// stop ends the walk at a field that is not read here.
func (f *fields) stop() bool {
	f.odd = true
	return false
}

// plain tells, after the walk, whether all of the message was read.
func (f *fields) plain() bool { return !f.odd }

// entry reads one entry of a map of strings. What is not there is empty.
func entry(text string) (key, value string, plain bool) {
	f := fields{rest: text}
	for f.next() {
		switch f.tag {
		case 1<<3 | sized:
			key = f.word()
		case 2<<3 | sized:
			value = f.word()
		default:
			f.stop()
		}
	}
	return key, value, f.plain()
}

// A writer appends fields to a message. Strings are checked, since no decoder
// takes one that is not UTF-8.
type writer struct {
	text  []byte
	fault bool // a string was not UTF-8
}

// bytes appends what was encoded before.
func (w *writer) bytes(encoded []byte) { w.text = append(w.text, encoded...) }

// number appends a varint; a zero is said by its absence.
func (w *writer) number(tag byte, value uint64) {
	if value != 0 {
		w.text = binary.AppendUvarint(append(w.text, tag), value)
	}
}

// double appends a fraction, a zero too.
func (w *writer) double(tag byte, value float64) {
	w.text = binary.LittleEndian.AppendUint64(append(w.text, tag), math.Float64bits(value))
}

// string appends a text, an empty one too.
func (w *writer) string(tag byte, text string) {
	w.text = binary.AppendUvarint(append(w.text, tag), uint64(len(text)))
	w.chars(text)
}

// chars appends a text, or a part of one, to a field that is open.
func (w *writer) chars(text string) {
	w.fault = w.fault || !utf8.ValidString(text)
	w.text = append(w.text, text...)
}

// open begins a field whose length is not known yet; close ends it. It gives the
// place where its content begins.
func (w *writer) open(tag byte) int {
	w.text = append(w.text, tag, 0)
	return len(w.text)
}

// close writes the length of what follows the place. Mostly it fits into the byte
// that was left for it; else the content moves.
func (w *writer) close(begin int) {
	size := len(w.text) - begin
	if size < 1<<7 {
		w.text[begin-1] = byte(size)
		return
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(size))
	w.text = append(w.text, length[:n-1]...) // room
	copy(w.text[begin+n-1:], w.text[begin:begin+size])
	copy(w.text[begin-1:], length[:n])
}

const upperHex = "0123456789ABCDEF"

// escaped appends bytes with percent-encoding of what is not printable ASCII,
// and of the percent sign itself, so that they are one line that can be read
// back.
func (w *writer) escaped(value string) {
	for value != "" {
		plain := strings.IndexFunc(value, mustEscape)
		if plain < 0 {
			plain = len(value)
		}
		w.text = append(w.text, value[:plain]...)
		value = value[plain:]
		for value != "" && mustEscape(rune(value[0])) {
			w.text = append(w.text, '%', upperHex[value[0]>>4], upperHex[value[0]&15])
			value = value[1:]
		}
	}
}

func mustEscape(c rune) bool { return c < 0x20 || c > 0x7e || c == '%' }
