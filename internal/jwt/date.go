package jwt

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// lastSecond is that of the year 9999. A later date counts as this one: the
// calendar of package time ends before 64 bits of seconds do, and what begins
// again at the year 1 would be long valid.
const lastSecond = 253402300799

// date reads a NumericDate (RFC 7519 §2): seconds since 1970, not negative,
// fractions allowed, within 64 bits. It reads the digits and not a float, which
// would round them.
func (v value) date() (time.Time, bool) {
	if v.kind != isNumber || v.raw[0] == '-' {
		return time.Time{}, false
	}
	digits, point := decimal(v.raw)
	whole := digits[:max(0, min(point, len(digits)))]
	if missing := point - len(digits); missing > 0 && digits != "" {
		whole += strings.Repeat("0", min(missing, len("9223372036854775807")))
	}
	var seconds uint64
	if whole != "" {
		var err error
		if seconds, err = strconv.ParseUint(whole, 10, 64); err != nil || seconds > math.MaxInt64 {
			return time.Time{}, false
		}
	}
	if seconds >= lastSecond {
		return time.Unix(lastSecond, 0).UTC(), true
	}
	return time.Unix(int64(seconds), nanoseconds(digits, point)).UTC(), true
}

// decimal gives the significant digits of a JSON number without its sign, and
// how many of them stand before the point: less than none for 0.00…, more than
// there are for an exponent.
func decimal(number string) (digits string, point int) {
	mantissa, exponent := number, 0
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		mantissa = number[:i]
		// What does not fit is a number's own way to say never or always.
		exponent, _ = strconv.Atoi(number[i+1:])
		exponent = max(-MaxLength, min(exponent, MaxLength))
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	zeros := len(whole) + len(fraction) - len(digits)
	return digits, len(whole) + exponent - zeros
}

// nanoseconds gives the first nine digits after the point.
func nanoseconds(digits string, point int) int64 {
	var n int64
	for i := point; i < point+9; i++ {
		n *= 10
		if 0 <= i && i < len(digits) {
			n += int64(digits[i] - '0')
		}
	}
	return n
}
