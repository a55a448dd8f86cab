package redisstore

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/push"

	"credence/internal/registry"
)

// A watch is one connection on which Redis tells of writes. A PubSub of go-redis
// owns it, which alone reads what nobody asked for as soon as it comes.
type watch struct {
	store   *Store
	written func([]registry.Ref)
	client  *redis.Client
	pushes  *redis.PubSub
	answers chan struct{} // a ping was answered

	// Of the goroutine that runs the watch alone.
	begun   bool // nothing is missed from here on
	telling bool // written is under way

	mu     sync.Mutex
	conn   net.Conn // nil: none yet
	dialed bool     // and it is never done again
	cause  error    // why it is over; nil: it is not
	asked  uint64   // pings, each with its number
	heard  uint64   // their answers
}

var (
	errDialedAgain  = errors.New("the connection was lost")
	errForeignReply = errors.New("an answer that nobody asked for")
	errSilent       = errors.New("a ping had no answer in time")
)

// newWatch makes a watch that connects to nothing yet.
func (s *Store) newWatch(written func([]registry.Ref)) (*watch, error) {
	options, err := s.options.client()
	if err != nil {
		return nil, err
	}
	w := &watch{store: s, written: written, answers: make(chan struct{}, 1)}
	options.PoolSize, options.MinIdleConns = 1, 0
	options.OnConnect = s.begin
	options.Dialer = w.dialer(options.Dialer)
	w.client = redis.NewClient(options)
	if err := w.client.RegisterPushNotificationHandler("invalidate", w, false); err != nil {
		w.close()
		return nil, err
	}
	w.pushes = w.client.Subscribe(context.Background()) // to nothing, and does not connect yet
	return w, nil
}

// dialer lets a watch have one connection. A PubSub makes a new one by itself
// when it fails, and nobody would know that something was missed.
func (w *watch) dialer(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		again := w.dialed
		w.dialed = true
		w.mu.Unlock()
		if again {
			return nil, errDialedAgain
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.cause != nil {
			_ = conn.Close()
			return nil, w.cause
		}
		w.conn = conn
		return conn, nil
	}
}

// cut ends the watch: whoever reads or writes on its connection fails at once.
// The first cause counts.
func (w *watch) cut(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause == nil {
		w.cause = cause
	}
	if w.conn != nil {
		_ = w.conn.Close()
	}
}

// over gives why the watch was ended, or else what came of it.
func (w *watch) over(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause != nil {
		return w.cause
	}
	return err
}

// close forgets the connection.
func (w *watch) close() {
	w.cut(redis.ErrClosed)
	if w.pushes != nil {
		_ = w.pushes.Close() // it was closed already
	}
	_ = w.client.Close()
}

// run connects, tells once that nothing is missed from here on, and then of all
// that is written, until the connection is lost.
func (w *watch) run(ctx context.Context, pause time.Duration, on func()) error {
	if err := w.ping(ctx); err != nil {
		return w.over(err)
	}
	asking, stop := context.WithCancel(ctx)
	var asker sync.WaitGroup
	asker.Go(func() { w.keepAsking(asking, pause) })
	defer asker.Wait()
	defer stop()
	for {
		message, err := w.receive(ctx)
		if err != nil {
			return w.over(untrackedBy(err))
		}
		if pong, ok := message.(*redis.Pong); !ok || !w.answered(pong.Payload) {
			return errForeignReply
		}
		if !w.begun {
			w.begun = true
			on()
		}
	}
}

// receive gives the next answer, and tells of all writes that come before it. It
// waits until the connection ends.
func (w *watch) receive(ctx context.Context) (message any, err error) {
	defer func() {
		// go-redis looks into an answer without counting what is in it.
		if fault := recover(); fault != nil {
			if w.telling {
				panic(fault)
			}
			err = errForeignReply
		}
	}()
	return w.pushes.Receive(context.WithoutCancel(ctx)) // a deadline would be one of the connection
}

// ping asks Redis for an answer, and connects first where that was not done. All
// that was written before is told before the answer.
func (w *watch) ping(ctx context.Context) error {
	w.mu.Lock()
	w.asked++
	number := strconv.FormatUint(w.asked, 10)
	w.mu.Unlock()
	return w.pushes.Ping(ctx, number)
}

// answered notes an answer, which holds the number of its question: else the
// connection has got out of step.
func (w *watch) answered(number string) bool {
	w.mu.Lock()
	w.heard++
	matches := number == strconv.FormatUint(w.heard, 10) && w.heard <= w.asked
	w.mu.Unlock()
	if matches {
		w.answers <- struct{}{} // there is room: it is asked again only once this was taken
	}
	return matches
}

// keepAsking waits for the answer to a ping and sends the next, until an answer
// does not come in time: a connection that leads nowhere tells of nothing
// either.
func (w *watch) keepAsking(ctx context.Context, pause time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.answers:
		case <-time.After(w.store.timeout + pingGrace):
			w.cut(errSilent)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if err := w.ping(ctx); err != nil {
			w.cut(err)
			return
		}
	}
}

// HandlePushNotification implements push.NotificationHandler for what Redis
// tells of writes.
func (w *watch) HandlePushNotification(_ context.Context, _ push.NotificationHandlerContext, notification []any) error {
	if !w.begun {
		return nil // nobody was told yet that he would hear of it
	}
	if refs, all := w.store.writtenRefs(notification); all || len(refs) > 0 {
		w.telling = true
		w.written(refs)
		w.telling = false
	}
	return nil
}
