package parts

import (
	"bufio"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// dialWire connects through a wire.
func dialWire(t *testing.T, w *WireProxy) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", w.Addr(), patience)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a request and returns the line that comes back within limit.
func ask(conn net.Conn, request string, limit time.Duration) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// wantSound fails unless a connection of its own is answered through the wire.
func wantSound(t *testing.T, w *WireProxy) {
	t.Helper()
	if got, err := ask(dialWire(t, w), "PING", patience); err != nil || got != "+PONG\r\n" {
		t.Fatalf("PING through a sound wire: got %q, %v, want +PONG", got, err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestWireHangs(t *testing.T) {
	w := Wire(t, Redis(t).Addr())
	wantSound(t, w)
	for name, hang := range map[string]func(){"hang": w.Hang, "vanish": w.Vanish} {
		conn := dialWire(t, w)
		if got, err := ask(conn, "PING", patience); err != nil {
			t.Fatalf("%s: PING before: got %q, %v", name, got, err)
		}
		hang()
		if got, err := ask(conn, "PING", 30*time.Millisecond); !isTimeout(err) {
			t.Errorf("%s: got %q, %v, want a timeout", name, got, err)
		}
		_, err := net.DialTimeout("tcp", w.Addr(), 100*time.Millisecond)
		if refuses := name == "vanish"; isTimeout(err) != refuses {
			t.Errorf("%s: dial: %v, want a timeout: %v", name, err, refuses)
		}
		w.Heal()
		if got, err := ask(conn, "ECHO b", patience); err != nil || got != "+PONG\r\n" {
			t.Errorf("%s: once healed, got %q, %v, want the reply that hung", name, got, err)
		}
		wantSound(t, w)
	}
}

// TestWireIsSevered holds back what is asked, which Redis is told all the same
// where only replies hang.
func TestWireIsSevered(t *testing.T) {
	r := Redis(t)
	w := Wire(t, r.Addr())
	for _, test := range []struct {
		name, key string
		befall    func()
		arrives   bool
	}{{"hangs", "a", w.Hang, true}, {"severed", "b", w.Sever, false}} {
		conn := dialWire(t, w)
		if got, err := ask(conn, "PING", patience); err != nil {
			t.Fatalf("%s: PING before: got %q, %v", test.name, got, err)
		}
		test.befall()
		if got, err := ask(conn, "SET "+test.key+" 1", 30*time.Millisecond); !isTimeout(err) {
			t.Errorf("%s: got %q, %v, want a timeout", test.name, got, err)
		}
		if arrived := r.CLI("EXISTS", test.key) == "1"; arrived != test.arrives {
			t.Errorf("%s: the request arrived: %v, want %v", test.name, arrived, test.arrives)
		}
		w.Heal()
		Await(t, patience, "what was held back arrives", func() error {
			if got := r.CLI("EXISTS", test.key); got != "1" {
				return errors.New("EXISTS " + got)
			}
			return nil
		})
		wantSound(t, w)
	}
}

// TestWireJitters has replies overtake those on other connections.
func TestWireJitters(t *testing.T) {
	w := Wire(t, Redis(t).Addr())
	w.Jitter(20 * time.Millisecond)
	one, other := dialWire(t, w), dialWire(t, w)
	race := func() (overtaken bool) {
		t.Helper()
		deadline := time.Now().Add(patience)
		order := make(chan net.Conn, 2)
		for _, conn := range []net.Conn{one, other} {
			if err := conn.SetDeadline(deadline); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("PING\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		for _, conn := range []net.Conn{one, other} {
			go func() {
				if got, err := bufio.NewReader(conn).ReadString('\n'); err != nil || got != "+PONG\r\n" {
					t.Errorf("PING: got %q, %v, want +PONG", got, err)
				}
				order <- conn
			}()
		}
		first := <-order
		<-order
		return first == other
	}
	counts := map[bool]int{}
	for range 40 {
		counts[race()]++
	}
	if counts[true] == 0 || counts[false] == 0 {
		t.Errorf("of 40 replies %d came before one that was asked for sooner, want some and not all", counts[true])
	}
	w.Heal()
	wantSound(t, w)
}

func TestWireEndsConnections(t *testing.T) {
	w := Wire(t, Redis(t).Addr())
	conn := dialWire(t, w)
	if got, err := ask(conn, "PING", patience); err != nil {
		t.Fatalf("PING before: got %q, %v", got, err)
	}
	w.Reset()
	wantReset := func(name, got string, err error) {
		t.Helper()
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("reset, %s: got %q, %v, want a reset", name, got, err)
		}
	}
	got, err := ask(conn, "PING", patience)
	wantReset("a connection that was there", got, err)
	if conn, err = net.DialTimeout("tcp", w.Addr(), patience); err == nil { // it may be reset while it is made
		defer conn.Close()
		got, err = ask(conn, "PING", patience)
	}
	wantReset("a new connection", got, err)
	w.Refuse()
	if _, err := net.DialTimeout("tcp", w.Addr(), patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refuse: dial: %v, want %v", err, syscall.ECONNREFUSED)
	}
	w.Heal()
	wantSound(t, w)
}

func TestWireCutsBehindText(t *testing.T) {
	r := Redis(t)
	r.CLI("HSET", "h", "a", "1", "b", "2")
	w := Wire(t, r.Addr())
	w.Cut("a\r\n$1\r\n1")
	conn := dialWire(t, w)
	if got, err := ask(conn, "PING", patience); err != nil || got != "+PONG\r\n" {
		t.Errorf("a reply without the text: got %q, %v, want +PONG", got, err)
	}
	if _, err := conn.Write([]byte("HGETALL h\r\n")); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(conn)
	if want := "*4\r\n$1\r\na\r\n$1\r\n1"; err != nil || string(rest) != want {
		t.Errorf("got %q, %v, want %q and the end", rest, err, want)
	}
	w.Heal()
	wantSound(t, w)
}

func TestWireIsSlow(t *testing.T) {
	w := Wire(t, Redis(t).Addr())
	for name, slow := range map[string]func(){
		"slow": func() { w.Slow(60 * time.Millisecond) },
		"drip": func() { w.Drip(60 * time.Millisecond / time.Duration(len("+PONG\r\n")-1)) },
	} {
		slow()
		begun := time.Now()
		got, err := ask(dialWire(t, w), "PING", patience)
		if took := time.Since(begun); err != nil || got != "+PONG\r\n" || took < 60*time.Millisecond {
			t.Errorf("%s: got %q, %v after %v, want +PONG after 60 ms", name, got, err, took)
		}
		w.Heal()
	}
	wantSound(t, w)
}

// TestCutAcrossPieces finds the text where a network breaks it.
func TestCutAcrossPieces(t *testing.T) {
	for _, test := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"in one", []string{"xxabcyy"}, "xxabc"},
		{"in two", []string{"xxab", "cyy"}, "xxabc"},
		{"byte by byte", []string{"x", "a", "b", "a", "b", "c", "y"}, "xababc"},
		{"not at all", []string{"ab", "ab"}, "abab"},
	} {
		l := &link{}
		got, cut := "", false
		for _, piece := range test.pieces {
			var part []byte
			if part, cut = l.upTo("abc", []byte(piece)); cut {
				got += string(part)
				break
			}
			got += string(part)
		}
		if wantCut := test.name != "not at all"; got != test.want || cut != wantCut {
			t.Errorf("%s: got %q, cut %v, want %q, cut %v", test.name, got, cut, test.want, wantCut)
		}
	}
}
