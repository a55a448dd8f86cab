package jwks

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// When keys are fetched.
const (
	firstAgain   = time.Second      // until the first set is there
	missAgain    = 30 * time.Second // for kids that are unknown, at most
	soonest      = time.Minute      // bounds of what Cache-Control says
	latest       = time.Hour
	unsaid       = 5 * time.Minute // where it says nothing
	backoffFrom  = 2 * time.Second // after a failure, doubled with each
	backoffUntil = time.Minute
	keptFor      = 24 * time.Hour // from the sending of the fetch
)

// spread moves a time by up to a tenth either way, so that servers which began
// together do not ask together.
func spread(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*float64(d)/5) // #nosec G404 -- it spreads and protects nothing
}

// backoff is how long to wait after so many failures in a row.
func backoff(failures int) time.Duration {
	d := backoffFrom
	for range failures - 1 {
		d = min(2*d, backoffUntil)
		if d == backoffUntil {
			break
		}
	}
	return d
}

// freshness says how long an answer is good for (RFC 9111 §4.2), within our
// bounds. What is not to be kept, or says so in words that cannot be read, is
// asked for again as soon as we do.
func freshness(header http.Header) time.Duration {
	life, said := lifetime(strings.Join(header.Values("Cache-Control"), ","))
	if !said {
		return unsaid
	}
	if age, ok := seconds(header.Get("Age")); ok { // it was kept elsewhere before
		life -= age
	}
	return min(max(life, soonest), latest)
}

// lifetime reads Cache-Control. said is false where it says nothing of it.
func lifetime(directives string) (life time.Duration, said bool) {
	for directive := range strings.SplitSeq(directives, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			age, _ := seconds(strings.Trim(value, `"`))
			if !said || age < life {
				life, said = age, true
			}
		}
	}
	return life, said
}

// seconds reads a number of seconds (RFC 9111 §1.2.2); what is beyond all bounds
// of ours is a day.
func seconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	const aDay = 24 * 3600
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > aDay {
		n = aDay
	}
	return time.Duration(n) * time.Second, true
}
