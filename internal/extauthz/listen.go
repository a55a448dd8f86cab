package extauthz

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Listen opens the address that Envoy asks at: host:port, or unix: and the
// path of a socket, which gets the mode. A socket that a server left behind is
// replaced; one that still answers, and a file that is none, is an error. It
// is called before anything else creates files: it sets the process' umask for
// a moment, so that a socket is never more open than its mode.
func Listen(address string, mode fs.FileMode) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, "unix:")
	if !isUnix {
		listener, err := net.Listen("tcp", address)
		return listener, explained(address, err)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("extauthz: listen on %s: %w", address, err)
	}
	listener, err := listenUnix(path, mode)
	return listener, explained(address, err)
}

// explained says of an error that the address is taken, and how that may be.
func explained(address string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("extauthz: listen on %s: the address is in use: does another server run there? (%w)", address, err)
	}
	return fmt.Errorf("extauthz: listen on %s: %w", address, err)
}

func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	before := syscall.Umask(int(0o777 &^ mode.Perm()))
	listener, err := net.Listen("unix", path)
	syscall.Umask(before)
	if err != nil {
		return nil, err
	}
	// A umask takes bits away; the mode may have more than a socket is born with.
	if err := os.Chmod(path, mode.Perm()); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return newSocket(listener.(*net.UnixListener), path)
}

// A socketListener is one that removes its file when it closes, if it is still
// its own: another server may have taken its place meanwhile.
type socketListener struct {
	*net.UnixListener
	path string
	own  fs.FileInfo
}

func newSocket(listener *net.UnixListener, path string) (net.Listener, error) {
	own, err := os.Lstat(path)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	return &socketListener{listener, path, own}, nil
}

// Close implements net.Listener.
func (s *socketListener) Close() error {
	if there, err := os.Lstat(s.path); err == nil && os.SameFile(there, s.own) {
		_ = os.Remove(s.path) // one that is left behind is stale, and replaced
	}
	return s.UnixListener.Close()
}

// staleAfter is how long a socket is given to answer.
const staleAfter = time.Second

// removeStale removes a socket that nobody listens on any more.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file that is no socket")
	}
	connection, err := net.DialTimeout("unix", path, staleAfter)
	if err == nil {
		_ = connection.Close()
		return errors.New("the address is in use: another server answers there")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("there is a socket, and whether it is in use cannot be told: %w", err)
	}
	return os.Remove(path)
}
