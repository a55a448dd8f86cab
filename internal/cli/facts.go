package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"credence/internal/cache"
	"credence/internal/config"
	"credence/internal/fleet"
	"credence/internal/redisstore"
	"credence/internal/registry"
	"credence/internal/telemetry"
)

// followsBy is how many connections there are of what follows the registry,
// besides those of feed and tracker.
const followsBy = 4

// facts are what a server knows of the registry, and what keeps it so.
type facts struct {
	cache         *cache.Cache
	follower      *cache.Follower
	watcher       *cache.Watcher
	lookups       *redisstore.Store // for facts
	control       *redisstore.Store // for all else, so that neither waits for the other
	feed          *redisstore.Feed
	config        config.Config
	logger        *slog.Logger
	toldNoInfo    bool        // that Redis does not say whether it evicts
	wantsReplicas atomic.Bool // Redis takes no writes without some
}

// newFacts makes facts of nothing. It connects to nobody. made is called at the
// first contact.
func newFacts(c config.Config, logger *slog.Logger, metrics *telemetry.Metrics, made func()) (f *facts, err error) {
	f = &facts{config: c, logger: logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	peppers, err := loadPeppers(c.Credentials.PepperFiles)
	if err != nil {
		return f, err
	}
	options := storeOptions(c.Redis)
	options.Timeout, options.Connections = c.Redis.Timeout, cache.MostLookups
	if f.lookups, err = redisstore.Open(options); err != nil {
		return f, err
	}
	f.cache, err = cache.New(cache.Options{
		Source: metrics.Witness(f.lookups), Peppers: peppers,
		Digests: c.Credentials.Digests, RegistryID: c.Redis.RegistryID,
		MaxEntries: c.Cache.MaxEntries, TTL: c.Cache.TTL, NegativeTTL: c.Cache.NegativeTTL, StaleFor: c.Cache.StaleFor,
		Timeout: c.Redis.Timeout, Renew: f.lookups.Renew,
	})
	if err != nil {
		return f, err
	}
	// A round and its answer together take no longer than a round may.
	half := f.cache.LongestRound() / 2
	options.Timeout, options.Connections = half, followsBy
	if f.control, err = redisstore.Open(options); err != nil {
		return f, err
	}
	if f.feed, err = f.control.Feed(half); err != nil {
		return f, err
	}
	f.watcher = cache.NewWatcher(f.cache, logger, made)
	f.follower = &cache.Follower{
		Cache: f.cache, Feed: f.feed, Past: f.control, Seat: fleet.NewSeat(f.control, fleet.SeatOptions{StaleFor: c.Cache.StaleFor, Version: version()}),
		Tracker: f.control.Tracker(), Evicts: f.evicts, Counts: f.counts, Renew: f.renew,
		Watcher: f.watcher, Logger: logger,
	}
	metrics.Facts(f.cache.State, f.watcher.Tracked)
	return f, nil
}

// renew has all connections made anew: those that there are may lead to a
// server that is the primary no longer.
func (f *facts) renew() {
	f.lookups.Renew()
	f.control.Renew()
	_ = f.feed.Close() // the next round connects
}

// evicts gives cache.ErrEvicts where Redis removes records by itself, and nil
// where it does not, or does not say.
func (f *facts) evicts(ctx context.Context) error {
	info, told, err := f.control.Info(ctx)
	if err != nil {
		return err
	}
	f.wantsReplicas.Store(info.WantsSome)
	switch {
	case info.Evicts():
		return cache.ErrEvicts
	case !told && !f.toldNoInfo:
		f.toldNoInfo = true
		f.logger.Warn("redis does not say whether it evicts records", slog.String("needs", "INFO"))
	}
	return nil
}

// counts tells errors of a heartbeat that was refused only for want of memory
// or of a disk. That its disk is full hides from us whether Redis has the
// replicas that it wants: then others may commit elsewhere.
func (f *facts) counts(err error) bool {
	return redisstore.IsFull(err) && (!redisstore.IsUnsaved(err) || !f.wantsReplicas.Load())
}

// close ends all connections.
func (f *facts) close() error {
	var errs []error
	if f.feed != nil {
		errs = append(errs, f.feed.Close())
	}
	for _, store := range []*redisstore.Store{f.control, f.lookups} {
		if store != nil {
			errs = append(errs, store.Close())
		}
	}
	return errors.Join(errs...)
}

const deniedUntilContact = "checks are denied with 503 until there is contact again"

// readiness tells whether the server wants to be asked, and what is amiss. It
// is not ready before the first contact; after that it stays ready and says
// what is amiss: were all servers taken out, Envoy would see an error, which
// failure_mode_allow lets pass.
func (f *facts) readiness() (ready bool, lines []string) {
	state := f.cache.State()
	switch state.Standing() {
	case cache.NeverContacted:
		return false, []string{f.whyNot(state.Cause)}
	case cache.OutOfContact:
		lines = []string{f.whyNot(state.Cause), deniedUntilContact}
		if left := max(0, f.config.Cache.StaleFor-state.Age).Round(time.Second); state.Known > 0 {
			lines[1] = fmt.Sprintf("what is known serves for another %v, all else is denied with 503", left)
		}
	case cache.TooOld:
		lines = []string{f.whyNot(state.Cause), deniedUntilContact}
	case cache.InContact:
	}
	if state.Withheld > 0 {
		lines = append(lines, fmt.Sprintf("registry: %s withheld, since commits that had changed them were lost: the log names them", areWithheld(state.Withheld)))
	}
	return true, lines
}

func areWithheld(n int) string {
	if n == 1 {
		return "1 record is"
	}
	return fmt.Sprintf("%d records are", n)
}

// whyNot says in one line why there is no contact.
func (f *facts) whyNot(err error) string {
	if errors.Is(err, registry.ErrNoRegistry) {
		return fmt.Sprintf("registry: none in redis at %s (prefix %s): a wrong prefix or database? else restore it, or make a first one with credence init",
			address(f.config.Redis.URL), f.config.Redis.Prefix)
	}
	return "registry: " + plain(err)
}
