package jwks

import (
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"credence/internal/jwt"
)

// A teller writes to the log what changed with an issuer, and not what happens
// again. It is used by one goroutine at a time.
type teller struct {
	logger *slog.Logger
	keys   string // of the last good set; empty: there was none
	unused string // of the last set, good or not
	cause  string // of the failure that goes on; empty: there is none
	old    bool
}

func newTeller(o Options, from source) *teller {
	return &teller{logger: o.Logger.With(slog.String("issuer", shownURL(o.Issuer)), slog.String("source", from.String()))}
}

// fetched tells of a good set.
func (t *teller) fetched(set jwt.Set) {
	keys := set.Keys()
	number := []any{slog.Int("keys", len(keys)), slog.Int("kids", kids(keys))}
	now := nameOf(keys)
	switch {
	case t.keys == "":
		t.logger.Info("the keys of an issuer are known", number...)
	case t.keys != now:
		t.logger.Info("the keys of an issuer have changed", number...)
	}
	if t.cause != "" && t.keys != "" {
		t.logger.Info("the keys of an issuer can be fetched again", number...)
	}
	t.keys, t.cause, t.old = now, "", false
}

// failed tells why a fetch failed.
func (t *teller) failed(err error, known bool) {
	if t.cause == err.Error() {
		return
	}
	t.cause = err.Error()
	what := "the keys of an issuer cannot be fetched: its JWTs are denied until they are"
	if known {
		what = "the keys of an issuer cannot be fetched: the last good ones are used"
	}
	more := []any{slog.Any("cause", err)}
	var panicked *panicked
	if errors.As(err, &panicked) {
		more = append(more, slog.String("stack", string(panicked.stack)))
	}
	t.logger.Warn(what, more...)
}

// tooOld tells that the last good set is of no use any more.
func (t *teller) tooOld(age time.Duration) {
	if !t.old {
		t.old = true
		t.logger.Error("the last good keys of an issuer are too old: its JWTs are denied", slog.Duration("age", age.Round(time.Second)))
	}
}

// skipped tells of keys that are not used: private ones first, since others can
// sign with them.
func (t *teller) skipped(set jwt.Set) {
	const most = 5
	var private, unfit []string
	for _, skipped := range set.Skipped() {
		if errors.Is(skipped, jwt.ErrPrivateKey) {
			private = append(private, skipped.Error())
		} else {
			unfit = append(unfit, skipped.Error())
		}
	}
	all := slices.Concat(private, unfit)
	now := strings.Join(all, "\n")
	if now == t.unused {
		return
	}
	t.unused = now
	if len(all) > 0 {
		t.logger.Warn("keys of an issuer are not used", slog.Int("number", len(all)),
			slog.String("causes", strings.Join(all[:min(most, len(all))], "; ")))
	}
}

// nameOf tells two sets of keys apart, in whatever order they come.
func nameOf(keys []*jwt.Key) string {
	names := make([]string, len(keys))
	for n, key := range keys {
		sum := key.Sum()
		names[n] = hex.EncodeToString(sum[:]) + " " + key.ID()
	}
	slices.Sort(names)
	return strings.Join(names, "\n")
}

func kids(keys []*jwt.Key) int {
	different := map[string]bool{}
	for _, key := range keys {
		different[key.ID()] = true
	}
	return len(different)
}
