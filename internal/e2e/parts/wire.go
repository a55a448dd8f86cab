package parts

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// WireProxy is the way from credence to Redis, and does what networks do. It starts sound; each method makes it another
// until the next one does, for the connections that there are and for those to come. Only Heal makes it sound again.
// What is said here of replies holds for whatever comes back from upstream; requests always pass, unless the wire is
// severed. Its methods are for one goroutine, the test's, and fail the test when they cannot do what they say.
type WireProxy struct {
	t        testing.TB
	upstream string
	listener *net.TCPListener
	running  sync.WaitGroup
	accepts  chan struct{} // closed when nobody accepts connections any more
	fillers  []net.Conn    // what stands in the way of new connections, while vanished

	mu      sync.Mutex
	flaw    flaw
	changed chan struct{} // closed when flaw is another
	links   map[*link]bool
}

// A flaw is what is wrong with a wire; the zero flaw is nothing.
type flaw struct {
	delay  time.Duration // before each piece of a reply
	jitter time.Duration // the same, by chance up to that long
	bytes  bool          // pieces are single bytes
	hangs  bool          // replies wait until it is healed
	mute   bool          // requests do
	cut    string        // connections end behind this text in a reply
	ends   bool          // connections end, those to come as soon as they are there
	door   door
}

// wait returns how long the next piece of a reply takes.
func (f flaw) wait() time.Duration {
	if f.jitter > 0 {
		return f.delay + rand.N(f.jitter)
	}
	return f.delay
}

// A door is what becomes of those who connect.
type door int

const (
	open  door = iota
	shut       // refused at once
	stuck      // no answer
)

// Wire starts a proxy on a free loopback port to upstream, "host:port".
func Wire(t testing.TB, upstream string) *WireProxy {
	t.Helper()
	w := &WireProxy{t: t, upstream: upstream, changed: make(chan struct{}), links: make(map[*link]bool)}
	var err error
	for range 5 { // a port can be taken between the look and the use
		var port int
		if port, err = freePort(); err != nil {
			break
		}
		if w.listener, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("parts: wire: %v", err)
	}
	w.accept()
	t.Cleanup(func() {
		w.become(flaw{ends: true, door: shut})
		w.running.Wait()
	})
	return w
}

// Addr returns where the wire begins, "host:port".
func (w *WireProxy) Addr() string { return w.listener.Addr().String() }

// Heal makes the wire sound. Replies that hung arrive.
func (w *WireProxy) Heal() {
	w.t.Helper()
	w.become(flaw{})
}

// Slow makes each piece of a reply, as the kernel hands it out, come later by delay.
func (w *WireProxy) Slow(delay time.Duration) {
	w.t.Helper()
	w.become(flaw{delay: delay})
}

// Jitter makes each piece of a reply come later, by chance up to most: what is sent first on one connection comes last
// by another.
func (w *WireProxy) Jitter(most time.Duration) {
	w.t.Helper()
	w.become(flaw{jitter: most})
}

// Drip makes replies come one byte at a time, every that long.
func (w *WireProxy) Drip(every time.Duration) {
	w.t.Helper()
	w.become(flaw{delay: every, bytes: true})
}

// Hang holds back all replies. Connecting succeeds.
func (w *WireProxy) Hang() {
	w.t.Helper()
	w.become(flaw{hangs: true})
}

// Vanish is a machine that is gone without a word: replies are held back, and who connects gets no answer.
func (w *WireProxy) Vanish() {
	w.t.Helper()
	w.become(flaw{hangs: true, door: stuck})
}

// Sever is a network that is parted: no byte passes either way, and who connects gets no answer. Once it is healed all
// of it arrives.
func (w *WireProxy) Sever() {
	w.t.Helper()
	w.become(flaw{hangs: true, mute: true, door: stuck})
}

// Cut ends each connection behind the first reply, or part of one, that ends with text.
func (w *WireProxy) Cut(text string) {
	w.t.Helper()
	w.become(flaw{cut: text})
}

// Reset resets all connections, and each new one as soon as it is there.
func (w *WireProxy) Reset() {
	w.t.Helper()
	w.become(flaw{ends: true})
}

// Refuse resets all connections and refuses new ones, as where nobody listens.
func (w *WireProxy) Refuse() {
	w.t.Helper()
	w.become(flaw{ends: true, door: shut})
}

// become is another wire.
func (w *WireProxy) become(next flaw) {
	w.t.Helper()
	w.stopAccepting()
	w.mu.Lock()
	w.flaw = next
	close(w.changed)
	w.changed = make(chan struct{})
	if next.ends {
		for l := range w.links {
			l.reset()
		}
	}
	w.mu.Unlock()
	switch next.door {
	case open:
		w.accept()
	case shut:
		_ = w.listener.Close() // closed already is what is wanted
	case stuck:
		w.block()
	}
}

// accept takes connections until stopAccepting, on a listener of its own where the last one was closed.
func (w *WireProxy) accept() {
	w.t.Helper()
	if err := w.listener.SetDeadline(time.Time{}); err != nil {
		Await(w.t, patience, "a wire again on "+w.Addr(), func() error {
			again, err := net.ListenTCP("tcp", w.listener.Addr().(*net.TCPAddr))
			if err == nil {
				w.listener = again
			}
			return err
		})
	}
	listener, ended := w.listener, make(chan struct{})
	w.accepts = ended
	w.running.Go(func() {
		defer close(ended)
		for {
			near, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			w.connect(near)
		}
	})
}

// stopAccepting returns when nobody accepts connections. The listener goes on, unless it was closed.
func (w *WireProxy) stopAccepting() {
	w.t.Helper()
	_ = w.listener.SetDeadline(time.Now()) // it may be closed, by which accepting ends as well
	<-w.accepts
	for _, filler := range w.fillers {
		_ = filler.Close()
	}
	w.fillers = nil
	w.queue(128)
}

// block lets nobody connect: with its queue full, and nobody to accept, the kernel drops what asks for a connection.
func (w *WireProxy) block() {
	w.t.Helper()
	w.queue(0)
	for range 10 {
		filler, err := net.DialTimeout("tcp", w.Addr(), 200*time.Millisecond)
		if err != nil {
			return
		}
		w.fillers = append(w.fillers, filler)
	}
	w.t.Fatal("parts: wire: connecting goes on though nobody accepts")
}

// queue says how many connections the kernel keeps until they are accepted.
func (w *WireProxy) queue(length int) {
	raw, err := w.listener.SyscallConn()
	if err == nil {
		// An error says that it is closed, and has no queue.
		_ = raw.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), length) })
	}
}

// connect makes a link of a connection.
func (w *WireProxy) connect(near *net.TCPConn) {
	l := &link{near: near, gone: make(chan struct{})}
	w.mu.Lock()
	ends := w.flaw.ends
	w.links[l] = true
	w.mu.Unlock()
	far, err := net.Dial("tcp", w.upstream)
	if err != nil || ends {
		l.reset()
	}
	w.running.Go(func() {
		if err == nil {
			l.pass(far, w.state)
		}
		w.mu.Lock()
		delete(w.links, l)
		w.mu.Unlock()
	})
}

// state returns what is wrong now, and what is closed when that is no longer so.
func (w *WireProxy) state() (flaw, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flaw, w.changed
}

// A link is a connection that goes through a wire.
type link struct {
	near *net.TCPConn
	once sync.Once
	gone chan struct{}
	seen []byte // the end of what has passed, for as long as there is something to cut behind
}

// reset ends a link with a TCP reset.
func (l *link) reset() {
	l.once.Do(func() {
		_ = l.near.SetLinger(0)
		close(l.gone)
		_ = l.near.Close()
	})
}

// end ends a link, as a program does that closes its connection.
func (l *link) end() {
	l.once.Do(func() {
		close(l.gone)
		_ = l.near.Close()
	})
}

// pass lets requests and replies through until either side has enough.
func (l *link) pass(far net.Conn, state func() (flaw, <-chan struct{})) {
	var requests sync.WaitGroup
	requests.Go(func() {
		defer far.Close()
		copyPieces(l.near, func(piece []byte) bool {
			if !l.speaks(state) {
				return false
			}
			_, err := far.Write(piece)
			return err == nil
		})
		l.end()
	})
	copyPieces(far, func(piece []byte) bool { return l.deliver(piece, state) })
	l.end()
	requests.Wait()
}

// copyPieces hands out what it reads until it cannot, or is told to stop.
func copyPieces(from net.Conn, to func([]byte) bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !to(buffer[:n]) || err != nil {
			return
		}
	}
}

// speaks waits until requests pass. False: the link has ended.
func (l *link) speaks(state func() (flaw, <-chan struct{})) bool {
	for {
		now, changed := state()
		if !now.mute {
			return true
		}
		select {
		case <-changed:
		case <-l.gone:
			return false
		}
	}
}

// deliver brings a piece of a reply, as the wire is now. False: the link has ended.
func (l *link) deliver(reply []byte, state func() (flaw, <-chan struct{})) bool {
	for len(reply) > 0 {
		now, changed := state()
		var due <-chan time.Time // of a wire that hangs: never
		if !now.hangs {
			due = time.After(now.wait())
		}
		select {
		case <-due:
		case <-changed:
			continue
		case <-l.gone:
			return false
		}
		piece := reply
		if now.bytes {
			piece = reply[:1]
		}
		last := false
		if now.cut != "" {
			piece, last = l.upTo(now.cut, piece)
		}
		if _, err := l.near.Write(piece); err != nil || last {
			return false
		}
		reply = reply[len(piece):]
	}
	return true
}

// upTo returns a piece up to the end of text, where that has now passed, maybe begun in an earlier piece.
func (l *link) upTo(text string, piece []byte) (part []byte, found bool) {
	before := len(l.seen)
	l.seen = append(l.seen, piece...)
	if at := bytes.Index(l.seen, []byte(text)); at >= 0 {
		return piece[:max(0, at+len(text)-before)], true
	}
	l.seen = bytes.Clone(l.seen[max(0, len(l.seen)-len(text)+1):])
	return piece, false
}
