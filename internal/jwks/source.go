package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// A source is where a JWKS is read from.
type source interface {
	// read gives the text of the JWKS, and how long to wait before it is read
	// again. It ends soon after ctx does.
	read(ctx context.Context) (text []byte, fresh time.Duration, err error)
	// again says how long to wait after failures, of which there were so many in
	// a row.
	again(failures int, known bool) time.Duration
	// keeps tells for how long a set serves; zero: until there is another.
	keeps() time.Duration
	// String says where it is, for people.
	fmt.Stringer
}

// maxText is the longest JWKS, in bytes.
const maxText = 1 << 20

var errTooLong = fault("the JWKS is longer than 1 MiB")

// readAll reads a JWKS to its end, unless it is too long.
func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText+1)) // one more shows that it goes on
	if err != nil {
		return nil, err
	}
	if len(text) > maxText {
		return nil, errTooLong
	}
	return text, nil
}

// rereadAfter is how often a file is read: it costs little, and nothing else
// tells everywhere that it is another.
const rereadAfter = 5 * time.Second

// A file is a JWKS on this machine.
type file struct{ path string }

func (f file) String() string { return f.path }

func (f file) read(context.Context) ([]byte, time.Duration, error) {
	info, err := os.Stat(f.path) // before it is opened, which waits where it is a pipe
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New(f.path + ": is no regular file")
	}
	opened, err := os.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = opened.Close() }()
	text, err := readAll(opened)
	return text, rereadAfter, err
}

func (f file) again(int, bool) time.Duration { return rereadAfter }

func (f file) keeps() time.Duration { return 0 }
