package redisstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"credence/internal/registry"
)

// A Store is a registry in Redis. It is safe for concurrent use.
type Store struct {
	pool    *connections
	prefix  string
	timeout time.Duration
	clock   func() time.Time
	options Options
	commit  script
	init    script
	kept    keptConnection
}

var _ registry.Store = (*Store)(nil)

// Open makes a Store. It checks the options and connects to nothing: whether
// Redis is there is what Ping tells. Close ends it.
func Open(options Options) (*Store, error) {
	silenceGoRedis()
	if err := checkPrefix(options.Prefix); err != nil {
		return nil, fmt.Errorf("redisstore: prefix %q: %w", options.Prefix, err)
	}
	if options.Timeout == 0 {
		options.Timeout = CommandTimeout
	}
	if options.Connections == 0 {
		options.Connections = defaultConnections
	}
	if options.Clock == nil {
		options.Clock = time.Now
	}
	client, err := options.client()
	if err != nil {
		return nil, err
	}
	return &Store{
		pool:    newConnections(client, settleTime(options)),
		prefix:  options.Prefix,
		timeout: options.Timeout,
		clock:   options.Clock,
		options: options,
		commit:  newScript(commitSource),
		init:    newScript(initSource),
	}, nil
}

// silenceGoRedis turns off what go-redis prints to standard error by itself:
// it would be there in a form of its own beside our log, and everything that
// matters of it comes as an error too. Its logger is one for the process, so
// it is set once.
var silenceGoRedis = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

// Printf implements go-redis' logger.
func (silence) Printf(context.Context, string, ...any) {}

// Ping asks whether Redis answers, and whether it lets us in. Errors are
// registry.ErrUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.client().Ping(ctx).Err(); err != nil {
		return s.unavailable("ping", err)
	}
	return nil
}

// client gives the connections to ask by, for one exchange: the next may have
// others.
func (s *Store) client() *redis.Client { return s.pool.current.Load() }

// Close closes all connections. Calls that run fail.
func (s *Store) Close() error {
	if err := s.pool.close(); err != nil {
		return fmt.Errorf("redisstore: close: %w", err)
	}
	return nil
}

// key gives the key in Redis of one that is written without the prefix.
func (s *Store) key(name string) string { return s.prefix + name }
