package extauthz

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// socket gives a path that is short enough for a socket.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ext")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "a.sock")
}

// answers tells whether somebody listens on a socket.
func answers(path string) bool {
	connection, err := net.Dial("unix", path)
	if err == nil {
		_ = connection.Close()
	}
	return err == nil
}

func TestListenOnTCP(t *testing.T) {
	first, err := Listen("127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() //nolint:errcheck // the test is over
	second, err := Listen(first.Addr().String(), 0)
	if second != nil || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "the address is in use") {
		t.Errorf("the same address again is %v, %v, want an error that says that it is in use", second, err)
	}
	if listener, err := Listen("192.0.2.1:1", 0); err == nil || listener != nil || !strings.HasPrefix(err.Error(), "extauthz: listen on 192.0.2.1:1: ") {
		t.Errorf("an address of nobody's is %v, %v, want an error that names it", listener, err)
	}
}

// TestSocketMode holds the mode whatever the umask is.
func TestSocketMode(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	for _, umask := range []int{0, 0o022, 0o077} {
		syscall.Umask(umask)
		for _, mode := range []fs.FileMode{0o600, 0o660, 0o666, 0o700} {
			path := socket(t)
			listener, err := Listen("unix:"+path, mode)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != fs.ModeSocket|mode {
				t.Errorf("under umask %o a socket of mode %o is %v, %v", umask, mode, info.Mode(), err)
			}
			if after := syscall.Umask(umask); after != umask {
				t.Errorf("the umask is %o, want %o as before", after, umask)
			}
			if !answers(path) {
				t.Errorf("nobody answers at %s", path)
			}
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the closed socket is left behind: %v", err)
			}
		}
	}
}

func TestWhatIsThereAlready(t *testing.T) {
	tests := []struct {
		name  string
		there func(t *testing.T, path string)
		fails string // part of the error; empty: the socket is made
		kept  func(path string) bool
	}{
		{"nothing", func(*testing.T, string) {}, "", answers},
		{"a socket that a server left behind", func(t *testing.T, path string) {
			listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			listener.SetUnlinkOnClose(false)
			_ = listener.Close()
		}, "", answers},
		{"a server that answers", func(t *testing.T, path string) {
			listener, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
		}, "the address is in use", answers},
		{"a file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "a file that is no socket", exists},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "a file that is no socket", exists},
		{"a link, to a socket even", func(t *testing.T, path string) {
			if err := os.Symlink(path+".other", path); err != nil {
				t.Fatal(err)
			}
		}, "a file that is no socket", exists},
		{"no directory to be in", func(t *testing.T, path string) {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}, "no such file or directory", func(path string) bool { return !exists(path) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := socket(t)
			tt.there(t, path)
			listener, err := Listen("unix:"+path, 0o660)
			if tt.fails == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer listener.Close() //nolint:errcheck // the test is over
			} else if listener != nil || err == nil || !strings.HasPrefix(err.Error(), "extauthz: listen on unix:"+path) || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("listening gives %v, %v, want an error about %q", listener, err, tt.fails)
			}
			if !tt.kept(path) {
				t.Errorf("%s is not as it should be afterwards", path)
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestSuccessorKeepsItsSocket closes a listener whose place another has taken.
func TestSuccessorKeepsItsSocket(t *testing.T) {
	path := socket(t)
	first, err := Listen("unix:"+path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := Listen("unix:"+path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil || !answers(path) {
		t.Errorf("the first closed (%v): the second answers %v, want true", err, answers(path))
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the second closed: its socket is still there (%v)", err)
	}
}
